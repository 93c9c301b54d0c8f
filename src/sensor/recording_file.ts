/** A recording as a file: plain, or compressed by zstd where its name says so. */
import { readFileSync } from "node:fs";
import { zstdDecompressSync } from "node:zlib";
import { errorMessage, fileTrouble } from "../base/errors.ts";

/** A file that cannot be read or written as a recording; the message says which, and why. */
export class BadRecording extends Error {}

export const isCompressed = (path: string): boolean => path.endsWith(".zst");

/** RFC 8878, 3.1.1: the magic number of a frame; 3.1.2: those of what is to be skipped, but for their last digit. */
const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const BLOCK_HEADER = 3;
const BLOCK_RLE = 1;
const CHECKSUM = 4;

/** Where the frame that begins at `at` ends; undefined where it is not whole. */
function frameEnd(bytes: Buffer, at: number): number | undefined {
  if (at + 8 > bytes.length) return undefined;
  const magic = bytes.readUInt32LE(at);
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
    const end = at + 8 + bytes.readUInt32LE(at + 4);
    return end <= bytes.length ? end : undefined;
  }
  if (magic !== FRAME) return undefined;
  const descriptor = bytes.readUInt8(at + 4);
  const isSingle = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >>> 6;
  const size = sizeFlag === 0 && isSingle ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] ?? 0);
  let block = at + 5 + (isSingle ? 0 : 1) + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) + size;
  for (;;) {
    if (block + BLOCK_HEADER > bytes.length) return undefined;
    const header = bytes.readUIntLE(block, BLOCK_HEADER);
    block += BLOCK_HEADER + (((header >>> 1) & 3) === BLOCK_RLE ? 1 : header >>> 3);
    if ((header & 1) !== 0) break;
  }
  const end = block + ((descriptor & 4) !== 0 ? CHECKSUM : 0);
  return end <= bytes.length ? end : undefined;
}

/** How many bytes of a compressed file are whole frames: whoever wrote it may have been killed in the middle of one. */
export function wholeFrames(bytes: Buffer): number {
  let whole = 0;
  for (let end = frameEnd(bytes, 0); end !== undefined; end = frameEnd(bytes, whole)) whole = end;
  return whole;
}

/** A tool's own memory is its person's; below what a buffer can hold. */
const UNPACKED_MAX = 2 ** 31;

/**
 * What a recording's file holds, a payload a line; of a compressed one that was torn the part that is whole.
 * @param max how many bytes it may have when it is not compressed any more
 * @throws BadRecording
 */
export function readRecording(path: string, max = UNPACKED_MAX): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new BadRecording(`${path}: ${fileTrouble(error)}`);
  }
  if (!isCompressed(path)) return bytes;
  try {
    const whole = wholeFrames(bytes);
    if (whole === 0 && bytes.length > 0) throw new Error("no zstd frame");
    return whole === 0 ? bytes : zstdDecompressSync(bytes.subarray(0, whole), { maxOutputLength: max });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new BadRecording(`${path}: it holds more than ${max} bytes`);
    throw new BadRecording(`${path}: it is not compressed by zstd (${errorMessage(error)})`);
  }
}
