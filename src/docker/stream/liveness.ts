/** Whether an engine and its stream are alive: looked at again and again, as neither of them says when it is not. */
import { earlier, nanoOf } from "../../base/time.ts";
import type { Engine } from "../client.ts";
import { EngineError } from "../engine_error.ts";
import { OUT_OF_ORDER_NS, readKept } from "./history.ts";
import { Outage } from "./outage.ts";
import type { Fingerprint, Resume } from "./resume.ts";

/** How long a ping may take, ms, and how soon the next one follows one that failed. */
export const PING_TIMEOUT_MS = 5_000;
const PING_AGAIN_MS = 1_000;
/** Without a byte and without an answer for so long, nobody knows whether the engine lives, ms. */
const SILENT_MS = 15_000;
/** How much of what happened is read to find out whether the stream brought it, bytes. */
const CHECK_BYTES_MAX = 1024 * 1024;
/** How long the stream may take to bring what the engine says has happened, ms. */
const CHECK_WAIT_MS = 1_000;

/** The stream that is looked at. */
export interface Watched {
  /** Whether a connection is open. */
  readonly isOpen: boolean;
  /** Whether there is one connection, and no other one that may stand in for it. */
  readonly isSingle: boolean;
  /** Whether it can bring nothing any more, as the engine's clock was set back. */
  readonly isBehind: boolean;
  /** Opens another connection beside one that is in doubt, which goes when the new one stands. */
  second(): Promise<void>;
  /** Asks for a stream from before the time that the clock was set back to. */
  askFromBefore(): Promise<void>;
  /** Remembers an event that the stream is not asked for. */
  mark(unwanted: Fingerprint): void;
  /** It shows no life (`error`), or does so again (undefined). Told again at growing intervals while it lasts. */
  silent(error: EngineError | undefined): void;
}

export class Liveness {
  #timer: Timer | undefined;
  #closed = false;
  /** Something came since the last look. */
  #brought = false;
  /** The last look after something had come, and the last one that saw life at all. */
  #broughtAt = 0;
  #aliveAt = 0;
  /** A ping since then had no answer. */
  #isUnanswered = false;
  /** The open connection counts as lost, as it shows no life: since when, and how often that was said. */
  #silence: Outage | undefined;

  /**
   * @param interval milliseconds between two looks, above 0; 0: nobody looks
   * @param resume what the stream brought
   * @param filters what a question for the events ends with that the stream is asked for; empty: for all
   */
  constructor(
    readonly engine: Engine,
    readonly stream: Watched,
    readonly resume: Resume,
    readonly interval: number,
    readonly filters: string,
  ) {
    if (interval > 0) this.#lookAfter(interval);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** A connection brought something. Called for each piece: it only takes note. */
  brought(): void {
    this.#brought = true;
  }

  /** A connection stands, or something came. */
  alive(): void {
    this.#broughtAt = this.#aliveAt = performance.now();
    this.#isUnanswered = false;
    if (this.#silence !== undefined) this.stream.silent(undefined);
    this.#silence = undefined;
  }

  /** Another connection counts from now on: what was said of the one before is over. */
  anew(): void {
    this.#silence = undefined;
  }

  #lookAfter(ms: number): void {
    this.#timer = setTimeout(async () => {
      const ok = await this.#look();
      if (!this.#closed) this.#lookAfter(ok ? this.interval : Math.min(this.interval, PING_AGAIN_MS));
    }, ms);
  }

  /**
   * What the stream brings proves that both are alive; a ping proves little: an engine that ends removes its socket and
   * streams on, a busy one does not answer for seconds, and a stream can be dead while its neighbour is well. So nothing
   * here ends a connection that no better one stands in for.
   * @returns whether the next look may take its time
   */
  async #look(): Promise<boolean> {
    const { engine, stream } = this;
    if (!stream.isOpen) return true;
    this.#sawBytes();
    const before = this.#broughtAt;
    let error: EngineError | undefined;
    try {
      await engine.ping(PING_TIMEOUT_MS);
      if (!engine.clock.isExact) await engine.readClock();
    } catch (thrown) {
      // A refusal is an answer.
      if ((thrown as EngineError).status === undefined) error = thrown as EngineError;
    }
    this.#sawBytes();
    if (this.#closed || !stream.isSingle) return true;
    if (error !== undefined) {
      if (this.#broughtAt === before) this.#unanswered(error);
      return this.#broughtAt !== before;
    }
    const wasUnanswered = this.#isUnanswered;
    this.#aliveAt = performance.now();
    if (this.#silence !== undefined) await stream.second();
    else if (stream.isBehind) await stream.askFromBefore();
    else if (this.#broughtAt === before) await this.#lookForMissing(wasUnanswered);
    this.#isUnanswered = false;
    return this.#silence === undefined;
  }

  /** The engine is there, and its stream brought nothing. */
  async #lookForMissing(wasUnanswered: boolean): Promise<void> {
    const { engine, stream } = this;
    if (engine.isPodman) {
      if (wasUnanswered) await stream.second();
    } else if (await this.#misses()) {
      this.#silent(new EngineError(`the engine at ${engine.address} has events that its stream does not bring`));
      await stream.second();
    } else if (this.filters !== "") await this.#markUnwanted();
  }

  #sawBytes(): void {
    if (!this.#brought) return;
    this.#brought = false;
    this.alive();
  }

  #unanswered(error: EngineError): void {
    this.#isUnanswered = true;
    if (performance.now() - this.#aliveAt >= SILENT_MS) this.#silent(error);
  }

  #silent(error: EngineError): void {
    if (this.#silence === undefined) this.#silence = new Outage();
    else if (!this.#silence.isDue()) return;
    this.stream.silent(error);
  }

  /** Asks the engine what happened since the stream last brought something; whether some of it does not come. */
  async #misses(): Promise<boolean> {
    const { engine, resume } = this;
    const until = engine.clock.now;
    const quiet = until - nanoOf(performance.now() - this.#broughtAt + this.interval);
    // The engine looks from its newest event back to the first that is older: after a step of its clock both count.
    const since = earlier(quiet, resume.last ?? quiet) - OUT_OF_ORDER_NS;
    const isMissing = ({ timeNano, hash }: Fingerprint) => !resume.knows(hash, () => timeNano);
    let missing: Fingerprint[];
    try {
      missing = (await readKept(engine, since, until, CHECK_BYTES_MAX, this.filters)).filter(isMissing);
    } catch {
      return false;
    }
    if (missing.length === 0) return false;
    await Bun.sleep(CHECK_WAIT_MS);
    return !this.#closed && this.stream.isSingle && missing.some(isMissing);
  }

  /**
   * Remembers the newest event of all, wanted or not: after a cut it proves that nothing is lost, where nothing wanted has
   * happened for long.
   */
  async #markUnwanted(): Promise<void> {
    const until = this.engine.clock.now;
    const since = until - nanoOf(2 * this.interval) - OUT_OF_ORDER_NS;
    const newest = await readKept(this.engine, since, until, CHECK_BYTES_MAX).then(
      (all) => all.at(-1),
      () => undefined,
    );
    if (newest === undefined || this.#closed || this.resume.knows(newest.hash, () => newest.timeNano)) return;
    this.stream.mark(newest);
  }
}
