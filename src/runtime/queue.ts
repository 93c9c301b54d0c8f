/** What a queued line costs beside its bytes. */
const OVERHEAD_BYTES = 128;

/** Lines that wait for room in the ring, first in first out, within a bound in bytes. */
export class LineQueue {
  #lines: Buffer[] = [];
  #first = 0;
  #bytes = 0;

  constructor(readonly maxBytes: number) {}

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#first === this.#lines.length;
  }

  /**
   * Keeps a copy of a line. False where the bound is reached: the newest is what is dropped, as the oldest is where an
   * attack began, and what is lost then lies in one piece.
   */
  push(line: Buffer, start: number, end: number): boolean {
    if (this.#bytes + (end - start) + OVERHEAD_BYTES > this.maxBytes) return false;
    this.#lines.push(Buffer.from(line.subarray(start, end)));
    this.#bytes += end - start + OVERHEAD_BYTES;
    return true;
  }

  peek(): Buffer | undefined {
    return this.#lines[this.#first];
  }

  shift(): void {
    const line = this.#lines[this.#first];
    if (line === undefined) return;
    this.#bytes -= line.length + OVERHEAD_BYTES;
    this.#first++;
    if (this.#first >= 1024 && this.#first * 2 >= this.#lines.length) {
      this.#lines = this.#lines.slice(this.#first);
      this.#first = 0;
    }
  }
}
