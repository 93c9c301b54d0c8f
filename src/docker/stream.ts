import { type Engine, EngineError } from "./client.ts";
import { type Cut, cutLine, rejoin } from "./cut.ts";
import { type DockerEvent, NotAnEvent, parseEvent } from "./event.ts";
import { LineSplitter } from "./lines.ts";
import { Reads } from "./reads.ts";
import { hashLine, type Mark, Resume, timestamp } from "./resume.ts";

/** Longest line that is read whole, bytes; the engine knows no bound (labels may be that long). */
export const LINE_MAX = 8 * 1024 * 1024;

/** Delays before the stream is opened again, ms: growing, jittered, the first one short for what an engine's start emits. */
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 5_000;
/** How long after the headers an engine has sent what it kept, at the latest. */
const CATCH_UP_MS = 1_000;
/** How long reading what the engine kept may take. */
const HISTORY_MAX_MS = 2_000;
/** How long a ping may take before the engine counts as hanging. */
const PING_TIMEOUT_MS = 5_000;
/** How much of a line that is no event is shown. */
const HEAD_SHOWN_BYTES = 256;

/** What was lost, as far as it can be known. */
export interface Loss {
  readonly reason: string;
  /** Between which times, ns since 1970. */
  readonly since: bigint;
  readonly until: bigint;
  /** How many events; undefined where nobody knows. */
  readonly count?: number;
}

/** What the stream tells whoever reads it; everything in order. */
export interface EventSink {
  /** Connected; called before anything that the connection brings. */
  opened(): void;
  /** An event that was not delivered before. The line's bytes are valid only during the call; `cut`: they are ours. */
  event(event: DockerEvent, line: Buffer, start: number, end: number, mark: Mark, cut: Cut | undefined): void;
  /** A line that is no event, with its first bytes. */
  malformed(why: string, head: Buffer): void;
  /** Events that never will come. */
  lost(loss: Loss): void;
  /** All that came in one piece has been handed over. */
  settled(): void;
  /** The connection broke or cannot be had (`error`), or is there again (undefined). */
  connection(error: EngineError | undefined): void;
}

export interface StreamOptions {
  /** Bytes of a line beyond which an event is cut down. */
  readonly maxEventBytes: number;
  /** Milliseconds between two pings, 0 for none. */
  readonly pingInterval: number;
  /** Where an earlier stream of this engine stood; undefined where there was none. */
  readonly resume?: ResumePoint | undefined;
}

export interface ResumePoint {
  /** When that stream began, ns since 1970. */
  readonly began: bigint;
  /** What it delivered last, oldest first. */
  readonly marks: readonly Mark[];
}

/** What an engine keeps is asked for from here: zero would mean nothing (moby: daemon/events, loadBufferedEvents). */
const FROM_THE_BEGINNING = "1.000000000";

const nowNano = (): bigint => BigInt(Date.now()) * 1_000_000n;

/** The engine tells its clock in whole seconds, so that is what times are compared by. */
const wholeSeconds = (nano: bigint): bigint => nano - (nano % 1_000_000_000n);

const markOf = (event: DockerEvent, line: Buffer, start: number, end: number): Mark => ({
  timeNano: event.timeNano,
  hash: hashLine(line, start, end),
});

/** The events of one engine, for as long as they are wanted: over lost connections and restarts of the engine. */
export class EventStream {
  readonly #lines: LineSplitter;
  readonly #resume: Resume;
  readonly #reads: Reads;
  #stop: ((why?: EngineError) => void) | undefined;
  #retry: Timer | undefined;
  #pings: Timer | undefined;
  #catchUp: Timer | undefined;
  #delay = RECONNECT_MIN_MS;
  #closed = false;
  #connected = false;
  /** The connection may have missed events, as long as no overlap proves that it did not. */
  #unproven: boolean;

