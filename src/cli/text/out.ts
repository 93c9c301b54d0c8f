/** Standard output that nobody waits for: a terminal or a pipe may be slower than what comes. */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { fileTrouble } from "../../base/errors.ts";

/** What may wait for a terminal, bytes: more than a person could read of what runs by. */
const TERMINAL_MAX = 64 * 1024;
/** What may wait for a pipe or a file, bytes. */
const PIPE_MAX = 64 * 1024 * 1024;
/** What is written at once, bytes: a pipe takes no more. */
const PIECE_BYTES = 64 * 1024;
/** How soon it is tried again, ms. */
const AGAIN_MS = 5;
/** Below this share of what may wait there is room again. */
const ROOM_AGAIN = 0.5;

/**
 * A description of our own of what a descriptor leads to, whose writes never wait. The flag would else be everybody's
 * who shares it, the shell among them. A file never waits; what cannot be opened anew is taken as it is.
 */
function nonBlocking(fd: number): number {
  if (fstatSync(fd).isFile()) return fd;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return fd;
  }
}

/** Output that could not be written; the message says why. */
export class NotWritten extends Error {}

export class Out {
  readonly isTerminal: boolean;
  /** Settles when nobody reads any more. */
  readonly gone: Promise<void>;
  readonly #fd: number;
  readonly #max: number;
  readonly #left = Promise.withResolvers<void>();
  #queue: Buffer[] = [];
  #bytes = 0;
  #text = "";
  #timer: Timer | undefined;
  #isGone = false;
  /** Why nothing can be written any more, where that is an error: a full disk, say. */
  error: Error | undefined;
  #isFull = false;
  #drained: PromiseWithResolvers<void> | undefined;

  /** @param fd 1 or 2, or a file's */
  constructor(readonly fd: number) {
    this.isTerminal = isatty(fd);
    this.#max = this.isTerminal ? TERMINAL_MAX : PIPE_MAX;
    this.#fd = nonBlocking(fd);
    this.gone = this.#left.promise;
  }

  /** Columns of the terminal; undefined where there is none. */
  get columns(): number | undefined {
    if (!this.isTerminal) return undefined;
    return (this.fd === 2 ? process.stderr : process.stdout).columns || 80;
  }

  /** Whether what comes next finds room; else whoever can wait should, and the others drop it. */
  get hasRoom(): boolean {
    const waiting = this.#bytes + this.#text.length;
    if (waiting > this.#max) this.#isFull = true;
    else if (waiting < this.#max * ROOM_AGAIN) this.#isFull = false;
    return !this.#isFull;
  }

  /** Takes a text; it goes out with the next `flush`. */
  write(text: string): void {
    if (!this.#isGone) this.#text += text;
  }

  /** Takes bytes. */
  writeBytes(bytes: Buffer): void {
    if (this.#isGone) return;
    this.#gather();
    this.#queue.push(Buffer.from(bytes));
    this.#bytes += bytes.length;
  }

  /** Writes what there is room for; the rest follows by itself. */
  flush(): void {
    this.#gather();
    if (this.#timer === undefined) this.#drain();
  }

  /** Settles when all is written, or nobody reads any more. */
  async end(): Promise<void> {
    this.flush();
    while (this.#bytes > 0 && !this.#isGone) await this.#room();
    if (this.#fd !== this.fd) closeSync(this.#fd);
  }

  /** Settles when there is room. */
  async wait(): Promise<void> {
    this.flush();
    while (!this.hasRoom && !this.#isGone) await this.#room();
  }

  #room(): Promise<void> {
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  #gather(): void {
    if (this.#text === "") return;
    const bytes = Buffer.from(this.#text);
    this.#text = "";
    this.#queue.push(bytes);
    this.#bytes += bytes.length;
  }

  /** What is written next: the first of the queue, with what follows where it is small. */
  #piece(): Buffer {
    let bytes = 0;
    let count = 0;
    for (; count < this.#queue.length && bytes < PIECE_BYTES; count++) bytes += this.#queue[count]?.length ?? 0;
    if (count > 1) this.#queue.splice(0, count, Buffer.concat(this.#queue.slice(0, count)));
    return this.#queue[0] ?? Buffer.alloc(0);
  }

  #drain(): void {
    this.#timer = undefined;
    try {
      for (let piece = this.#piece(); piece.length > 0; piece = this.#piece()) {
        const written = writeSync(this.#fd, piece);
        this.#bytes -= written;
        if (written < piece.length) this.#queue[0] = piece.subarray(written);
        else this.#queue.shift();
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") {
        this.#timer = setTimeout(() => this.#drain(), AGAIN_MS);
      } else {
        // EPIPE: the reader is gone; EIO: the terminal is. Neither is an error of ours, as for other tools.
        if (!["EPIPE", "EIO"].includes(String((error as NodeJS.ErrnoException).code)))
          this.error = new NotWritten(`the output cannot be written: ${fileTrouble(error)}`);
        this.#isGone = true;
        this.#queue = [];
        this.#bytes = 0;
        this.#left.resolve();
      }
    }
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}
