/** Writes a recording's file, which is whole whenever it is looked at. */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { fileTrouble } from "../base/errors.ts";
import { lockFile } from "../base/file_lock.ts";
import { BadRecording, isCompressed, wholeFrames } from "./recording_file.ts";

/** So much is compressed at once, bytes: each piece is a frame of its own, which is whole or is cut off. */
const FRAME_BYTES = 256 * 1024;
/** How long events wait for others to be compressed with, ms. */
const FRAME_MS = 1_000;
/** How much of a file's end is read at once to find its last whole line, bytes. */
const TAIL_BYTES = 64 * 1024;

/** A recording holds what is only its owner's to read. */
const MODE = 0o600;

/** Where the last whole line of a file ends. */
function wholeLines(fd: number, size: number): number {
  const tail = Buffer.alloc(TAIL_BYTES);
  for (let end = size; end > 0; end = Math.max(0, end - TAIL_BYTES)) {
    const start = Math.max(0, end - TAIL_BYTES);
    const read = readSync(fd, tail, 0, end - start, start);
    const newline = tail.subarray(0, read).lastIndexOf("\n");
    if (newline >= 0) return start + newline + 1;
  }
  return 0;
}

export class RecordingWriter {
  readonly #fd: number;
  readonly #isCompressed: boolean;
  #size: number;
  #lines = "";
  #timer: Timer | undefined;
  /** Bytes at the file's end that were torn off when whoever wrote it ended. */
  readonly torn: number;
  /** Whether there was something in the file before. */
  readonly goesOn: boolean;

  /**
   * Opens a file, or makes it; what is there is gone on with, behind its last whole line or frame.
   * @param failed told where it cannot be written any more; nothing half written stays in the file
   * @throws BadRecording where it cannot be opened, another process writes it, or it is something else
   */
  constructor(
    readonly path: string,
    readonly failed: (error: BadRecording) => void,
  ) {
    this.#isCompressed = isCompressed(path);
    try {
      this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK, MODE);
    } catch (error) {
      throw this.#bad(error);
    }
    const stat = fstatSync(this.#fd);
    if (!stat.isFile()) throw new BadRecording(`${path}: it is no file`);
    // Before it is looked at: two that go on with one file write over each other.
    if (!lockFile(this.#fd))
      throw new BadRecording(`${path}: another --record writes it; name another file, or end that`);
    const begins = Buffer.alloc(1);
    readSync(this.#fd, begins, 0, 1, 0);
    const whole = this.#isCompressed ? wholeFrames(readFileSync(path)) : wholeLines(this.#fd, stat.size);
    const isOurs = this.#isCompressed ? whole > 0 : begins.toString("latin1") === "{";
    if (stat.size > 0 && !isOurs) throw new BadRecording(`${path}: it is there, and no recording; it is left alone`);
    this.#size = whole;
    this.torn = stat.size - whole;
    this.goesOn = whole > 0;
    ftruncateSync(this.#fd, whole);
  }

  /** Takes a payload. */
  write(payload: string): void {
    this.#lines += `${payload}\n`;
    if (this.#isCompressed && this.#lines.length > FRAME_BYTES) this.#out();
  }

  /** What has been taken goes into the file: at once, or with what follows soon where it is compressed. */
  flush(): void {
    if (!this.#isCompressed) this.#out();
    else if (this.#lines !== "") this.#timer ??= setTimeout(() => this.#out(), FRAME_MS);
  }

  /** Writes the rest and ends it. */
  close(): void {
    this.#out();
    closeSync(this.#fd);
  }

  #out(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines === "") return;
    const bytes = this.#isCompressed ? Bun.zstdCompressSync(this.#lines) : Buffer.from(this.#lines);
    this.#lines = "";
    try {
      for (let written = 0; written < bytes.length; )
        written += writeSync(this.#fd, bytes, written, bytes.length - written, this.#size + written);
      this.#size += bytes.length;
    } catch (error) {
      ftruncateSync(this.#fd, this.#size);
      this.failed(this.#bad(error));
    }
  }

  #bad(error: unknown): BadRecording {
    const own = { ENOENT: "there is no such folder", EACCES: "no permission to write it" };
    return new BadRecording(`${this.path}: ${fileTrouble(error, own)}`);
  }
}
