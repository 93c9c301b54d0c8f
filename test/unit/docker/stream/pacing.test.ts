import { expect, test } from "bun:test";
import { Pacing } from "../../../../src/docker/stream/pacing.ts";

/** Feeds reads of so many pieces, so far apart; returns how many were settled and the ms that they took. */
async function feed(reads: number, pieces: number, apartMs: number): Promise<{ settled: number; ms: number }> {
  let settled = 0;
  const gathered = new Pacing(() => settled++);
  const began = performance.now();
  for (let i = 0; i < reads; i++) {
    if (apartMs > 0) await Bun.sleep(apartMs);
    for (let piece = 0; piece < pieces; piece++) gathered.piece();
    await Promise.resolve();
  }
  return { settled, ms: performance.now() - began };
}

test("the pieces of one read are settled once, after the last of them", async () => {
  const seen: string[] = [];
  const reads = new Pacing(() => seen.push("settled"));
  for (const piece of ["a", "b", "c"]) {
    reads.piece();
    seen.push(piece);
  }
  await Promise.resolve();
  reads.piece();
  seen.push("d");
  await Promise.resolve();
  expect(seen).toEqual(["a", "b", "c", "settled", "d", "settled"]);
});

test("small reads close together are spaced by a millisecond each", async () => {
  const { settled, ms } = await feed(50, 4, 0);
  expect(settled).toBe(50);
  expect(ms).toBeGreaterThan(45);
});

test("reads that bring much are not held up", async () => {
  const { settled, ms } = await feed(50, 100, 0);
  expect(settled).toBe(50);
  expect(ms).toBeLessThan(25);
});

test("single events far apart are not held up", async () => {
  const reads = new Pacing(() => {});
  let spent = 0;
  for (let i = 0; i < 20; i++) {
    await Bun.sleep(5);
    const began = performance.now();
    reads.piece();
    await Promise.resolve();
    spent += performance.now() - began;
  }
  expect(spent).toBeLessThan(10);
});
