/** Reads of a socket, spaced where they are so dense that each one costs more than it brings. */

/**
 * From so many pieces a millisecond on, reads are spaced: a read costs 25 µs of CPU and more, however much it brings.
 */
const DENSE_PER_MS = 2;
/** How long events then gather in the socket, ms; the kernel has room for more than an engine can send in that time. */
const SPACE_MS = 1;
/** A read of so many pieces had gathered without help. */
const FULL_READ = 32;

/**
 * Puts together what one read of a socket brought. The engine sends each event as a piece of its own (an HTTP chunk),
 * and undici hands over all pieces of a read in one go.
 */
export class Pacing {
  #pieces = 0;
  #last = 0;

  /** @param flush called once after the pieces of each read */
  constructor(readonly flush: () => void) {}

  /** A piece has been taken. */
  piece(): void {
    if (this.#pieces === 0) queueMicrotask(() => this.#end());
    this.#pieces++;
  }

  #end(): void {
    const pieces = this.#pieces;
    this.#pieces = 0;
    this.flush();
    const now = performance.now();
    if (pieces < FULL_READ && pieces > (now - this.#last) * DENSE_PER_MS) Bun.sleepSync(SPACE_MS);
    this.#last = now;
  }
}
