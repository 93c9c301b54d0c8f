/** How long something is waited for, by a process that may stand still itself. */

/** A timer that comes so late shows that the process stood still, or had no turn, ms. */
const LATE_MS = 100;
/** How often a wait begins anew after that: no wait is without a bound, on the slowest machine either. */
const AGAIN_MAX = 2;

/**
 * Calls `act` once something has been waited for in vain for `ms`, unless `end` is called before. Whoever stood still,
 * as the whole machine does while it is moved to another one, has not waited: what was due meanwhile may lie in the
 * socket, unread. Then the wait begins anew, twice at most.
 */
export class Patience {
  #timer: Timer | undefined;

  constructor(
    readonly ms: number,
    readonly act: () => void,
  ) {
    this.#arm(AGAIN_MAX);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #arm(again: number): void {
    const due = performance.now() + this.ms;
    this.#timer = setTimeout(() => {
      if (again > 0 && performance.now() - due > LATE_MS) this.#arm(again - 1);
      else this.act();
    }, this.ms);
  }
}
