import { beforeAll, expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { compileLibrary } from "../../build.ts";
import { layout } from "../../src/ipc/layout.ts";
import { NUMBERED, runtimePid } from "../faults/faults.ts";
import { TestEngine } from "../support/engine.ts";
import { type Instance, Plugin, PROGRAM, rc } from "../support/host.ts";
import { sharedNumber } from "../support/shared.ts";
import { signalTo } from "../support/signal.ts";
import { temporaryFolder } from "../support/temporary.ts";

let number = 0;
const line = () =>
  NUMBERED.replaceAll("@", String(number++).padStart(9, "0")).replaceAll("#", String(BigInt(Date.now()) * 1_000_000n));

/**
 * The library with other bounds: next_batch's longest wait, and how long the runtime may be without a heartbeat. One comes
 * every 3 s, and a pause counts as a third of the bound: 5 s of the 6 are spent where a pause follows a late one.
 */
const patient = join(temporaryFolder(), "libdocker.so");
const impatient = join(temporaryFolder(), "libdocker.so");

beforeAll(async () => {
  await compileLibrary(patient, ["-DBATCH_WAIT_MS=10000"]);
  await compileLibrary(impatient, ["-DHANG_MS=6000"]);
  for (const library of [patient, impatient]) symlinkSync(PROGRAM, join(library, "../docker-plugin"));
}, 60_000);

/** One call, and how long it took. */
function timed(instance: Instance) {
  const began = performance.now();
  const { rc, events } = instance.nextBatch();
  return { rc, count: events.length, ms: performance.now() - began };
}

/** Of several that should be the same: a busy machine makes some longer, a fault of ours all. */
const shortest = (waits: readonly number[]): number => Math.min(...waits);

test("next_batch returns after 100 ms with a timeout where nothing comes, and never with nothing else", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": ""}');
  using instance = state.open(engine.address);
  const waits: number[] = [];
  for (let i = 0; i < 5; i++) {
    const { rc: code, count, ms } = timed(instance);
    expect([code, count]).toEqual([rc.timeout, 0]);
    expect(ms).toBeGreaterThan(90);
    waits.push(ms);
  }
  expect(shortest(waits)).toBeLessThan(160);
});

test("no wake-up is lost: with the cap raised to 10 s each event ends its wait far below it", async () => {
  await using engine = await TestEngine.start();
  const plugin = new Plugin(patient);
  using state = plugin.init('{"statefile": ""}');
  using instance = state.open(engine.address);
  let longest = 0;
  const rounds = 3000;
  // The engine sends one, at a time of its own, whenever this side asked: sent and waited for are not in step.
  for (let i = 0; i < rounds; i++) {
    const sent = engine.send(line());
    if (i % 3 === 0) await sent;
    let came = 0;
    while (came === 0) {
      const { rc: code, count, ms } = timed(instance);
      expect(code).toBe(rc.success);
      longest = Math.max(longest, ms);
      came = count;
    }
    await sent;
  }
  expect(longest).toBeLessThan(2_000);
}, 60_000);

test("flushinterval 0: what comes goes at once", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": "", "flushinterval": 0}');
  using instance = state.open(engine.address);
  const waits: number[] = [];
  for (let i = 0; i < 5; i++) {
    await engine.send(line());
    const began = performance.now();
    expect(instance.payloads(1).length).toBe(1);
    waits.push(performance.now() - began);
  }
  expect(shortest(waits)).toBeLessThan(50);
});

test("flushinterval above 0: the first after quiet goes at once, the rest waits for the interval since", async () => {
  await using engine = await TestEngine.start();
  const interval = 2_000;
  using state = new Plugin().init(`{"statefile": "", "flushinterval": ${interval}}`);
  using instance = state.open(engine.address);
  await engine.send(line());
  const began = performance.now();
  expect(instance.payloads(1).length).toBe(1);
  const flushed = performance.now();
  expect(flushed - began).toBeLessThan(interval / 2);
  await engine.send(line(), line(), line());
  const waits: number[] = [];
  let batch = timed(instance);
  // A call never waits over 100 ms, so the interval is waited for over several.
  for (; batch.count === 0; batch = timed(instance)) {
    expect(batch.rc).toBe(rc.timeout);
    waits.push(batch.ms);
  }
  expect(shortest(waits)).toBeLessThan(160);
  expect(batch.count).toBe(3);
  expect(performance.now() - flushed).toBeGreaterThan(interval - 20);
  expect(performance.now() - flushed).toBeLessThan(2 * interval);
});

