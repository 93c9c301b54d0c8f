/** What time it is for an engine. */
import { nanoOf } from "../base/time.ts";

/** What a header Date leaves open beside its second: the way of an answer, and how exact ours and the engine's clock run, ms. */
const SLACK_MS = 1_500;

/**
 * The clock of an engine. It may be hours off ours, and both are set while we run: so ours never says what time it is,
 * only how long ago the engine said it. Before the engine has said anything, our own time stands in.
 */
export class EngineClock {
  #nano: bigint;
  #ms: number;
  #at: number;
  /** How far the headers' Date is ahead of the engine's own time, ms: a proxy in between has a clock of its own. */
  #ahead = 0;
  #known = false;
  #exact = false;

  /**
   * @param elapsed a clock that only runs forward, ms
   * @param own our own time, ms since 1970
   */
  constructor(
    readonly elapsed: () => number = () => performance.now(),
    own = Date.now(),
  ) {
    this.#ms = own;
    this.#nano = nanoOf(own);
    this.#at = elapsed();
  }

  /** The engine's time, ns since 1970. */
  get now(): bigint {
    return this.#nano + nanoOf(this.elapsed() - this.#at);
  }

  /** The engine's time, ms since 1970. */
  get nowMs(): number {
    return this.#ms + this.elapsed() - this.#at;
  }

  /** Whether the engine's own time has been read since its clock was last seen to be set. */
  get isExact(): boolean {
    return this.#exact;
  }

  /**
   * Takes the engine's own time (`GET /info`: SystemTime).
   * @param date the header Date of the same answer, ms since 1970; NaN where there was none
   */
  set(nano: bigint, date: number): void {
    this.#move(nano);
    this.#exact = true;
    const ahead = date - this.#ms;
    // A Date is up to a second behind the time that it stands for; further off it is another clock's.
    this.#ahead = ahead < -1_000 - SLACK_MS || ahead > SLACK_MS ? ahead : 0;
  }

  /** Takes a header Date, ms since 1970 in whole seconds. Where it contradicts what is known, the clock was set. */
  date(date: number): void {
    if (Number.isNaN(date)) return;
    const own = date - this.#ahead;
    const after = this.nowMs - own;
    if (this.#known && after > -SLACK_MS && after < 1_000 + SLACK_MS) return;
    this.#move(nanoOf(own));
    this.#exact = false;
  }

  #move(nano: bigint): void {
    this.#known = true;
    this.#nano = nano;
    this.#ms = Number(nano / 1_000n) / 1_000;
    this.#at = this.elapsed();
  }
}
