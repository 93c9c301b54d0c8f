const NEWLINE = 10;

/** Takes one line: the bytes of `buffer` from `start` to `end`, without the newline. Valid only during the call. */
export type LineHandler = (buffer: Buffer, start: number, end: number) => void;

/**
 * Cuts a stream of bytes into lines at `\n`, however the stream is split into chunks. Empty lines are skipped. A line
 * of more than `max` bytes is not kept: `tooLong` gets its first bytes and, once it has ended, its length.
 */
export class LineSplitter {
  #parts: Buffer[] = [];
  #partsBytes = 0;

  constructor(
    readonly max: number,
    readonly line: LineHandler,
    readonly tooLong: (head: Buffer, bytes: number) => void,
  ) {}

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (this.#partsBytes > 0) this.#finish(chunk.subarray(start, end));
      else this.#emit(chunk, start, end);
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  /** Forgets an unfinished line: the stream broke off in the middle of it. */
  reset(): void {
    this.#parts = [];
    this.#partsBytes = 0;
  }

  #keep(part: Buffer): void {
    this.#partsBytes += part.length;
    // Beyond the bound only the head is kept, so that a stream without newlines cannot fill the memory.
    if (this.#partsBytes <= this.max) this.#parts.push(part);
    else if (this.#parts.length === 0) this.#parts = [Buffer.from(part.subarray(0, 256))];
    else if (this.#parts.length > 1 || (this.#parts[0]?.length ?? 0) > 256)
      this.#parts = [Buffer.from(Buffer.concat(this.#parts).subarray(0, 256))];
  }

  #finish(part: Buffer): void {
    this.#keep(part);
    const bytes = this.#partsBytes;
    const whole = Buffer.concat(this.#parts);
    this.reset();
    if (bytes > this.max) this.tooLong(whole, bytes);
    else this.#emit(whole, 0, whole.length);
  }

  #emit(buffer: Buffer, start: number, end: number): void {
    if (end - start > this.max) this.tooLong(buffer.subarray(start, start + 256), end - start);
    else if (end > start) this.line(buffer, start, end);
  }
}
