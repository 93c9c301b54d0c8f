import { expect, test } from "bun:test";
import { Budget } from "../../../src/docker/budget.ts";
import { Sequencer } from "../../../src/sensor/sequencer.ts";

const never = new Promise(() => {});

test("what waits holds back what comes behind it, and no answer is waited for longer than its bound", async () => {
  const gone: string[] = [];
  let flushed = 0;
  const sequencer = new Sequencer(() => flushed++);
  let answer = () => {};
  sequencer.push(1, new Promise<void>((resolve) => (answer = resolve)), 10_000, () => gone.push("asked"));
  sequencer.push(1, undefined, 0, () => gone.push("behind"));
  sequencer.push(1, never, 30, () => gone.push("late"));
  const { promise: last, resolve: lastGone } = Promise.withResolvers<void>();
  sequencer.push(1, Promise.reject(new Error()), 10_000, () => {
    gone.push("failed");
    lastGone();
  });
  await Promise.resolve();
  expect([gone, sequencer.isOpen, flushed]).toEqual([[], false, 0]);
  answer();
  for (let i = 0; i < 4; i++) await Promise.resolve();
  expect(gone).toEqual(["asked", "behind"]);
  await last;
  await Promise.resolve();
  expect([gone, sequencer.isOpen, flushed]).toEqual([["asked", "behind", "late", "failed"], true, 2]);
});

test("an answer that comes after the bound changes nothing", async () => {
  const gone: number[] = [];
  const sequencer = new Sequencer(() => {});
  const answer = Promise.withResolvers<void>();
  const { promise: late, resolve } = Promise.withResolvers<void>();
  sequencer.push(1, answer.promise, 5, () => {
    gone.push(1);
    resolve();
  });
  await late;
  answer.resolve();
  await Bun.sleep(1);
  expect(gone).toEqual([1]);
});

test("more than the bound in bytes is not held back: all goes on, in order", () => {
  const gone: number[] = [];
  const sequencer = new Sequencer(() => {}, new Budget(100));
  for (let i = 0; i < 10; i++) sequencer.push(10, never, 10_000, () => gone.push(i));
  expect(gone).toEqual([]);
  sequencer.push(10, never, 10_000, () => gone.push(10));
  expect(gone).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(sequencer.isOpen).toBe(true);
});

test("what goes on may itself push, and comes last", () => {
  const gone: string[] = [];
  const sequencer = new Sequencer(() => {}, new Budget(0));
  sequencer.push(1, never, 10_000, () => {
    gone.push("a");
    sequencer.push(0, undefined, 0, () => gone.push("c"));
  });
  gone.push("b");
  sequencer.push(1, undefined, 0, () => gone.push("d"));
  expect(gone).toEqual(["a", "c", "b", "d"]);
});

test("a closed sequencer lets nothing through", async () => {
  const gone: number[] = [];
  const sequencer = new Sequencer(() => {});
  sequencer.push(1, Bun.sleep(1), 10, () => gone.push(1));
  sequencer.close();
  await Bun.sleep(30);
  expect(gone).toEqual([]);
});

test("where several share the bytes, the one that holds most of them lets go, and gives back what it held", () => {
  const gone: string[] = [];
  const budget = new Budget(100);
  const [flood, quiet] = [new Sequencer(() => {}, budget), new Sequencer(() => {}, budget)];
  for (let i = 0; i < 9; i++) flood.push(10, never, 10_000, () => gone.push(`flood${i}`));
  quiet.push(10, never, 10_000, () => gone.push("quiet"));
  expect([gone, budget.held]).toEqual([[], 100]);
  quiet.push(10, never, 10_000, () => gone.push("quiet"));
  expect(gone).toEqual(Array.from({ length: 9 }, (_, i) => `flood${i}`));
  expect([flood.isOpen, quiet.isOpen, budget.held]).toEqual([true, false, 20]);
  quiet.close();
  expect(budget.held).toBe(0);
});
