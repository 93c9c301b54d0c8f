/** The events of an engine as one stream, over all the connections that it takes. */
import { bytesOf, type Line, lineOf } from "../../base/line.ts";
import { nanoOf, timestamp } from "../../base/time.ts";
import type { Engine } from "../client.ts";
import type { EngineError } from "../engine_error.ts";
import type { DockerEvent } from "../event.ts";
import { type Filters, filterQuery } from "../filters.ts";
import { NO_TRACE, type Trace } from "../trace.ts";
import { BadLines } from "./bad_lines.ts";
import { Connection } from "./connection.ts";
import { BEGINNING, KEPT, OUT_OF_ORDER_NS, readKept } from "./history.ts";
import { Hold } from "./hold.ts";
import { Liveness, PING_TIMEOUT_MS, type Watched } from "./liveness.ts";
import { Outage } from "./outage.ts";
import { Pacing } from "./pacing.ts";
import { EventReader, type Loss, passedOver, type Told, unreadable } from "./reader.ts";
import { type Fingerprint, hashLine, hashLongLine, Resume, timeOfLine } from "./resume.ts";
import type { Truncation } from "./truncation.ts";

/** Delays before the stream is opened again, ms: growing, jittered, the first one short for what an engine's start emits. */
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 5_000;
/** So many connections in a row may bring nothing new before the delays grow: cuts can come that fast. */
const FRUITLESS_MAX = 10;
/** An engine that takes a connection at once and so soon after the last one ended has not restarted in between, ms. */
const AT_ONCE_MS = 1_000;
/**
 * Of what a full engine still has, so many are passed over in a proof that nothing was lost: it may forget as many until
 * the stream stands.
 */
const FORGOTTEN_SOON = 32;

/** What the stream tells whoever reads it; everything in order. */
export interface EventSink {
  /** Connected, for the first time or again; called before anything that the connection brings. */
  opened(): void;
  /** An event that was not delivered before. The line's bytes are valid only during the call; `cut`: they are ours. */
  event(event: DockerEvent, line: Line, fingerprint: Fingerprint, cut: Truncation | undefined): void;
  /** A line that is not delivered, and has to be known when it comes again. */
  known(fingerprint: Fingerprint): void;
  /** A line that is no event, with its first bytes. */
  malformed(why: string, head: Buffer): void;
  /**
   * Events that never will come.
   * @param fingerprint how the engine's line is known again that was passed over, if it is one
   */
  lost(loss: Loss, fingerprint?: Fingerprint): void;
  /** All that came in one piece has been handed over: the moment to pass it on. */
  flush(): void;
  /**
   * The connection broke, cannot be had or shows no life (`error`), or is there again (undefined). Told again at growing
   * intervals while it lasts.
   * @param kept it is the same connection, before and after
   */
  connection(error: EngineError | undefined, kept: boolean): void;
}

export interface StreamOptions {
  /** Bytes of a line beyond which an event is cut down. */
  readonly maxEventBytes: number;
  /** Milliseconds between two looks whether the engine and the stream are alive, 0 for none. */
  readonly pingInterval: number;
  /** Where an earlier stream of this engine stood; undefined where there was none. */
  readonly resume?: ResumePoint | undefined;
  /** Where the line that is read leaves its trace. */
  readonly trace?: Trace;
  /** Which events are wanted; absent: all. */
  readonly filters?: Filters;
}

export interface ResumePoint {
  /** When that stream began, by the engine's clock, ns since 1970. */
  readonly began: bigint;
  /** What it delivered last, oldest first. */
  readonly fingerprints: readonly Fingerprint[];
  /** For how long nobody has listened since, ms; undefined where nobody knows. */
  readonly pause?: number;
}

/** The events of one engine, for as long as they are wanted: over lost connections and restarts of the engine. */
export class EventStream {
  readonly #resume: Resume;
  readonly #pacing: Pacing;
  readonly #trace: Trace;
  readonly #reader: EventReader;
  readonly #badLines: BadLines;
  readonly #liveness: Liveness;
  /** What a question for wanted events ends with, behind its times. */
  readonly #filters: string;
  readonly #made = performance.now();
  #began: bigint;
  /** Whether there was a stream of this engine before: then something may be missing. */
  #isResumed: boolean;
  /** Since when `#isResumed` nobody has listened, of the clock that only runs forward. */
  #cutAt: number;
  /** Attempts to connect that failed since then. */
  #failed = 0;
  #outage: Outage | undefined;
  /** All that are open or about to be, the oldest first: one, and a second one while the first is in doubt. */
  readonly #connections: Connection[] = [];
  #hasTwo = false;
  /** From when on the newest of them that opened was asked for, ns since 1970. */
  #since = 0n;
  #delay = RECONNECT_MIN_MS;
  /** Connections in a row that brought nothing new and did not last. */
  #fruitless = 0;
  #retry: Timer | undefined;
  #closed = false;

