/** A stream of bytes as lines. */
import type { Line } from "../../base/line.ts";

const NEWLINE = 10;
const RETURN = 13;

/** Longest line that is read whole, bytes; the engine knows no bound (labels may be that long). */
export const LINE_MAX = 8 * 1024 * 1024;

/** What is kept of a line beyond the bound: its beginning and its end, bytes. */
export const HEAD_BYTES = 64 * 1024;
export const TAIL_BYTES = 4 * 1024;

/** Takes one line. Its bytes are valid only during the call. */
export type LineHandler = (line: Line) => void;

/** Takes the first and the last bytes of a line of `bytes` bytes. */
export type LongLineHandler = (head: Buffer, tail: Buffer, bytes: number) => void;

/**
 * Cuts a stream of bytes into lines at `\n`, however the stream is split into chunks. Empty lines are skipped,
 * those that end in `\r\n` too: proxies keep a connection alive with them. Of a line
 * of more than `max` bytes only the beginning and the end are kept, so that no line can fill the memory.
 */
export class LineSplitter {
  /** The unfinished line, or beyond the bound its head alone. */
  #parts: Buffer[] = [];
  #tail = Buffer.alloc(0);
  #bytes = 0;

  /** @param max bytes; at least HEAD_BYTES */
  constructor(
    readonly max: number,
    readonly line: LineHandler,
    readonly longLine: LongLineHandler,
  ) {}

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (this.#bytes === 0 && end - start <= this.max) {
        this.#whole(chunk, start, end);
      } else {
        this.#keep(chunk.subarray(start, end));
        this.#finish();
      }
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  /** Forgets an unfinished line: the stream broke off in the middle of it. */
  reset(): void {
    this.#parts = [];
    this.#tail = Buffer.alloc(0);
    this.#bytes = 0;
  }

  #whole(buffer: Buffer, start: number, end: number): void {
    const isEmpty = end === start || (end === start + 1 && buffer[start] === RETURN);
    if (!isEmpty) this.line({ buffer, start, end });
  }

  #keep(part: Buffer): void {
    const before = this.#bytes;
    this.#bytes += part.length;
    if (this.#bytes <= this.max) {
      this.#parts.push(part);
      return;
    }
    if (before <= this.max) {
      const whole = Buffer.concat([...this.#parts, part]);
      this.#parts = [Buffer.from(whole.subarray(0, HEAD_BYTES))];
      this.#tail = Buffer.from(whole.subarray(-TAIL_BYTES));
    } else {
      this.#tail = Buffer.from(Buffer.concat([this.#tail, part]).subarray(-TAIL_BYTES));
    }
  }

  #finish(): void {
    const bytes = this.#bytes;
    const [head = this.#tail] = this.#parts;
    const whole = bytes <= this.max ? Buffer.concat(this.#parts) : head;
    const tail = this.#tail;
    this.reset();
    if (bytes <= this.max) this.#whole(whole, 0, bytes);
    else this.longLine(whole, tail, bytes);
  }
}
