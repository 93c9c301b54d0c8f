import { expect, test } from "bun:test";
import { lineOf, textOf } from "../../../src/base/line.ts";
import { SpillQueue } from "../../../src/runtime/spill_queue.ts";

test("what goes in comes out in order, with its hash and its addition", () => {
  const queue = new SpillQueue();
  expect(queue.peek()).toBeUndefined();
  const line = Buffer.from("..line..");
  const sizes = [1, 500, 1_048_600, 3_000_000, 0, 7];
  for (const [i, size] of sizes.entries()) {
    const text = Buffer.concat([line, Buffer.alloc(size, 65 + i)]);
    queue.push(
      { buffer: text, start: 2, end: text.length },
      i % 2 === 0 ? "" : `{"n":"ä${i}"}`,
      i === 3 ? undefined : 2n ** 64n - 1n - BigInt(i),
    );
  }
  for (const [i, size] of sizes.entries()) {
    const item = queue.peek();
    expect(item && textOf(item.line)).toBe(`line..${String.fromCharCode(65 + i).repeat(size)}`);
    expect(item?.addition).toBe(i % 2 === 0 ? "" : `{"n":"ä${i}"}`);
    expect(item?.hash).toBe(i === 3 ? undefined : 2n ** 64n - 1n - BigInt(i));
    expect(queue.isEmpty).toBe(false);
    queue.shift();
  }
  expect([queue.isEmpty, queue.bytes, queue.peek()]).toEqual([true, 0, undefined]);
  queue.shift();
});

test("its bytes are what it holds, and memory is given back as it drains", () => {
  const queue = new SpillQueue();
  const line = Buffer.alloc(400, 97);
  for (let i = 0; i < 20_000; i++) queue.push(lineOf(line), "", BigInt(i));
  expect(queue.bytes).toBe(20_000 * 420);
  for (let i = 0; i < 20_000; i++) {
    expect(queue.peek()?.hash).toBe(BigInt(i));
    queue.shift();
  }
  expect(queue.bytes).toBe(0);
});
