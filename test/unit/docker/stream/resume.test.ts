import { expect, test } from "bun:test";
import { lineOf } from "../../../../src/base/line.ts";
import { HEAD_BYTES, TAIL_BYTES } from "../../../../src/docker/stream/lines.ts";
import {
  type Fingerprint,
  hashLine,
  hashLongLine,
  REMEMBERED,
  Resume,
  timeOfLine,
} from "../../../../src/docker/stream/resume.ts";

const SECOND = 1_000_000_000n;
const BEGAN = 1_795_427_240n * SECOND;

const fingerprint = (i: number): Fingerprint => ({ timeNano: BEGAN + BigInt(i), hash: BigInt(i) });
const knows = (resume: Resume, { timeNano, hash }: Fingerprint): boolean => resume.knows(hash, () => timeNano);
const read = (text: string) => timeOfLine({ buffer: Buffer.from(`xx${text}xx`), start: 2, end: text.length + 2 });

test("an event is known by its time and its hash together, whichever time that is", () => {
  const resume = new Resume([fingerprint(5)]);
  expect(knows(resume, fingerprint(5))).toBe(true);
  expect(knows(resume, { ...fingerprint(5), timeNano: BEGAN })).toBe(false);
  expect(knows(resume, { ...fingerprint(5), hash: 2n ** 63n })).toBe(false);
  // The same hash at two times.
  resume.remember({ timeNano: 1n, hash: 5n });
  expect([knows(resume, fingerprint(5)), knows(resume, { timeNano: 1n, hash: 5n })]).toEqual([true, true]);
});

test("a stream that knows nothing does not know an empty hash", () => {
  const resume = new Resume();
  expect([resume.isEmpty, resume.last, resume.least]).toEqual([true, undefined, undefined]);
  expect(knows(resume, { timeNano: 0n, hash: 0n })).toBe(false);
});

test("the last is the one that came last and not the greatest, and the least is the least", () => {
  const resume = new Resume([fingerprint(5), fingerprint(3_600), fingerprint(4)]);
  expect([resume.last, resume.least]).toEqual([BEGAN + 4n, BEGAN + 4n]);
  resume.remember(fingerprint(9));
  // A line that is no event may have no time.
  resume.remember({ timeNano: 0n, hash: 1n });
  expect([resume.last, resume.least]).toEqual([BEGAN + 9n, BEGAN + 4n]);
  expect(knows(resume, { timeNano: 0n, hash: 1n })).toBe(true);
});

test("twice of what an engine keeps is remembered, and no more", () => {
  const fingerprints = Array.from({ length: REMEMBERED + 1 }, (_, i) => fingerprint(i));
  const resume = new Resume(fingerprints);
  expect(fingerprints.map((each) => knows(resume, each))).toEqual(fingerprints.map((_, i) => i > 0));
});

test("the time of a line is read from its end, and only from a key", () => {
  expect(read('{"Type":"x","timeNano":1795427240090068681}')).toBe(1795427240090068681n);
  expect(read('{"timeNano":18446744073709551615 }\r')).toBe(2n ** 64n - 1n);
  expect(read('{"timeNano":5,"Actor":{"Attributes":{"a":"\\"timeNano\\":7"}}}')).toBe(0n);
  expect(read('{"a":"timeNano"}')).toBe(0n);
  expect(read("")).toBe(0n);
});

test("lines differ in 64 bits, long ones by their beginning, their end and their length", () => {
  const line = { buffer: Buffer.from("..a line.."), start: 2, end: 8 };
  expect(hashLine(line)).toBe(hashLine(lineOf("a line")));
  const [head, tail] = [Buffer.from("head"), Buffer.from("tail")];
  const hashes = [
    hashLongLine(head, tail, 9),
    hashLongLine(head, tail, 10),
    hashLongLine(tail, tail, 9),
    hashLongLine(head, head, 9),
    hashLine(line),
  ];
  expect(new Set(hashes).size).toBe(hashes.length);
  expect(hashes.some((hash) => hash > 2n ** 60n)).toBe(true);
});

test("a long line has one fingerprint, whether it is read whole or not", () => {
  const bytes = HEAD_BYTES + TAIL_BYTES + 1;
  const line = Buffer.alloc(bytes, "a line ");
  const [head, tail] = [line.subarray(0, HEAD_BYTES), line.subarray(-TAIL_BYTES)];
  expect(hashLine(lineOf(line))).toBe(hashLongLine(head, tail, bytes));
  // Shorter ones are hashed whole.
  const short = Buffer.from(line.subarray(1));
  const before = hashLine(lineOf(short));
  short.write("X", HEAD_BYTES + 1);
  expect(hashLine(lineOf(short))).not.toBe(before);
});
