/** A stream of bytes as lines. */
import type { Line } from "../../base/line.ts";
import { Budget, type Holder } from "../budget.ts";

const NEWLINE = 10;
const RETURN = 13;

/** Longest line that is read whole, bytes; the engine knows no bound (labels may be that long). */
export const LINE_MAX = 8 * 1024 * 1024;

/** What is kept of a line beyond the bound: its beginning and its end, bytes. */
export const HEAD_BYTES = 64 * 1024;
export const TAIL_BYTES = 4 * 1024;

/**
 * What is held of lines that are not whole yet, or of which it is not known whether they came before: of all engines, as
 * 64 of them could each be in the middle of a line of 8 MiB.
 */
export const heldLines = new Budget(4 * LINE_MAX);

/** Takes one line. Its bytes are valid only during the call. */
export type LineHandler = (line: Line) => void;

/** Takes the first and the last bytes of a line of `bytes` bytes. */
export type LongLineHandler = (head: Buffer, tail: Buffer, bytes: number) => void;

/** A copy of the last bytes of what has come in parts: no more than these is touched. */
function endOf(parts: readonly Buffer[], bytes: number): Buffer {
  let first = parts.length;
  for (let found = 0; first > 0 && found < bytes; ) found += parts[--first]?.length ?? 0;
  const [only, ...more] = parts.slice(first);
  if (only === undefined) return Buffer.alloc(0);
  return Buffer.from((more.length === 0 ? only : Buffer.concat([only, ...more])).subarray(-bytes));
}

/**
 * Cuts a stream of bytes into lines at `\n`, however the stream is split into chunks. Empty lines are skipped,
 * those that end in `\r\n` too: proxies keep a connection alive with them. Of a line
 * of more than `max` bytes only the beginning and the end are kept, so that no line can fill the memory; and so of the
 * longest that has begun, where all that have are too much together.
 */
export class LineSplitter {
  /** The unfinished line, or its head alone. */
  #parts: Buffer[] = [];
  #isShort = false;
  readonly #holder: Holder = { bytes: 0, end: () => this.#shorten() };
  #tail: Buffer = Buffer.alloc(0);
  #bytes = 0;

  /**
   * @param max bytes; at least HEAD_BYTES
   * @param held where the bytes of an unfinished line count
   */
  constructor(
    readonly max: number,
    readonly line: LineHandler,
    readonly longLine: LongLineHandler,
    readonly held = heldLines,
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

  /** Forgets an unfinished line: the stream broke off in the middle of it, or is over. */
  reset(): void {
    this.#parts = [];
    this.#tail = Buffer.alloc(0);
    this.#bytes = 0;
    this.#isShort = false;
    this.held.release(this.#holder);
  }

  #whole(buffer: Buffer, start: number, end: number): void {
    const isEmpty = end === start || (end === start + 1 && buffer[start] === RETURN);
    if (!isEmpty) this.line({ buffer, start, end });
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#isShort) {
      this.#tail = endOf([this.#tail, part], TAIL_BYTES);
      return;
    }
    this.#parts.push(part);
    if (this.#bytes > this.max) this.#shorten();
    else this.held.hold(this.#holder, part.length);
  }

  /** From here on only the beginning and the end of the line are kept. */
  #shorten(): void {
    this.#tail = endOf(this.#parts, TAIL_BYTES);
    this.#parts = [Buffer.concat(this.#parts, Math.min(this.#bytes, HEAD_BYTES))];
    this.#isShort = true;
    this.held.release(this.#holder);
  }

  #finish(): void {
    const bytes = this.#bytes;
    const isShort = this.#isShort;
    const [head = this.#tail] = this.#parts;
    const whole = isShort ? head : Buffer.concat(this.#parts);
    const tail = this.#tail;
    this.reset();
    if (isShort) this.longLine(whole, tail, bytes);
    else this.#whole(whole, 0, bytes);
  }
}
