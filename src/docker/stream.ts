import { type Engine, EngineError } from "./client.ts";
import { type DockerEvent, NotAnEvent, parseEvent } from "./event.ts";
import { LineSplitter } from "./lines.ts";
import { Resume } from "./resume.ts";

/** Longest line that is read as an event, bytes. */
export const LINE_MAX = 4 * 1024 * 1024;

/** Delays before the stream is opened again, ms: growing, jittered, the first one short for what an engine's start emits. */
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 5_000;

export interface EventSink {
  /** An event that was not delivered before. The line's bytes are valid only during the call. */
  event(event: DockerEvent, line: Buffer, start: number, end: number): void;
  /** A line that is no event, with its first bytes. */
  malformed(why: string, head: Buffer): void;
  /** All that came in one piece has been handed over. */
  settled(): void;
  /** The connection broke (`error`) or is back (undefined). */
  connection(error: EngineError | undefined): void;
}

/** The events of one engine, for as long as it is wanted: over lost connections and restarts of the engine. */
export class EventStream {
  readonly #lines: LineSplitter;
  readonly #resume = new Resume();
  #stop: (() => void) | undefined;
  #retry: Timer | undefined;
  #delay = RECONNECT_MIN_MS;
  #closed = false;

  constructor(
    readonly engine: Engine,
    readonly sink: EventSink,
  ) {
    this.#lines = new LineSplitter(
      LINE_MAX,
      (line, start, end) => this.#line(line, start, end),
      (head, bytes) => sink.malformed(`a line of ${bytes} bytes is longer than ${LINE_MAX}`, head),
    );
  }

  /**
   * Connects to the engine.
   * @throws EngineError where that fails
   */
  async open(): Promise<void> {
    await this.engine.negotiate();
    await new Promise<void>((resolve, reject) => {
      let opened = false;
      this.#stop = this.engine.events(this.#resume.since(), {
        onOpen: () => {
          opened = true;
          this.#delay = RECONNECT_MIN_MS;
          resolve();
        },
        onData: (chunk) => {
          this.#lines.push(chunk);
          this.sink.settled();
        },
        onEnd: (error) => {
          this.#lines.reset();
          this.#resume.interrupted();
          if (opened)
            this.#lost(error ?? new EngineError(`the engine at ${this.engine.endpoint.address} ended the stream`));
          else
            reject(error ?? new EngineError(`the engine at ${this.engine.endpoint.address} ended the stream at once`));
        },
      });
    });
  }

  /** Goes on after a loss: connects, and keeps trying until it is closed. */
  reopen(): void {
    if (this.#closed) return;
    const jittered = this.#delay * (0.5 + Math.random() / 2);
    this.#delay = Math.min(this.#delay * 2, RECONNECT_MAX_MS);
    this.#retry = setTimeout(() => {
      this.open().then(
        () => this.sink.connection(undefined),
        () => this.reopen(),
      );
    }, jittered);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#stop?.();
  }

  #lost(error: EngineError): void {
    if (this.#closed) return;
    this.sink.connection(error);
    this.reopen();
  }

  #line(line: Buffer, start: number, end: number): void {
    try {
      const event = parseEvent(line.toString("utf8", start, end));
      if (this.#resume.isNew(event.timeNano, line, start, end)) this.sink.event(event, line, start, end);
    } catch (error) {
      if (!(error instanceof NotAnEvent)) throw error;
      this.sink.malformed(error.message, line.subarray(start, Math.min(end, start + 256)));
    }
  }
}
