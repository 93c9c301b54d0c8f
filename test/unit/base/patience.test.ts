/** Waits of a process that stands still itself. */
import { expect, test } from "bun:test";
import { Patience } from "../../../src/base/patience.ts";

/** When it acts, ms from its beginning, where the process stands still at once for `stillMs`, `times` times over. */
async function actsAfter(ms: number, stillMs: number, times: number): Promise<number> {
  const began = performance.now();
  const acted = new Promise<number>((resolve) => new Patience(ms, () => resolve(performance.now() - began)));
  for (let i = 0; i < times; i++) {
    Bun.sleepSync(stillMs);
    await new Promise(setImmediate);
    await Bun.sleep(0);
  }
  return acted;
}

test("it acts when its time has passed", async () => {
  expect(await actsAfter(20, 0, 0)).toBeGreaterThanOrEqual(19);
});

test("what stood still has not waited: the time begins anew", async () => {
  expect(await actsAfter(40, 200, 1)).toBeGreaterThanOrEqual(200 + 39);
});

test("a process that always stands still ends its wait all the same", async () => {
  const began = performance.now();
  let acted = false;
  new Patience(5, () => {
    acted = true;
  });
  let pauses = 0;
  for (; !acted && pauses < 10; pauses++) {
    Bun.sleepSync(120);
    await Bun.sleep(0);
  }
  expect(acted).toBe(true);
  expect(performance.now() - began).toBeGreaterThanOrEqual(3 * 120);
});

test("what was ended does not act, in its first time or in a later one", async () => {
  let acted = 0;
  const patiences = [1, 50].map((ms) => new Patience(ms, () => acted++));
  patiences[0]?.end();
  Bun.sleepSync(200);
  await Bun.sleep(0);
  patiences[1]?.end();
  await Bun.sleep(60);
  expect(acted).toBe(0);
});
