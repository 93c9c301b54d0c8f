/** How often something may be told. */

/** Lets `count` things through in any window of `windowMs`. */
export class RateLimit {
  #until = 0;
  #left = 0;

  constructor(
    readonly count: number,
    readonly windowMs: number,
  ) {}

  allows(now = performance.now()): boolean {
    if (now >= this.#until) {
      this.#until = now + this.windowMs;
      this.#left = this.count;
    }
    return this.#left-- > 0;
  }
}