test("a batch that is full does not wait for the interval", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": "", "flushinterval": 60000}');
  using instance = state.open(engine.address);
  await engine.send(line());
  expect(timed(instance).count).toBe(1);
  await engine.repeat(NUMBERED.replaceAll("#", "1795427240090068681"), 3000);
  const began = performance.now();
  expect(instance.take(500, () => 0, 20_000).length).toBeGreaterThanOrEqual(500);
  expect(performance.now() - began).toBeLessThan(10_000);
});

test("set_config changes the interval of an open instance, and a wrong one changes nothing", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": "", "flushinterval": 60000}');
  using instance = state.open(engine.address);
  await engine.send(line());
  expect(instance.payloads(1).length).toBe(1);
  await engine.send(line());
  expect(instance.payloads(1, 400)).toEqual([]);
  expect(state.setConfig('{"flushinterval": "soon"}')).toBe(rc.failure);
  expect(state.error).toContain("flushinterval");
  expect(instance.payloads(1, 400)).toEqual([]);
  expect(state.setConfig('{"flushinterval": 0}')).toBe(rc.success);
  expect(instance.payloads(1).length).toBe(1);
});

test("a runtime that hangs is replaced: no heartbeat within its bound (here 6 s)", async () => {
  await using engine = await TestEngine.start();
  const plugin = new Plugin(impatient);
  const started = performance.now();
  using state = plugin.init('{"statefile": ""}');
  using instance = state.open(engine.address);
  await engine.send(line());
  expect(instance.payloads(1).length).toBe(1);
  const hung = runtimePid();
  signalTo(hung, "SIGSTOP");
  await engine.flow(NUMBERED, 20, 300);
  const began = performance.now();
  while (state.metrics().runtime_restarts === 0 && performance.now() - began < 30_000) instance.nextBatch();
  // Nor is it replaced before that: it was heard of as late as it was ready.
  expect(performance.now() - started).toBeGreaterThan(6_000);
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(state.logs.map(({ text }) => text).join()).toContain("heartbeat");
  expect(runtimePid()).not.toBe(hung);
  expect(instance.payloads(2).length).toBeGreaterThanOrEqual(2);
}, 60_000);

test("a Falco that is slow at every batch notices a runtime that hangs all the same", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin(impatient).init('{"statefile": ""}');
  using instance = state.open(engine.address);
  await engine.send(line());
  expect(instance.payloads(1).length).toBe(1);
  const hung = runtimePid();
  signalTo(hung, "SIGSTOP");
  // Each look comes after a pause that could be the whole machine's.
  for (let looks = 0; looks < 8 && state.metrics().runtime_restarts === 0; looks++) {
    await Bun.sleep(1_500);
    instance.nextBatch();
  }
  expect(state.logs.map(({ text }) => text).join()).toContain("heartbeat");
  await engine.send(line());
  expect(instance.payloads(1).length).toBe(1);
  expect(runtimePid()).not.toBe(hung);
}, 60_000);

/** Takes batches until the heartbeat has moved, or the runtime is another one. */
function untilItBeats(instance: Instance): void {
  const heartbeat = () => sharedNumber("mailbox", layout.MAILBOX_HEARTBEAT);
  const before = heartbeat();
  while (heartbeat() === before && instance.state.metrics().runtime_restarts === 0) instance.nextBatch();
}

test("a machine that stood still kills no runtime that is well: it has the time to move its heartbeat", async () => {
  await using engine = await TestEngine.start();
  // What is asked would be late, and said to be.
  using state = new Plugin(impatient).init('{"statefile": "", "inspect": false}');
  using instance = state.open(engine.address);
  const pid = runtimePid();
  // The first pause comes in the middle of what an open asks of the engine.
  for (let i = 0; i < 2; i++) {
    // Longer than a runtime may be silent, and neither of the two runs.
    signalTo(pid, "SIGSTOP");
    await Bun.sleep(7_000);
    instance.nextBatch();
    signalTo(pid, "SIGCONT");
    untilItBeats(instance);
  }
  // What it began to wait for before the last pause, it has by now.
  untilItBeats(instance);
  expect([state.metrics().runtime_restarts, runtimePid()]).toEqual([0, pid]);
  expect(state.logs).toEqual([]);
}, 60_000);
