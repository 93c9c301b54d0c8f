/** Whether two ways of the same stream bring the same lines. */

/** Lines of one way that the other has so much time for, ms: both ask the engine, each for itself. */
export const BESIDE_MS = 2_000;

type Way = "abi" | "direct";

/** What came by one way waits for the same by the other. */
export class Beside {
  readonly #waiting = new Map<string, { readonly way: Way; readonly at: number; count: number }>();
  /** From here on both bring all: before, one may have begun later than the other. */
  #both: number | undefined;

  /** Both ways stand. @param now of a clock that only runs forward, ms */
  stand(now = performance.now()): void {
    this.#both ??= now;
  }

  /** A line has come. */
  came(way: Way, line: string, now = performance.now()): void {
    const waiting = this.#waiting.get(line);
    if (waiting === undefined) this.#waiting.set(line, { way, at: now, count: 1 });
    else if (waiting.way === way) waiting.count++;
    else if (--waiting.count === 0) this.#waiting.delete(line);
  }

  /** Whether some line still waits for its like. */
  get isEven(): boolean {
    return this.#waiting.size === 0;
  }

  /** The lines that came by one way alone, as long ago as the other has time for; each is told of once. */
  alone(now = performance.now(), patience = BESIDE_MS): { readonly way: Way; readonly line: string }[] {
    const alone: { way: Way; line: string }[] = [];
    for (const [line, { way, at }] of this.#waiting) {
      if (now - at < patience) continue;
      this.#waiting.delete(line);
      if (this.#both !== undefined && at > this.#both) alone.push({ way, line });
    }
    return alone;
  }
}
