import { expect, test } from "bun:test";
import { join } from "node:path";
import { TestEngine } from "../support/engine.ts";
import { Plugin, rc } from "../support/host.ts";
import { Random, seedOf } from "../support/random.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { faults, NUMBERED, run } from "./faults.ts";

const seed = seedOf("faults");

const numbered = (number: number, nano = BigInt(Date.now()) * 1_000_000n) =>
  NUMBERED.replaceAll("@", String(number).padStart(9, "0")).replaceAll("#", String(nano));

const names = (payloads: string[]) => payloads.map((payload) => JSON.parse(payload).Actor.Attributes.name);
const actions = (payloads: string[]) => payloads.map((payload) => JSON.parse(payload).Action);

test("the faults that lose events are seen to lose them: the engine keeps 256", async () => {
  const fault = faults.find(({ name }) => name === "runtime killed, above the engine's 256");
  const tally = await run(fault as (typeof faults)[number], 3, new Random(seed));
  expect(tally.missing).toBeGreaterThan(0);
  expect(tally.announced).toBeGreaterThan(0);
}, 60_000);

test("events between open and the engine's first breath arrive, and open does not wait for it", async () => {
  const folder = temporaryFolder();
  const socket = join(folder, "docker.sock");
  using state = new Plugin().init(JSON.stringify({ statefile: join(folder, "resume") }));
  using instance = state.open(`unix://${socket}`);
  expect(instance.rc).toBe(rc.success);
  expect(instance.nextBatch().rc).toBe(rc.timeout);
  expect(state.logs.map(({ text }) => text).join()).toMatch(/^(?!docker:).*waiting for it/);
  await using engine = await TestEngine.start({}, socket);
  // Before anybody has connected: these are what an engine that starts emits.
  await engine.send(numbered(1), numbered(2));
  expect(names(instance.payloads(2))).toEqual(["event-000000001", "event-000000002"]);
});

test("waitforengine: false makes an absent engine a failed open that names the address", () => {
  using state = new Plugin().init('{"waitforengine": false}');
  using instance = state.open("unix:///nowhere/docker.sock");
  expect(instance.rc).toBe(rc.failure);
  expect(state.error).toContain("unix:///nowhere/docker.sock");
});

test("an engine that restarted is announced without any event of its own, and an overlap is not", async () => {
  const folder = temporaryFolder();
  const engine = await TestEngine.start({}, join(folder, "docker.sock"));
  using state = new Plugin().init(JSON.stringify({ statefile: "" }));
  using instance = state.open(engine.address);
  await engine.send(numbered(1));
  expect(names(instance.payloads(1))).toEqual(["event-000000001"]);
  await engine.cut();
  expect(instance.payloads(1, 1500)).toEqual([]);
  await engine.restart();
  const [lost = "{}"] = instance.payloads(1);
  const { Type, Action, Actor } = JSON.parse(lost);
  expect([Type, Action]).toEqual(["plugin", "events_lost"]);
  expect(Actor.Attributes.engine).toBe(engine.address);
  expect(Date.parse(Actor.Attributes.since)).toBeLessThan(Date.parse(Actor.Attributes.until));
  expect(state.metrics().losses).toBe(1);
  await engine.stop();
});

test("a loss can be matched by a rule, and its event carries the fields", async () => {
  const engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": ""}');
  using instance = state.open(engine.address);
  await engine.send(numbered(1));
  instance.payloads(1);
  await engine.restart();
  const values = instance.take(1, (event) => state.extract(event, ["docker.type", "docker.action"]));
  expect(values).toEqual([["plugin", "events_lost"]]);
  await engine.stop();
});

test("events of equal time and events out of the order of time all come once over a cut", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": ""}');
  using instance = state.open(engine.address);
  const base = BigInt(Date.now()) * 1_000_000n;
  await engine.send(numbered(1, base), numbered(2, base), numbered(3, base + 400_000n), numbered(4, base + 100_000n));
  expect(instance.payloads(4).length).toBe(4);
  await engine.cut();
  await engine.send(numbered(5, base), numbered(6, base + 200_000n));
  expect(names(instance.payloads(2))).toEqual(["event-000000005", "event-000000006"]);
  expect(instance.payloads(1, 1500)).toEqual([]);
});

test("an engine that answers 500 or ends the stream at once is asked again, ever less often", async () => {
  await using engine = await TestEngine.start({ refuse: { status: 500, body: '{"message":"not now"}' } });
  using state = new Plugin().init('{"statefile": ""}');
  using instance = state.open(engine.address);
  expect(instance.rc).toBe(rc.success);
  expect(instance.payloads(1, 3000)).toEqual([]);
  const asked = (await engine.seen()).filter(({ path }) => path.includes("/events")).length;
  expect(asked).toBeGreaterThan(3);
  expect(asked).toBeLessThan(15);
  expect(state.logs.map(({ text }) => text).join()).toContain("not now");
  await engine.behave({});
  await engine.send(numbered(1));
  expect(names(instance.payloads(1))).toEqual(["event-000000001"]);
});

test("the runtime's restart is logged and counted, and a second one too", async () => {
  const fault = faults.find(({ name }) => name.startsWith("runtime killed, below"));
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": ""}');
  using instance = state.open(engine.address);
  for (let i = 1; i <= 2; i++) {
    await engine.send(numbered(i));
    expect(names(instance.payloads(1))).toEqual([`event-00000000${i}`]);
    await fault?.inject({} as never);
    while (state.metrics().runtime_restarts !== i) instance.nextBatch();
  }
  await engine.send(numbered(3));
  expect(names(instance.payloads(1))).toEqual(["event-000000003"]);
  expect(state.logs.filter(({ text }) => text.startsWith("the runtime was lost")).length).toBe(2);
  // Falco puts the plugin's name before each.
  expect(state.logs.filter(({ text }) => text.startsWith("docker:"))).toEqual([]);
  expect(actions(instance.payloads(1, 1200))).toEqual([]);
});
