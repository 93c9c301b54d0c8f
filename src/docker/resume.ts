/** Twice of what an engine keeps (moby: daemon/events, eventsLimit 256), as it is these that it sends again. */
export const REMEMBERED = 512;

/** Events do not come in the order of their times (inversions of 0.5 ms measured): so ask from somewhat before. */
const BACK_NS = 2_000_000_000n;

/** How an event is known again: by its time and its line. */
export interface Mark {
  readonly timeNano: bigint;
  readonly hash: number;
}

export function hashLine(line: Buffer, start: number, end: number): number {
  return Bun.hash.xxHash32(line.subarray(start, end));
}

/** A time as `since` and `until` take it. */
export const timestamp = (nano: bigint): string =>
  `${nano / 1_000_000_000n}.${String(nano % 1_000_000_000n).padStart(9, "0")}`;

/**
 * Remembers what the stream delivered, so that after a cut it goes on where it stood, with nothing twice and nothing
 * missing. An engine that sends one of these events again still has all that came after it: without such an overlap,
 * events may be lost.
 */
export class Resume {
  readonly #times = new Array<bigint>(REMEMBERED).fill(-1n);
  readonly #hashes = new Uint32Array(REMEMBERED);
  #next = 0;
  #newest = -1n;
  /** Up to this time an event may be one that was delivered before the cut. */
  #doubtful = -1n;
  #overlapped = false;

  /**
   * @param began when the stream began, ns since 1970
   * @param marks what was delivered since then, oldest first, where the stream goes on after a restart of ours
   */
  constructor(
    readonly began: bigint,
    marks: readonly Mark[] = [],
  ) {
    for (const mark of marks) this.remember(mark);
  }

  /** Whether no event is known that the engine could send again. */
  get isEmpty(): boolean {
    return this.#newest < 0n;
  }

  /** The time of the newest event that is known, or of the stream's beginning. */
  get newest(): bigint {
    return this.isEmpty ? this.began : this.#newest;
  }

  /** Whether the engine sent a known event again since the last `connecting`. */
  get overlapped(): boolean {
    return this.#overlapped;
  }

  /** Called before each connection; answers what to ask for with `since`. */
  connecting(): string {
    this.#doubtful = this.#newest;
    this.#overlapped = false;
    return timestamp(this.isEmpty || this.newest <= BACK_NS ? this.newest : this.newest - BACK_NS);
  }

  /** Whether an event was not delivered before; it counts as delivered from now on. */
  isNew(mark: Mark): boolean {
    // What is older than the stream was never ours to deliver; an engine that has it still has all that came after it.
    if (mark.timeNano <= this.#doubtful && (mark.timeNano < this.began || this.#knows(mark))) {
      this.#overlapped = true;
      return false;
    }
    this.remember(mark);
    return true;
  }

  /** Takes an event as delivered. */
  remember({ timeNano, hash }: Mark): void {
    this.#times[this.#next] = timeNano;
    this.#hashes[this.#next] = hash;
    this.#next = (this.#next + 1) % REMEMBERED;
    if (timeNano > this.#newest) this.#newest = timeNano;
  }

  #knows({ timeNano, hash }: Mark): boolean {
    for (let i = 0; i < REMEMBERED; i++) if (this.#hashes[i] === hash && this.#times[i] === timeNano) return true;
    return false;
  }
}
