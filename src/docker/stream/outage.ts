/** How often a person is told of an outage that lasts. */

/** When the reason of an outage is told again, ms: first so soon, then after twice the time, at most this late. */
const FIRST_MS = 10_000;
const LAST_MS = 3_600_000;

/** An outage that is told of when it begins, and then at growing intervals: whoever looks later sees that it lasts. */
export class Outage {
  #interval = FIRST_MS;
  #next: number;

  /** @param now of a clock that only runs forward, ms */
  constructor(now = performance.now()) {
    this.#next = now + this.#interval;
  }

  /** Whether it is time to tell of it again. */
  isDue(now = performance.now()): boolean {
    if (now < this.#next) return false;
    this.#interval = Math.min(this.#interval * 2, LAST_MS);
    this.#next = now + this.#interval;
    return true;
  }
}
