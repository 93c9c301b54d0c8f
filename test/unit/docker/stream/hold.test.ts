import { expect, test } from "bun:test";
import { lineOf, textOf } from "../../../../src/base/line.ts";
import { Budget } from "../../../../src/docker/budget.ts";
import { Hold } from "../../../../src/docker/stream/hold.ts";

const push = (hold: Hold, text: string) =>
  hold.push({ buffer: Buffer.from(`..${text}..`), start: 2, end: text.length + 2 });

test("what is held is dropped when a known line comes, and never told of", async () => {
  const told: string[] = [];
  const hold = new Hold((line) => told.push(textOf(line)), 20);
  for (const text of ["a", "b"]) push(hold, text);
  expect(hold.isOn).toBe(true);
  hold.drop();
  expect(hold.isOn).toBe(false);
  await Bun.sleep(60);
  expect(told).toEqual([]);
});

test("where none comes all is told of, in order, after its time, and not before", async () => {
  const told: string[] = [];
  const began = performance.now();
  const hold = new Hold((line) => told.push(textOf(line)), 40);
  for (const text of ["a", "b", "c"]) push(hold, text);
  expect(told).toEqual([]);
  while (hold.isOn) await Bun.sleep(1);
  expect(performance.now() - began).toBeGreaterThanOrEqual(39);
  expect(told).toEqual(["a", "b", "c"]);
});

test("beyond 16 MiB nothing is held", () => {
  let told = 0;
  const hold = new Hold(() => told++);
  const line = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < 16; i++) hold.push(lineOf(line));
  expect([told, hold.isOn]).toEqual([0, true]);
  hold.push(lineOf(line));
  expect([told, hold.isOn]).toEqual([17, false]);
});

test("nor more than all engines may hold together: the one that holds most tells of it", () => {
  const held = new Budget(2_000_000);
  const told: string[] = [];
  const [a, b] = ["a", "b"].map((name) => new Hold(() => told.push(name), 60_000, held)) as [Hold, Hold];
  const line = lineOf(Buffer.alloc(400_000));
  for (const hold of [a, a, a, a, b]) hold.push(line);
  expect([told, held.held]).toEqual([[], 2_000_000]);
  b.push(line);
  expect([told, held.held, a.isOn, b.isOn]).toEqual([["a", "a", "a", "a"], 800_000, false, true]);
  b.drop();
  expect(held.held).toBe(0);
});
