/** Twice of what an engine keeps (moby: daemon/events, eventsLimit 256), as it is these that it sends again. */
const REMEMBERED = 512;

/** Events do not come in the order of their times (inversions of 0.5 ms measured): so ask from somewhat before. */
const BACK_NS = 2_000_000_000n;

/** Remembers what the stream delivered, so that after a cut it goes on where it stood, with nothing twice. */
export class Resume {
  readonly #seen = new Array<bigint | undefined>(REMEMBERED);
  readonly #hashes = new Uint32Array(REMEMBERED);
  #next = 0;
  #newest = 0n;
  /** Up to this time an event may be one that was delivered before the cut. */
  #doubtful = -1n;

  /** What to ask the engine for: `seconds.nanoseconds`; undefined where nothing came yet. */
  since(): string | undefined {
    if (this.#newest === 0n) return undefined;
    const from = this.#newest > BACK_NS ? this.#newest - BACK_NS : 0n;
    return `${from / 1_000_000_000n}.${String(from % 1_000_000_000n).padStart(9, "0")}`;
  }

  /** The stream was cut: what follows may come a second time. */
  interrupted(): void {
    this.#doubtful = this.#newest;
  }

  /** Whether an event was not delivered before, told by its time and its line; it counts as delivered from now on. */
  isNew(timeNano: bigint, line: Buffer, start: number, end: number): boolean {
    const hash = Bun.hash.xxHash32(line.subarray(start, end));
    if (timeNano <= this.#doubtful) {
      for (let i = 0; i < REMEMBERED; i++) if (this.#hashes[i] === hash && this.#seen[i] === timeNano) return false;
    }
    this.#seen[this.#next] = timeNano;
    this.#hashes[this.#next] = hash;
    this.#next = (this.#next + 1) % REMEMBERED;
    if (timeNano > this.#newest) this.#newest = timeNano;
    return true;
  }
}
