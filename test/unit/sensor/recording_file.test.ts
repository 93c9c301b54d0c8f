/** Frames of zstd, of which only whole ones are read. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BadAddress } from "../../../src/docker/endpoint.ts";
import { recordingAt } from "../../../src/sensor/recording.ts";
import { readRecording, wholeFrames } from "../../../src/sensor/recording_file.ts";

import { temporaryFolder } from "../../support/temporary.ts";

const frames = [
  "a",
  "b".repeat(300),
  "c".repeat(200_000),
  Buffer.from(crypto.getRandomValues(new Uint8Array(1000))),
].map((content) => Bun.zstdCompressSync(content));

test("whole frames are found, however much of the next one is there", () => {
  const bytes = Buffer.concat(frames);
  expect(wholeFrames(bytes)).toBe(bytes.length);
  let whole = 0;
  for (const frame of frames) {
    for (let end = whole; end < whole + frame.length; end++) expect(wholeFrames(bytes.subarray(0, end))).toBe(whole);
    whole += frame.length;
  }
});

test("frames that are to be skipped are frames, and what is none is not", () => {
  const skip = Buffer.alloc(8 + 5);
  skip.writeUInt32LE(0x184d2a53, 0);
  skip.writeUInt32LE(5, 4);
  const bytes = Buffer.concat([skip, frames[0] ?? skip]);
  expect(wholeFrames(bytes)).toBe(bytes.length);
  expect(wholeFrames(skip.subarray(0, 12))).toBe(0);
  expect(wholeFrames(Buffer.from("plain text, and long enough"))).toBe(0);
  expect(wholeFrames(Buffer.alloc(0))).toBe(0);
});

test("every level of compression, with and without a checksum, makes frames that are found", () => {
  const content = Buffer.from("events ".repeat(10_000));
  for (let level = 1; level <= 19; level += 6) {
    const frame = Bun.zstdCompressSync(content, { level });
    expect(wholeFrames(Buffer.concat([frame, frame.subarray(0, -1)]))).toBe(frame.length);
  }
});

test("a recording that holds more than may be held is refused, and a compressed one can be played", async () => {
  const path = join(temporaryFolder(), "events.jsonl.zst");
  writeFileSync(path, Bun.zstdCompressSync(Buffer.alloc(10_000)));
  expect(() => readRecording(path, 9_999)).toThrow(`${path}: it holds more than 9999 bytes`);
  expect(readRecording(path, 10_000).length).toBe(10_000);
  expect((await recordingAt(`file://${path}`).bytes()).length).toBe(10_000);
  writeFileSync(path, "nothing compressed");
  expect(() => recordingAt(`file://${path}`)).toThrow(BadAddress);
});
