/** A recording as what Falco opens: all of it once, in order, and then the end. */
import { expect, test } from "bun:test";
import { unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildId } from "../../src/ipc/build_id.ts";
import { layout } from "../../src/ipc/layout.ts";
import { NUMBERED, runtimePid } from "../faults/faults.ts";
import { TestEngine } from "../support/engine.ts";
import { BUILT, type Instance, Plugin, pluginBeside, rc } from "../support/host.ts";
import { Random, seedOf } from "../support/random.ts";
import { recordedLines } from "../support/recordings.ts";
import { sharedNumber } from "../support/shared.ts";
import { signalTo } from "../support/signal.ts";
import { temporaryFolder } from "../support/temporary.ts";

const QUIET = '{"statefile": ""}';

/** Writes a recording. Returns its address. */
function recorded(lines: readonly string[]): string {
  const path = join(temporaryFolder(), "events.jsonl");
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
  return `file://${path}`;
}

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, i) =>
    NUMBERED.replaceAll("@", String(i).padStart(9, "0")).replaceAll("#", String(1_795_427_240_000_000_000 + i)),
  );

function progress(instance: Instance): { share: number; text: string } {
  const share = new Uint32Array([77]);
  const text = String(instance.state.plugin.call.plugin_get_progress(instance.state.at, instance.at, share));
  return { share: share[0] ?? -1, text };
}

/** Takes all there is. Returns the payloads, and what next_batch returned in the end. */
function takeAll(instance: Instance, each: () => void = () => {}): { payloads: string[]; last: number } {
  const payloads: string[] = [];
  for (const end = performance.now() + 50_000; performance.now() < end; ) {
    const batch = instance.nextBatch();
    for (const event of batch.events) payloads.push(event.payload);
    if (batch.rc !== rc.success && batch.rc !== rc.timeout) return { payloads, last: batch.rc };
    each();
  }
  return { payloads, last: rc.timeout };
}

test("all that engines ever sent comes byte for byte and with its time, then the end, again and again", () => {
  const lines = recordedLines();
  using state = new Plugin().init(QUIET);
  using instance = state.open(recorded(lines));
  expect([instance.rc, state.error]).toEqual([rc.success, ""]);
  const { payloads, last } = takeAll(instance);
  expect(last).toBe(rc.eof);
  expect(payloads).toEqual(lines);
  expect(instance.nextBatch()).toEqual({ rc: rc.eof, events: [] });
  expect(state.logs).toEqual([]);
});

test.each(["events.jsonl", "events.jsonl.zst"])(
  "what was found out when %s was recorded is in its fields once more",
  (name) => {
    const line = `{"Type":"container","Action":"start","Actor":{"ID":"a","Attributes":{"name":"web"}},"timeNano":5`;
    const payload = `${line},"falco":{"inspected":true,"container":{"user":"1000","privileged":true}}}`;
    const path = join(temporaryFolder(), name);
    writeFileSync(path, name.endsWith(".zst") ? Bun.zstdCompressSync(`${payload}\n`) : `${payload}\n`);
    using state = new Plugin().init(QUIET);
    using instance = state.open(`file://${path}`);
    const asks = ["docker.container.inspected", "docker.container.privileged", "docker.container.user"];
    const [told] = instance.take(1, (event) => ({ values: state.extract(event, asks), payload: event.payload }));
    expect(told).toEqual({ values: [true, true, "1000"], payload });
    expect(takeAll(instance).last).toBe(rc.eof);
  },
);

test("one that no ring and no queue would hold loses nothing, however slow Falco is, and says how far it is", async () => {
  const lines = numbered(60_000);
  using state = new Plugin().init('{"statefile": "", "queuebytes": 1048576}');
  using instance = state.open(recorded(lines));
  while (state.metrics().queue_bytes === 0) await Bun.sleep(1);
  // It could read all of it meanwhile.
  await Bun.sleep(300);
  const shares: number[] = [];
  const { payloads, last } = takeAll(instance, () => shares.push(progress(instance).share));
  expect(last).toBe(rc.eof);
  expect(payloads.length).toBe(lines.length);
  expect(payloads).toEqual(lines);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(shares[0]).toBeLessThan(9_000);
  expect(shares.slice(0, -1)).not.toContain(10_000);
  expect(progress(instance)).toEqual({ share: 10_000, text: "100.00%" });
  expect(state.metrics()).toMatchObject({ received: lines.length, dropped: 0, losses: 0 });
});

const seed = seedOf("a recording whose runtime dies");

test("over deaths of its runtime each event comes once, in order, and then the end", () => {
  const random = new Random(seed);
  const lines = numbered(60_000);
  using state = new Plugin().init(QUIET);
  using instance = state.open(recorded(lines));
  let kills = 0;
  const { payloads, last } = takeAll(instance, () => {
    // Another one may still be on its way.
    const pid = runtimePid();
    if (kills >= 6 || random.below(4) > 0 || pid === undefined) return;
    kills++;
    signalTo(pid, "SIGKILL");
  });
  expect(kills).toBeGreaterThan(2);
  expect(payloads.length).toBe(lines.length);
  expect([payloads.findIndex((payload, i) => payload !== lines[i]), last]).toEqual([-1, rc.eof]);
  expect(state.metrics().losses).toBe(0);
});

