/** One connection of an engine's stream, from its request to its end. */
import type { Line } from "../../base/line.ts";
import { Patience } from "../../base/patience.ts";
import type { Engine } from "../client.ts";
import { EngineError } from "../engine_error.ts";
import type { Hold } from "./hold.ts";
import { LINE_MAX, LineSplitter } from "./lines.ts";
import { REMEMBERED } from "./resume.ts";

/** How long after the headers an engine has begun to send what it kept, at the latest, ms. */
const CATCH_UP_MS = 1_000;
/**
 * How many lines a connection begins with that may have come before. moby keeps 256, and publishes outside of its lock:
 * what stands in its memory already may come once more, live.
 */
const CATCH_UP_LINES = REMEMBERED;
/** podman sends the headers with the first event: after so long without them a ping decides, ms. */
const HEADERS_GRACE_MS = 1_000;
const HEADERS_PING_MS = 3_000;
/** A connection that held so long was a good one, ms. */
const LASTING_MS = 1_000;

/** What a connection tells the stream that it belongs to. */
export interface ConnectionSink {
  /** The engine streams; called before the first line. */
  opened(): void;
  line(line: Line): void;
  longLine(head: Buffer, tail: Buffer, bytes: number): void;
  /** All lines of a piece of the stream have been told of. */
  piece(): void;
  /** Headers came, and what the engine kept, or the time for it has passed: this connection misses nothing from here on. */
  stands(): void;
  /** It is over, or never was. Called once, and nothing after it. */
  ended(why: EngineError): void;
}

/** One answer to `GET /events`, as long as it lasts. */
export class Connection {
  /** The stream may have missed events before this connection, as long as no overlap proves that it did not. */
  unproven = false;
  /** An event came that was known. */
  overlapped = false;
  /** An event came that was not known. */
  isFruitful = false;
  /** What comes before the first known line, where that is held. */
  hold: Hold | undefined;
  readonly #began = performance.now();
  readonly #end: (why?: EngineError) => void;
  #grace: Timer | undefined;
  #catchUp: Patience | undefined;
  #lines = 0;
  /** Until when lines are looked up, of the clock that only runs forward. */
  #lookUpUntil = Number.POSITIVE_INFINITY;
  #opened = false;
  #stands = false;
  #ended = false;

  constructor(
    readonly engine: Engine,
    query: string,
    readonly to: ConnectionSink,
  ) {
    const lines = new LineSplitter(
      LINE_MAX,
      (line) => to.line(line),
      (head, tail, bytes) => to.longLine(head, tail, bytes),
    );
    this.#grace = setTimeout(() => this.#askAlive(), HEADERS_GRACE_MS);
    this.#end = engine.events(query, {
      onOpen: () => {
        this.#open();
        this.#catchUp = new Patience(CATCH_UP_MS, () => this.#stand());
      },
      onData: (chunk) => {
        lines.push(chunk);
        to.piece();
        if (!this.#stands && this.#lines > 0) this.#stand();
      },
      onEnd: (error) => {
        this.#ended = true;
        lines.reset();
        this.hold?.drop();
        clearTimeout(this.#grace);
        this.#catchUp?.end();
        to.ended(error ?? new EngineError(`the engine at ${engine.address} ended the stream`));
      },
    });
  }

  /** Whether it counts as connected. */
  get isOpen(): boolean {
    return this.#opened && !this.#ended;
  }

  /** Whether it held long enough to say that the engine is well. */
  get lasted(): boolean {
    return performance.now() - this.#began >= LASTING_MS;
  }

  /** Whether the next line may have come before. Called once a line. */
  catchesUp(): boolean {
    if (this.#lines < CATCH_UP_LINES) {
      if (++this.#lines === CATCH_UP_LINES) this.#lookUpUntil = performance.now() + CATCH_UP_MS;
      return true;
    }
    if (this.#lookUpUntil === 0) return false;
    if (performance.now() < this.#lookUpUntil) return true;
    this.#lookUpUntil = 0;
    return false;
  }

  /** From here on lines may have come before, as if it began only now. */
  catchUpFromHere(): void {
    this.#lines = 1;
    this.#lookUpUntil = Number.POSITIVE_INFINITY;
  }

  close(why?: EngineError): void {
    this.#end(why);
  }

  #open(): void {
    clearTimeout(this.#grace);
    if (this.#opened) return;
    this.#opened = true;
    this.to.opened();
  }

  /** What is kept may be many lines: it stands with the first, as an engine subscribes before it sends. */
  #stand(): void {
    this.#stands = true;
    this.#catchUp?.end();
    if (!this.#ended) this.to.stands();
  }

  /** The request was taken and has no answer yet: an engine that answers others has taken it. */
  #askAlive(): void {
    const open = () => this.#ended || this.#open();
    this.engine.ping(HEADERS_PING_MS).then(open, (error: EngineError) => {
      if (error.status !== undefined) open();
      else if (!this.#opened) this.#end(error);
    });
  }
}