  constructor(
    readonly engine: Engine,
    readonly sink: EventSink,
    readonly options: StreamOptions,
  ) {
    this.#resume = new Resume(options.resume?.began ?? wholeSeconds(nowNano()), options.resume?.marks);
    this.#unproven = options.resume !== undefined;
    this.#reads = new Reads(() => sink.settled());
    this.#lines = new LineSplitter(
      LINE_MAX,
      (line, start, end) => this.#line(line, start, end),
      (head, tail, bytes) => this.#longLine(head, tail, bytes),
    );
    if (options.pingInterval > 0) this.#pings = setInterval(() => this.#ping(), options.pingInterval);
  }

  /** When the stream began, ns since 1970. */
  get began(): bigint {
    return this.#resume.began;
  }

  /**
   * Connects to the engine.
   * @throws EngineError where that fails
   */
  async open(): Promise<void> {
    const { server, clock } = await this.engine.negotiate();
    // Only moby's short memory says something by what it no longer has; podman keeps its events for ever.
    const forgets = server === undefined || server.startsWith("Docker");
    if (forgets && this.#resume.isEmpty) await this.#readHistory(clock);
    if (this.#closed) return;
    await new Promise<void>((resolve, reject) => {
      let opened = false;
      this.#stop = this.engine.events(`since=${this.#resume.connecting()}`, {
        onOpen: () => {
          opened = true;
          this.#connected = true;
          this.#unproven &&= forgets;
          this.#catchUp = setTimeout(() => this.#caughtUp(), CATCH_UP_MS);
          this.sink.opened();
          resolve();
        },
        onData: (chunk) => {
          this.#lines.push(chunk);
          this.#reads.piece();
        },
        onEnd: (error) => {
          this.#lines.reset();
          clearTimeout(this.#catchUp);
          this.#connected = false;
          const why = error ?? new EngineError(`the engine at ${this.engine.address} ended the stream`);
          if (opened) this.#lost(why);
          else reject(why);
        },
      });
    });
  }

  /**
   * Takes what the engine has kept from before the stream began as delivered: not to deliver it, but to know it again.
   * A later connection that is sent one of these events has missed none.
   * @param clock the engine's clock, ns since 1970, in whole seconds
   */
  #readHistory(clock: bigint): Promise<void> {
    const until = timestamp(clock < this.#resume.began ? clock : this.#resume.began);
    const lines = new LineSplitter(
      LINE_MAX,
      (line, start, end) => {
        try {
          this.#resume.remember(markOf(parseEvent(line.toString("utf8", start, end)), line, start, end));
        } catch (error) {
          if (!(error instanceof NotAnEvent)) throw error;
        }
      },
      () => {},
    );
    return new Promise((resolve, reject) => {
      const bound = setTimeout(() => stop(), HISTORY_MAX_MS);
      const stop = this.engine.events(`since=${FROM_THE_BEGINNING}&until=${until}`, {
        onOpen: () => {},
        onData: (chunk) => lines.push(chunk),
        onEnd: (error) => {
          clearTimeout(bound);
          if (error === undefined) resolve();
          else reject(error);
        },
      });
    });
  }

  /** Connects, and keeps trying until it is closed. */
  reopen(): void {
    this.open().then(
      () => this.#closed || this.sink.connection(undefined),
      () => this.#reopenLater(),
    );
  }

  #reopenLater(): void {
    if (this.#closed) return;
    const jittered = this.#delay * (0.5 + Math.random() / 2);
    this.#delay = Math.min(this.#delay * 2, RECONNECT_MAX_MS);
    this.#retry = setTimeout(() => this.reopen(), jittered);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#catchUp);
    clearInterval(this.#pings);
    this.#stop?.();
    this.engine.close();
  }

  #lost(error: EngineError): void {
    if (this.#closed) return;
    this.#unproven = true;
    this.sink.connection(error);
    this.#reopenLater();
  }

  /** A connection that is half open shows nothing by itself: an engine that does not answer has let go of us. */
  #ping(): void {
    if (!this.#connected) return;
    const stop = this.#stop;
    this.engine.ping(PING_TIMEOUT_MS).catch((error: EngineError) => {
      if (error.status === undefined && this.#connected && stop === this.#stop) this.#stop?.(error);
    });
  }

  /** The engine has sent what it kept, or has had the time to. */
  #caughtUp(): void {
    this.#proveNoGap(this.#resume.newest, nowNano());
    this.sink.settled();
  }

  /** Called with the first new event of a connection, or when none came: without a known event before it, there is a gap. */
  #proveNoGap(since: bigint, until: bigint): void {
    if (!this.#unproven) return;
    this.#unproven = false;
    if (this.#resume.overlapped) return;
    this.sink.lost({ reason: "the engine restarted, or more events passed than it keeps", since, until });
  }

  #line(line: Buffer, start: number, end: number): void {
    const bytes = end - start;
    const whole = bytes <= this.options.maxEventBytes;
    // Cut before it is parsed: to parse megabytes of labels would stop everything else for a second.
    const short = whole ? undefined : cutLine(line.subarray(start, end), this.options.maxEventBytes);
    const text = short?.line.toString() ?? line.toString("utf8", start, end);
    const event = this.#parse(text, line, start, end);
    if (event === undefined) return;
    if (!whole && short === undefined) {
      this.#unreadable(bytes);
      return;
    }
    const mark = markOf(event, line, start, end);
    if (!this.#isNew(event, mark)) return;
    if (short === undefined) this.sink.event(event, line, start, end, mark, undefined);
    else this.sink.event(event, short.line, 0, short.line.length, mark, short.cut);
  }

  /** A line beyond all bounds: its event goes on without attributes. */
  #longLine(head: Buffer, tail: Buffer, bytes: number): void {
    const text = rejoin(head, tail) ?? "";
    const event = this.#parse(text, head, 0, head.length);
    if (event === undefined) {
      this.#unreadable(bytes);
      return;
    }
    const mark = markOf(event, head, 0, head.length);
    const line = Buffer.from(text);
    if (this.#isNew(event, mark)) this.sink.event(event, line, 0, line.length, mark, { bytes, attributes: [] });
  }

  #unreadable(bytes: number): void {
    const now = nowNano();
    this.sink.lost({ reason: `a line of ${bytes} bytes could not be read`, since: now, until: now, count: 1 });
  }

  #parse(text: string, line: Buffer, start: number, end: number): DockerEvent | undefined {
    // An engine that sends is well: the next loss begins with short delays again.
    this.#delay = RECONNECT_MIN_MS;
    try {
      return parseEvent(text);
    } catch (error) {
      if (!(error instanceof NotAnEvent)) throw error;
      this.sink.malformed(error.message, line.subarray(start, Math.min(end, start + HEAD_SHOWN_BYTES)));
      return undefined;
    }
  }

  #isNew(event: DockerEvent, mark: Mark): boolean {
    const since = this.#resume.newest;
    if (!this.#resume.isNew(mark)) return false;
    this.#proveNoGap(since, event.timeNano);
    return true;
  }
}