test("a runtime that dies after it has told of the end changes nothing, even where the file is gone", async () => {
  const lines = numbered(500);
  const address = recorded(lines);
  using state = new Plugin().init(QUIET);
  using instance = state.open(address);
  // Nothing is taken yet, and all is read.
  while (sharedNumber("ring", layout.RING_ENDED) === 0) await Bun.sleep(1);
  expect(progress(instance)).toEqual({ share: 9_999, text: "99.99%" });
  unlinkSync(address.slice("file://".length));
  const other = state.open("unix:///nowhere/docker.sock");
  signalTo(runtimePid(), "SIGKILL");
  const { payloads, last } = takeAll(instance);
  expect([payloads, last]).toEqual([lines, rc.eof]);
  while (state.metrics().runtime_restarts === 0) other.nextBatch();
  expect(instance.nextBatch()).toEqual({ rc: rc.eof, events: [] });
  expect(other.nextBatch().rc).toBe(rc.timeout);
  other.close();
  expect(state.metrics().losses).toBe(0);
});

test("a file that is gone when another runtime wants to go on is a loss that is told, and an end", async () => {
  const address = recorded(numbered(60_000));
  using state = new Plugin().init(QUIET);
  using instance = state.open(address);
  while (state.metrics().queue_bytes === 0) await Bun.sleep(1);
  unlinkSync(address.slice("file://".length));
  signalTo(runtimePid(), "SIGKILL");
  const { payloads, last } = takeAll(instance);
  expect(last).toBe(rc.eof);
  expect(payloads.length).toBeLessThan(60_001);
  expect(payloads.at(-1)).toContain("the recording cannot be read on");
  expect(state.metrics().losses).toBe(1);
});

test("one without an event is at its end at once", () => {
  using state = new Plugin().init(QUIET);
  for (const lines of [[], ["", "nonsense"]]) {
    using instance = state.open(recorded(lines));
    expect(takeAll(instance)).toEqual({ payloads: [], last: rc.eof });
    expect(progress(instance).share).toBe(10_000);
  }
  expect(state.logs.map(({ text }) => text)).toEqual([expect.stringContaining("is no event")]);
});

test.each([
  ["file://events.jsonl", "a recording's path begins with a slash; expected file:///path/to/events.jsonl"],
  ["file:///nowhere/events.jsonl", "there is no such file"],
  ["file:///dev/zero", "it is no file; expected one with an event of an engine on each line"],
])("no recording is said at open: %s", (address, why) => {
  using state = new Plugin().init(QUIET);
  using instance = state.open(address);
  expect([instance.rc, state.error]).toEqual([rc.failure, `open_params "${address}": ${why}`]);
});

test("each life of Falco plays it from its beginning, whatever of it was taken", () => {
  const lines = numbered(100);
  const address = recorded(lines);
  const config = JSON.stringify({ statefile: join(temporaryFolder(), "resume") });
  for (let life = 0; life < 2; life++) {
    using state = new Plugin().init(config);
    using instance = state.open(address);
    expect(instance.payloads(100)).toEqual(lines);
    instance.nextBatch();
  }
});

test("an engine's stream has no end, whatever its runtime says, also after another start of it", async () => {
  const bridge = JSON.stringify(join(import.meta.dir, "../../src/ipc/bridge.ts"));
  const plugin = pluginBeside(`#!${process.execPath}
    import { writeSync } from "node:fs";
    import { Bridge } from ${bridge};
    writeSync(4, ${JSON.stringify(buildId)});
    const bridge = new Bridge(${JSON.stringify(BUILT)}, {
      configure: (id) => bridge.answer(id),
      open: (id, instance) => { bridge.ringEnd(instance); bridge.answer(id); setTimeout(() => process.exit(3), 500); },
      close: (id) => bridge.answer(id), extract() {}, list() {}, abandoned: () => process.exit(0),
    });
    setInterval(() => bridge.heartbeat(), 500);`);
  using state = plugin.init(QUIET);
  using instance = state.open("unix:///nowhere/docker.sock");
  using finite = state.open("file:///of/that/runtime");
  expect(finite.nextBatch().rc).toBe(rc.eof);
  // It ends by itself, and says the same in its next life.
  while (state.metrics().runtime_restarts === 0) expect(instance.nextBatch().rc).toBe(rc.timeout);
  for (let i = 0; i < 4; i++) expect(instance.nextBatch().rc).toBe(rc.timeout);
  expect(progress(instance)).toEqual({ share: 0, text: "a live stream has no end" });

  await using engine = await TestEngine.start();
  using well = new Plugin().init(QUIET);
  using live = well.open(engine.address);
  await engine.end();
  expect(live.nextBatch().rc).toBe(rc.timeout);
});
