/** Where events wait for a Falco that stands still. */
import type { Line } from "../base/line.ts";

/**
 * Memory is taken and given back in pieces of this size; a longer event gets one of its own. The first is small: each
 * engine has a queue, and few of them have much in it.
 */
const SEGMENT_BYTES = 1024 * 1024;
const FIRST_SEGMENT_BYTES = 16 * 1024;
/** Before each event: u32 bytes of the line, u32 bytes of the addition, u64 hash, u32 whether it is an engine's. */
const HEADER_BYTES = 20;

/** An event that waits. The line's bytes are valid until `shift`. */
export interface Queued {
  readonly line: Line;
  /** What is added to the line in the payload; empty for nothing. */
  readonly addition: string;
  /** The hash of an engine's line; undefined for an event of our own. */
  readonly hash: bigint | undefined;
}

interface Segment {
  readonly bytes: Buffer;
  used: number;
}

/**
 * Events that wait for a Falco that stands still: first in, first out. They lie as bytes in few large pieces, so that
 * what they cost is what they are long, and the garbage collector has nothing to look at.
 */
export class SpillQueue {
  readonly #segments: Segment[] = [];
  #read = 0;
  #bytes = 0;

  /** Bytes of what waits. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  push(line: Line, addition: string, hash: bigint | undefined): void {
    const { buffer, start, end } = line;
    const added = Buffer.byteLength(addition);
    const size = HEADER_BYTES + (end - start) + added;
    let segment = this.#segments.at(-1);
    if (segment === undefined || segment.used + size > segment.bytes.length) {
      const usual = segment === undefined ? FIRST_SEGMENT_BYTES : SEGMENT_BYTES;
      segment = { bytes: Buffer.allocUnsafeSlow(Math.max(usual, size)), used: 0 };
      this.#segments.push(segment);
    }
    const { bytes, used } = segment;
    bytes.writeUInt32LE(end - start, used);
    bytes.writeUInt32LE(added, used + 4);
    bytes.writeBigUInt64LE(hash ?? 0n, used + 8);
    bytes.writeUInt32LE(hash === undefined ? 0 : 1, used + 16);
    buffer.copy(bytes, used + HEADER_BYTES, start, end);
    bytes.write(addition, used + HEADER_BYTES + end - start);
    segment.used += size;
    this.#bytes += size;
  }

  peek(): Queued | undefined {
    const segment = this.#segments[0];
    if (segment === undefined) return undefined;
    const { bytes } = segment;
    const start = this.#read + HEADER_BYTES;
    const end = start + bytes.readUInt32LE(this.#read);
    const hash = bytes.readUInt32LE(this.#read + 16) === 0 ? undefined : bytes.readBigUInt64LE(this.#read + 8);
    const addition = bytes.toString("utf8", end, end + bytes.readUInt32LE(this.#read + 4));
    return { line: { buffer: bytes, start, end }, addition, hash };
  }

  shift(): void {
    const segment = this.#segments[0];
    if (segment === undefined) return;
    const { bytes } = segment;
    const size = HEADER_BYTES + bytes.readUInt32LE(this.#read) + bytes.readUInt32LE(this.#read + 4);
    this.#read += size;
    this.#bytes -= size;
    if (this.#read < segment.used) return;
    this.#segments.shift();
    this.#read = 0;
  }
}
