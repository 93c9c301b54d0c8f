/** What an engine, its clock and a proxy before it can do to the stream, through the ABI. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { type Behaviour, TestEngine } from "../support/engine.ts";
import { type Instance, Plugin, PROGRAM, rc, type State } from "../support/host.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { numbered, short, take, until } from "./numbered.ts";

const HOUR = 3_600_000;
const ID = "7".repeat(64);
const CONFIG = '{"statefile": ""}';

const chunk = (text: string): Buffer => Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
const reconnected = (state: State, times: number) => () => state.metrics().reconnects === times;

test("an idle engine behind a proxy that cuts its streams loses nothing, and what runs is told of once", async () => {
  const containers = { [ID]: { Id: ID, Name: "/old", Config: {}, State: { StartedAt: "2020-01-01T00:00:00Z" } } };
  await using engine = await TestEngine.start({ containers });
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  expect(take(instance, 1)).toEqual(["existing"]);
  // Its memory is empty: nothing comes again that could prove anything.
  for (let cuts = 1; cuts <= 3; cuts++) {
    await engine.cut();
    expect(await until(instance, reconnected(state, cuts))).toEqual([]);
    expect(take(instance, 1, 1_500)).toEqual([]);
  }
  // With something in it, that comes again.
  await engine.send(numbered(1));
  expect(take(instance, 1)).toEqual([1]);
  await engine.cut();
  expect(take(instance, 1, 1_500)).toEqual([]);
  expect([state.metrics().losses, state.metrics().reconnects]).toEqual([0, 4]);
}, 60_000);

test("an engine that was away, with nothing known before and after, is announced", async () => {
  const engine = await TestEngine.start();
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  await engine.stop();
  await until(instance, () => state.metrics().connected === 0);
  await Bun.sleep(1_200);
  await using _again = await TestEngine.start({}, engine.socket);
  expect(take(instance, 1)).toEqual(["events_lost"]);
}, 60_000);

test("what an engine emitted before the first connection, beyond what it keeps, is announced", async () => {
  const socket = join(temporaryFolder(), "docker.sock");
  using state = new Plugin().init(CONFIG);
  using instance = state.open(`unix://${socket}`);
  const hidden: Behaviour = { refuse: { status: 500, body: "not yet" } };
  await using engine = await TestEngine.start(hidden, socket);
  await engine.send(...Array.from({ length: 300 }, (_, i) => numbered(i)));
  await engine.behave({});
  expect(take(instance, 257)).toEqual(["events_lost", ...Array.from({ length: 256 }, (_, i) => i + 44)]);
}, 60_000);

test("an event that comes from the engine's memory and once more live comes once", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  const [one, two] = [numbered(1), numbered(2)];
  await engine.send(one);
  expect(take(instance, 1)).toEqual([1]);
  await engine.cut();
  await engine.send(two);
  expect(take(instance, 1)).toEqual([2]);
  await engine.raw(chunk(`${two}\n`));
  await engine.send(numbered(3));
  expect(take(instance, 1)).toEqual([3]);
});

test("lines that are no events are one announcement with their count, and are known when they come again", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  // They have times, or the engine would not send them again.
  const bad = Array.from({ length: 50 }, (_, i) => numbered(i).slice(0, -1));
  await engine.send(...bad, numbered(1));
  const payloads = instance.payloads(2);
  expect(payloads.map(short)).toEqual([1, "events_lost"]);
  const { reason, count } = JSON.parse(payloads[1] ?? "{}").Actor.Attributes;
  expect([reason, count]).toEqual(["lines of the engine were no events", "50"]);
  await engine.cut();
  expect(await until(instance, reconnected(state, 1))).toEqual([]);
  expect(take(instance, 1, 1_500)).toEqual([]);
  // The next ones wait for the rest of the minute.
  await engine.send("}");
  expect(take(instance, 1, 1_500)).toEqual([]);
  expect([state.metrics().malformed, state.metrics().losses]).toEqual([51, 1]);
});

test("what keeps a connection alive is no event: empty lines, of either kind, in pieces too", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  await engine.raw(Buffer.concat([chunk("\r\n"), chunk("\n\r\n\n"), chunk("\r"), chunk("\n")]));
  await engine.send(numbered(1));
  expect(take(instance, 1)).toEqual([1]);
  expect(state.metrics().malformed).toBe(0);
});

test.each<[string, Behaviour, RegExp]>([
  [
    "a web page",
    { refuse: { status: 200, body: "<html>", type: "text/html; charset=utf-8" } },
    /this is no Docker Engine: unix:.* answers \/events with a web page/,
  ],
  [
    "a compressed stream",
    { eventsHeaders: "Content-Encoding: gzip\r\n" },
    /the stream of unix:.* comes compressed \(gzip\)/,
  ],
])("%s in place of the stream is said", async (_, behaviour, words) => {
  await using engine = await TestEngine.start(behaviour);
  using state = new Plugin().init('{"statefile": "", "waitforengine": false}');
  expect(state.open(engine.address).rc).toBe(rc.failure);
  expect(state.error).toMatch(words);
});

test("an engine that ends each stream after what it kept is asked ever less often", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  await engine.send(numbered(1));
  expect(take(instance, 1)).toEqual([1]);
  await engine.behave({ endAtOnce: true });
  await engine.seen();
  await engine.cut();
  expect(take(instance, 1, 4_000)).toEqual([]);
  const asked = (await engine.seen()).filter(({ path }) => path.includes("/events")).length;
  expect(asked).toBeGreaterThan(3);
  expect(asked).toBeLessThan(30);
});

test("an engine whose headers come with the first event counts as connected, and no limit ends the wait", async () => {
  await using engine = await TestEngine.start({ lateHeaders: true, podman: "header" });
  using state = new Plugin().init('{"statefile": "", "waitforengine": false, "pinginterval": 300}');
  using instance = state.open(engine.address);
  expect([instance.rc, state.error]).toEqual([rc.success, ""]);
  expect(take(instance, 1, 6_000)).toEqual([]);
  expect(await engine.subscribers()).toBe(1);
  await engine.send(numbered(1));
  expect(take(instance, 1)).toEqual([1]);
  const { reconnects, connected, losses } = state.metrics();
  expect([reconnects, connected, losses]).toEqual([0, 1, 0]);
  const dump = Bun.spawn([PROGRAM, "--dump", "--host", engine.address], { stdio: ["ignore", "ignore", "pipe"] });
  const { value } = await dump.stderr.getReader().read();
  dump.kill("SIGINT");
  expect(Buffer.from(value ?? []).toString()).toContain(`connected to ${engine.address}`);
}, 60_000);

test.each<[string, Behaviour, number]>([
  ["podman by its header forgets nothing", { podman: "header", server: "nginx" }, 0],
  ["podman by its version forgets nothing", { podman: "version", server: "nginx" }, 0],
  ["moby behind a proxy's name forgets", { server: "nginx" }, 1],
  ["moby behind a proxy that hides its name forgets", { server: "" }, 1],
])(
  "%s",
  async (_, behaviour, losses) => {
    await using engine = await TestEngine.start(behaviour);
    using state = new Plugin().init('{"statefile": "", "inspect": false}');
    using instance = state.open(engine.address);
    await engine.send(numbered(1));
    expect(take(instance, 1)).toEqual([1]);
    await engine.restart();
    await until(instance, reconnected(state, 1));
    await engine.send(numbered(2));
    expect(take(instance, 1 + losses)).toEqual(losses === 0 ? [2] : ["events_lost", 2]);
    expect(take(instance, 1, 1_500)).toEqual([]);
    expect(state.metrics().losses).toBe(losses);
  },
  60_000,
);

test("podman's clock steps back: what was before the stream, and what is forgotten, does not come again", async () => {
  await using engine = await TestEngine.start({ podman: "header" });
  await engine.send(numbered(9_999, -HOUR / 2));
  using state = new Plugin().init('{"statefile": "", "inspect": false, "pinginterval": 200}');
  using instance = state.open(engine.address);
  const numbers = Array.from({ length: 700 }, (_, i) => i);
  await engine.send(...numbers.slice(0, 400).map((i) => numbered(i, 1_000)));
  expect(take(instance, 400)).toEqual(numbers.slice(0, 400));
  await engine.behave({ podman: "header", clockMs: -HOUR });
  const came = await until(instance, reconnected(state, 1));
  await engine.send(...numbers.slice(400).map((i) => numbered(i, -HOUR)));
  expect([...came, ...take(instance, 300)]).toEqual(numbers.slice(400));
  await engine.cut();
  await until(instance, reconnected(state, 2));
  await engine.send(numbered(700, -HOUR));
  expect(take(instance, 1)).toEqual([700]);
  expect(take(instance, 1, 2_000)).toEqual([]);
}, 60_000);

test("podman writes an event late, behind one of a later time: it is not lost, in a stream or after a cut", async () => {
  await using engine = await TestEngine.start({ podman: "header" });
  using state = new Plugin().init('{"statefile": "", "inspect": false}');
  using instance = state.open(engine.address);
  await engine.send(numbered(1));
  expect(take(instance, 1)).toEqual([1]);
  await engine.cut();
  // One that the new stream is sent first, and one that it brings.
  await engine.send(numbered(2, -500));
  const came = await until(instance, reconnected(state, 1));
  await engine.send(numbered(3, -800));
  expect([...came, ...take(instance, 2 - came.length)]).toEqual([2, 3]);
  expect(take(instance, 1, 500)).toEqual([]);
}, 60_000);

test.each([
  ["and what happens comes, once", 1],
  ["and where nothing was known a loss is announced", 0],
])(
  "podman's clock is set back, so that its stream would bring nothing: it is asked anew, %s",
  async (_, known) => {
    await using engine = await TestEngine.start({ podman: "header" });
    using state = new Plugin().init('{"statefile": "", "inspect": false, "pinginterval": 200}');
    using instance = state.open(engine.address);
    await engine.send(...Array.from({ length: known }, (_, i) => numbered(i + 1)));
    expect(take(instance, known)).toEqual(known === 0 ? [] : [1]);
    await engine.behave({ podman: "header", clockMs: -HOUR });
    await engine.send(numbered(2, -HOUR));
    const came = await until(instance, reconnected(state, 1));
    await engine.send(numbered(3, -HOUR));
    const all = [...came, ...take(instance, 2 - came.length)];
    expect(all).toEqual(known === 0 ? ["events_lost", 3] : [2, 3]);
    expect(take(instance, 1, 1_000)).toEqual([]);
    expect([state.metrics().losses, await engine.subscribers()]).toEqual([1 - known, 1]);
  },
  60_000,
);

test("podman that forgot all the same is believed", async () => {
  const behaviour: Behaviour = { podman: "header" };
  await using engine = await TestEngine.start(behaviour);
  using state = new Plugin().init('{"statefile": "", "inspect": false}');
  using instance = state.open(engine.address);
  await engine.send(numbered(1));
  expect(take(instance, 1)).toEqual([1]);
  await engine.restart();
  await until(instance, reconnected(state, 1));
  await engine.send(numbered(2), numbered(3));
  expect(take(instance, 2)).toEqual([2, 3]);
  expect(state.metrics().losses).toBe(0);
}, 60_000);

for (const clockMs of [3 * HOUR, -3 * HOUR])
  test(`an engine's clock ${clockMs / HOUR} h off: what runs is told of, what was before is not, and its age is right`, async () => {
    const started = new Date(Date.now() + clockMs - 60_000).toISOString();
    const containers = { [ID]: { Id: ID, Name: "/old", Config: {}, State: { StartedAt: started } } };
    // The proxy's Date is not the engine's clock.
    for (const behaviour of [{}, { dateMs: 0 }, { refuseInfo: 403 }]) {
      await using engine = await TestEngine.start({ containers, clockMs, ...behaviour });
      await engine.send(numbered(1, clockMs - 60_000), numbered(2, clockMs - 30_000));
      using state = new Plugin().init(CONFIG);
      using instance = state.open(engine.address);
      const [existing = "{}"] = instance.payloads(1);
      expect(short(existing)).toBe("existing");
      expect(Math.abs(JSON.parse(existing).timeNano / 1e6 - Date.now() - clockMs)).toBeLessThan(20_000);
      await engine.send(numbered(3, clockMs + 1_000));
      expect(take(instance, 1)).toEqual([3]);
      expect(state.metrics().lag_ms).toBeLessThan(20_000);
      expect(take(instance, 1, 1_200)).toEqual([]);
    }
  }, 60_000);

test("lines beyond 8 MiB in the engine's memory are known at a start, at a cut and when Falco is there again", async () => {
  const long = (number: number, offMs = 0) =>
    numbered(number, offMs).replace('"com.docker.compose.project":"shop"', `"x":"${"x".repeat(9 * 1024 * 1024)}"`);
  await using engine = await TestEngine.start();
  await engine.send(numbered(2, -60_000), long(1, -59_000));
  const config = JSON.stringify({ statefile: join(temporaryFolder(), "resume"), inspect: false });
  const names = (instance: Instance, count: number, ms?: number) =>
    instance.payloads(count, ms).map((payload) => Number(JSON.parse(payload).id.slice(0, 9)) || short(payload));
  {
    using state = new Plugin().init(config);
    using instance = state.open(engine.address);
    await engine.send(long(3));
    expect(names(instance, 1)).toEqual([3]);
    await engine.cut();
    await engine.send(numbered(4));
    // Delivered is what a field was taken of.
    expect(instance.take(1, (event) => state.extract(event, ["docker.attributes.name"])[0])).toEqual([
      "event-000000004",
    ]);
    expect(state.metrics().losses).toBe(0);
  }
  using state = new Plugin().init(config);
  using instance = state.open(engine.address);
  await engine.send(numbered(5));
  expect(names(instance, 1)).toEqual([5]);
  expect(names(instance, 1, 1_500)).toEqual([]);
  expect(state.metrics().losses).toBe(0);
}, 60_000);