  constructor(
    readonly engine: Engine,
    readonly sink: EventSink,
    readonly options: StreamOptions,
  ) {
    const { resume, pingInterval, trace = NO_TRACE } = options;
    this.#trace = trace;
    this.#reader = new EventReader(options.maxEventBytes, (why, head) => sink.malformed(why, head));
    const filters = filterQuery(options.filters ?? {});
    this.#filters = filters === "" ? "" : `&${filters}`;
    this.#resume = new Resume(resume?.fingerprints);
    this.#began = resume?.began ?? engine.clock.now;
    this.#isResumed = resume !== undefined;
    this.#cutAt = this.#made - (resume?.pause ?? Number.POSITIVE_INFINITY);
    this.#pacing = new Pacing(() => sink.flush());
    this.#badLines = new BadLines(engine.clock, (loss) => {
      sink.lost(loss);
      sink.flush();
    });
    this.#liveness = new Liveness(engine, this.#watched(), this.#resume, pingInterval, this.#filters);
  }

  /** When the stream began, by the engine's clock, ns since 1970; before a first connection by ours. */
  get began(): bigint {
    return this.#began;
  }

  /**
   * Connects to the engine.
   * @throws EngineError where that fails
   */
  async open(): Promise<void> {
    try {
      await this.#open();
      this.#failed = 0;
    } catch (error) {
      this.#failed++;
      throw error;
    }
  }

  async #open(): Promise<void> {
    const { engine } = this;
    // What was spoken before a cut is spoken after it: a busy engine takes seconds for a ping. One that was away may be
    // another one now.
    if (engine.info === undefined) {
      await engine.negotiate();
      await engine.readClock();
    } else if (this.#failed > 0) await engine.negotiate().catch(() => {});
    if (!this.#isResumed) this.#began = engine.clock.now - nanoOf(performance.now() - this.#made);
    const kept = this.#resume.isEmpty && !this.#isPodman ? await this.#readHistory() : 0;
    const proven = this.#filters !== "" && !this.#resume.isEmpty && !this.#isPodman && (await this.#keptAll());
    if (!this.#closed) await this.#connect(kept, proven);
  }

  /**
   * Whether the engine still has all that happened since something that is known, wanted or not: what is wanted alone can
   * be older than all that it has, and nothing is lost.
   */
  async #keptAll(): Promise<boolean> {
    try {
      const all = await readKept(this.engine, BEGINNING, this.engine.clock.now);
      const safe = all.length < KEPT ? all : all.slice(FORGOTTEN_SOON);
      return safe.some(({ timeNano, hash }) => this.#resume.knows(hash, () => timeNano));
    } catch {
      return false;
    }
  }

  /** Whether the engine keeps its last events only, as far as is known. */
  get forgets(): boolean {
    return !this.#isPodman;
  }

  get #isPodman(): boolean {
    return this.engine.isPodman;
  }

  get #isOpen(): boolean {
    return this.#connections.some((connection) => connection.isOpen);
  }

  /**
   * Opens a connection; settles when it counts as open.
   * @param kept how many events the engine had just now, where none of them is known
   * @param proven nothing can be lost before this connection
   */
  #connect(kept: number, proven = false): Promise<void> {
    const isKnown = !this.#resume.isEmpty;
    // What is known is sent once more and dropped: clocks step, and no time says what can be missing.
    const since = this.#isPodman ? this.#sinceOfPodman() : BEGINNING;
    this.engine.debug(() => {
      const known = isKnown ? "events are known, and dropped where they come again" : "no event is known";
      return `a stream is opened from ${timestamp(since)}: ${known}`;
    });
    return new Promise((resolve, reject) => {
      let opened = false;
      const connection: Connection = new Connection(this.engine, `since=${timestamp(since)}${this.#filters}`, {
        opened: () => {
          opened = true;
          this.#since = since;
          const atOnce = this.#failed === 0 && performance.now() - this.#cutAt <= AT_ONCE_MS;
          const forgot = kept >= KEPT || (this.#isResumed && !atOnce);
          connection.unproven = !this.#isPodman && !proven && (isKnown || forgot);
          this.#isResumed = true;
          this.#cutAt = Number.NEGATIVE_INFINITY;
          this.#outage = undefined;
          this.#liveness.anew();
          this.#liveness.alive();
          this.sink.opened();
          resolve();
        },
        line: (line) => this.#line(connection, line),
        longLine: (head, tail, bytes) => this.#longLine(connection, head, tail, bytes),
        piece: () => {
          this.#liveness.brought();
          this.#pacing.piece();
        },
        stands: () => {
          this.#proveNoGap(connection, this.engine.clock.now);
          this.sink.flush();
          // Make before break: what it had not brought yet comes by the new one.
          for (const other of [...this.#connections]) if (other !== connection) other.close();
        },
        ended: (why) => {
          this.#connections.splice(this.#connections.indexOf(connection), 1);
          this.#hasTwo = this.#connections.length > 1;
          if (!opened) {
            reject(why);
            return;
          }
          this.#judge(connection);
          this.engine.debug(
            () => `a stream ended: ${why.message}; it brought ${connection.isFruitful ? "new events" : "nothing new"}`,
          );
          if (!this.#isOpen) this.#lost(why);
        },
      });
      if (this.#isPodman && isKnown) {
        connection.hold = new Hold((line) => {
          this.#line(connection, line);
          this.sink.flush();
        });
      }
      this.#connections.push(connection);
      this.#hasTwo = this.#connections.length > 1;
    });
  }

  /**
   * podman keeps all there ever was, so it is asked from the least time that is known, and from somewhat before: it writes
   * some events (of images) 80 ms late, behind others of a later time. Where its clock was set back, what happened since
   * then has lesser times than all of that.
   */
  #sinceOfPodman(): bigint {
    const { least } = this.#resume;
    const { now } = this.engine.clock;
    const first = least === undefined ? this.#began : least - OUT_OF_ORDER_NS;
    if (now >= first) return first;
    return least === undefined ? now : now - nanoOf(this.options.pingInterval + PING_TIMEOUT_MS) - OUT_OF_ORDER_NS;
  }

  /**
   * podman passes on nothing that is older than what was asked for, also of what happens: where its clock was set back,
   * nothing comes any more.
   */
  async #askFromBefore(): Promise<void> {
    const { now } = this.engine.clock;
    const since = this.#since;
    this.engine.debug(() => `the engine's clock was set back, before what its stream was asked from: asking anew`);
    await this.#second();
    // With nothing known it cannot be told apart what was before this stream.
    if (!this.#resume.isEmpty || this.#since === since) return;
    this.sink.lost({ reason: "the engine's clock was set back", since: now, until: since });
    this.sink.flush();
  }

  /** Whether a connection that is over was good for something: one that was not slows the next one down. */
  #judge({ isFruitful, lasted }: Connection): void {
    this.#fruitless = isFruitful || lasted ? 0 : this.#fruitless + 1;
    if (this.#fruitless <= FRUITLESS_MAX) this.#delay = RECONNECT_MIN_MS;
  }

  /**
   * Takes what the engine has kept from before the stream began as delivered: not to deliver it, but to know it again.
   * A later connection that is sent one of these events has missed none. Returns how many events the engine has.
   */
  async #readHistory(): Promise<number> {
    const fingerprints = await readKept(this.engine, BEGINNING, this.engine.clock.now);
    for (const fingerprint of fingerprints) if (fingerprint.timeNano <= this.#began) this.#known(fingerprint);
    return fingerprints.length;
  }

  /** Connects, and keeps trying until it is closed. */
  reopen(): void {
    // A second connection may have come to stand in since.
    if (this.#isOpen) return;
    this.#outage ??= new Outage();
    this.open().then(
      () => this.#closed || this.sink.connection(undefined, false),
      (error: EngineError) => {
        if (this.#closed) return;
        if (this.#outage?.isDue()) this.sink.connection(error, false);
        this.#reopenLater();
      },
    );
  }

  #reopenLater(): void {
    const jittered = this.#delay * (0.5 + Math.random() / 2);
    this.engine.debug(() => `connecting again in ${jittered.toFixed(0)} ms`);
    this.#delay = Math.min(this.#delay * 2, RECONNECT_MAX_MS);
    this.#retry = setTimeout(() => this.reopen(), jittered);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#liveness.close();
    this.#badLines.close();
    for (const connection of [...this.#connections]) connection.close();
    this.engine.close();
  }

  #lost(error: EngineError): void {
    if (this.#closed) return;
    this.#cutAt = performance.now();
    this.#failed = 0;
    this.#liveness.anew();
    this.#outage = new Outage();
    this.sink.connection(error, false);
    this.#reopenLater();
  }

  /** What is looked at of this stream. */
  #watched(): Watched {
    const stream = this;
    return {
      get isOpen() {
        return stream.#isOpen;
      },
      get isSingle() {
        return stream.#connections.length === 1;
      },
      // podman passes on nothing that is older than what was asked for, also of what happens.
      get isBehind() {
        return stream.#isPodman && stream.engine.clock.now < stream.#since;
      },
      second: () => this.#second(),
      askFromBefore: () => this.#askFromBefore(),
      mark: (unwanted) => {
        this.#known(unwanted);
        this.sink.flush();
      },
      silent: (error) => this.sink.connection(error, true),
    };
  }

  /** Opens a second connection beside one that is in doubt, which goes when the new one stands. */
  async #second(): Promise<void> {
    try {
      await this.#connect(0);
      this.sink.connection(undefined, false);
    } catch {
      // The one there is stays, and so does the doubt: the next look tries again.
    }
  }

  /** Called with the first new event of a connection, or when none came: without a known event before it, there is a gap. */
  #proveNoGap(connection: Connection, at: bigint): void {
    if (!connection.unproven) return;
    connection.unproven = false;
    const { overlapped } = connection;
    this.engine.debug(
      () => `a new connection ${overlapped ? "brought what was known: no gap" : "brought nothing known: a gap"}`,
    );
    if (overlapped) return;
    const last = this.#resume.last ?? this.#began;
    // Where the clock was set back in between, the later time is the earlier one.
    const [since, until] = last < at ? [last, at] : [at, last];
    this.sink.lost({ reason: "the engine restarted, or more events passed than it keeps", since, until });
  }

  /** Whether a line was told of before, by this connection, the one before or the one beside it. */
  #isKnown(connection: Connection, hash: bigint, line: Line): boolean {
    // Not in one `or`: each line counts.
    const catchesUp = connection.catchesUp();
    const isHolding = connection.hold?.isOn ?? false;
    if (!catchesUp && !isHolding && !this.#hasTwo) return false;
    if (!this.#resume.knows(hash, () => timeOfLine(line))) return false;
    connection.overlapped = true;
    if (isHolding) {
      connection.hold?.drop();
      connection.catchUpFromHere();
    }
    return true;
  }

  #line(connection: Connection, line: Line): void {
    const hash = hashLine(line);
    if (this.#isKnown(connection, hash, line)) return;
    if (connection.hold?.isOn) {
      connection.hold.push(line);
      return;
    }
    if (!this.#trace.begin(hash)) {
      this.#passOver(connection, { timeNano: timeOfLine(line), hash });
      return;
    }
    this.#tell(connection, hash, line);
    this.#trace.end();
  }

  #tell(connection: Connection, hash: bigint, line: Line): void {
    const told = this.#reader.read(line);
    if (told === undefined) {
      const fingerprint = { timeNano: timeOfLine(line), hash };
      this.#proveNoGap(connection, fingerprint.timeNano || this.engine.clock.now);
      this.#known(fingerprint);
      this.#badLines.add();
      return;
    }
    this.#pass(connection, told, hash, bytesOf(line));
  }

  #pass(connection: Connection, { event, line, cut }: Told, hash: bigint, bytes: number): void {
    const fingerprint = { timeNano: event.timeNano, hash };
    this.#new(connection, fingerprint);
    if (line === undefined) this.sink.lost(unreadable(bytes, event.timeNano));
    else this.sink.event(event, line, fingerprint, cut);
  }

  /** A line beyond all bounds: its event goes on without attributes. */
  #longLine(connection: Connection, head: Buffer, tail: Buffer, bytes: number): void {
    const hash = hashLongLine(head, tail, bytes);
    if (this.#isKnown(connection, hash, lineOf(tail))) return;
    if (!this.#trace.begin(hash)) {
      this.#passOver(connection, { timeNano: timeOfLine(lineOf(tail)), hash });
      return;
    }
    this.#tellLong(connection, hash, head, tail, bytes);
    this.#trace.end();
  }

  #tellLong(connection: Connection, hash: bigint, head: Buffer, tail: Buffer, bytes: number): void {
    const told = this.#reader.readLong(head, tail, bytes);
    if (told === undefined) {
      const fingerprint = { timeNano: timeOfLine(lineOf(tail)), hash };
      const at = fingerprint.timeNano || this.engine.clock.now;
      this.#proveNoGap(connection, at);
      this.#known(fingerprint);
      this.sink.lost(unreadable(bytes, at));
      return;
    }
    this.#pass(connection, told, hash, bytes);
  }

  /** A line that ended two processes. */
  #passOver(connection: Connection, fingerprint: Fingerprint): void {
    this.#new(connection, fingerprint);
    this.sink.lost(passedOver(fingerprint.timeNano || this.engine.clock.now), fingerprint);
  }

  #new(connection: Connection, fingerprint: Fingerprint): void {
    this.#proveNoGap(connection, fingerprint.timeNano);
    connection.isFruitful = true;
    this.#resume.remember(fingerprint);
  }

  #known(fingerprint: Fingerprint): void {
    this.#resume.remember(fingerprint);
    this.sink.known(fingerprint);
  }
}
