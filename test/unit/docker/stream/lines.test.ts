import { expect, test } from "bun:test";
import { textOf } from "../../../../src/base/line.ts";
import { Budget } from "../../../../src/docker/budget.ts";
import { HEAD_BYTES, LineSplitter, TAIL_BYTES } from "../../../../src/docker/stream/lines.ts";

function split(
  chunks: Buffer[],
  max = 1 << 20,
): { lines: string[]; long: [head: string, tail: string, bytes: number][] } {
  const lines: string[] = [];
  const long: [string, string, number][] = [];
  const splitter = new LineSplitter(
    max,
    (line) => lines.push(textOf(line)),
    (head, tail, bytes) => long.push([head.toString(), tail.toString(), bytes]),
  );
  for (const chunk of chunks) splitter.push(chunk);
  return { lines, long };
}

const pieces = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));

test("lines are the same wherever the stream is split, in the middle of a character too", () => {
  const wanted = ["one", "zwölf Boxkämpfer", "日本", "{}", "x".repeat(300)];
  const bytes = Buffer.from(`${wanted.join("\n")}\n`);
  for (let size = 1; size <= bytes.length; size++) expect(split(pieces(bytes, size)).lines).toEqual(wanted);
});

test("empty lines are skipped and an unfinished one waits", () => {
  expect(split([Buffer.from("\n\na\n\nb\nc")]).lines).toEqual(["a", "b"]);
  expect(split([Buffer.from("\n"), Buffer.from("a"), Buffer.from("\n"), Buffer.from("\nb")]).lines).toEqual(["a"]);
});

test.each([7, 1000, 65536, 300_000])(
  "a line beyond the bound gives its beginning and its end, in pieces of %p",
  (size) => {
    const max = HEAD_BYTES * 2;
    const long = `<${"a".repeat(max)}${"b".repeat(max)}>`;
    const bytes = Buffer.from(`before\n${long}\nafter\n`);
    const result = split(pieces(bytes, size), max);
    expect(result.lines).toEqual(["before", "after"]);
    expect(result.long).toEqual([[long.slice(0, HEAD_BYTES), long.slice(-TAIL_BYTES), long.length]]);
  },
);

test("a line of exactly the bound is whole, one byte more is not", () => {
  const max = HEAD_BYTES;
  for (const size of [1 << 20, 1000]) {
    expect(split(pieces(Buffer.from(`${"a".repeat(max)}\n`), size), max).lines).toEqual(["a".repeat(max)]);
    expect(split(pieces(Buffer.from(`${"a".repeat(max + 1)}\n`), size), max).long[0]?.[2]).toBe(max + 1);
  }
});

test("after a reset nothing is left of the unfinished line", () => {
  const lines: string[] = [];
  const splitter = new LineSplitter(
    1 << 20,
    (line) => lines.push(textOf(line)),
    () => {},
  );
  splitter.push(Buffer.from("half of a li"));
  splitter.reset();
  splitter.push(Buffer.from("whole\n"));
  expect(lines).toEqual(["whole"]);
});

test("of lines that have begun, of many streams, the longest is cut short where they are too much together", () => {
  const held = new Budget(1_000_000);
  const told: (string | number)[] = [];
  const splitters = ["a", "b", "c"].map(
    (name) =>
      new LineSplitter(
        1 << 20,
        (line) => told.push(`${name} ${line.end - line.start}`),
        (head, tail, bytes) => told.push(`${name} ${bytes}, of it ${head.length} and ${tail.length}`),
        held,
      ),
  );
  const [a, b, c] = splitters as [LineSplitter, LineSplitter, LineSplitter];
  a.push(Buffer.alloc(300_000, "a"));
  b.push(Buffer.alloc(600_000, "b"));
  c.push(Buffer.alloc(50_000, "c"));
  expect(held.held).toBe(950_000);
  a.push(Buffer.alloc(100_000, "a"));
  expect(held.held).toBe(450_000);
  // What is short already takes nothing any more.
  b.push(Buffer.alloc(900_000, "b"));
  expect(held.held).toBe(450_000);
  for (const each of splitters) each.push(Buffer.from("\nnext\n"));
  expect(told).toEqual([
    ...["a 400000", "a 4"],
    ...[`b 1500000, of it ${HEAD_BYTES} and ${TAIL_BYTES}`, "b 4"],
    ...["c 50000", "c 4"],
  ]);
  expect(held.held).toBe(0);
  a.push(Buffer.alloc(500, "a"));
  a.reset();
  expect(held.held).toBe(0);
});
