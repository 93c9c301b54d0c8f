/** Random numbers that can be had again: what uses them prints its seed, and `SEED=N` in the environment takes one. */

/** A small generator of 32 bits of state (mulberry32): not for secrets. */
export class Random {
  #state: number;

  /** @param seed 0 to 2^32-1 */
  constructor(readonly seed: number) {
    this.#state = seed;
  }

  /** From 0 to below 1, as `Math.random`. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }
}

/** The seed of this run: of `SEED`, or a new one. It is printed with `what`, so that a failure can be had again. */
export function seedOf(what: string): number {
  const seed = Bun.env.SEED === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(Bun.env.SEED);
  if (seed === undefined || !Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new Error(`SEED=${Bun.env.SEED}: expected a whole number from 0 to 2^32-1`);
  console.log(`${what}: SEED=${seed}`);
  return seed;
}
