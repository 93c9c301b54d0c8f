/** Several engines in one stream: what befalls one of them is nothing to the others. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { TestEngine } from "../support/engine.ts";
import { type Ask, type Instance, Plugin, rc, type State } from "../support/host.ts";
import { signalTo } from "../support/signal.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { Follower, NUMBERED, runtimePid, SURELY_KEPT } from "./faults.ts";

const CONFIG = { statefile: "", inspect: false };

/** An event's line, of our clock. */
const numbered = (number: number): string =>
  NUMBERED.replaceAll("@", String(number).padStart(9, "0")).replaceAll(
    "#",
    `${Date.now()}${String(number).padStart(6, "0")}`,
  );
const numbers = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => numbered(from + i));

/** An event that `repeat` numbers. */
const FLOOD = NUMBERED.replaceAll("#", `${Date.now()}000000`);

const init = (more: object = {}): State => new Plugin().init(JSON.stringify({ ...CONFIG, ...more }));
const addresses = (...engines: TestEngine[]): string => engines.map(({ address }) => address).join();
const logs = (state: State): string => state.logs.map(({ text }) => text).join("\n");

/** Which engine an event is from, and what it is, in short: the number of an event, or the action of one of ours. */
function short(payload: string): [engine: string, what: number | string] {
  const { Action, Actor, falco } = JSON.parse(payload);
  const name = Action === "start" ? Number(Actor.Attributes.name.slice("event-".length)) : Action;
  return [falco.engine.host, name];
}

/** What came of one engine, in its order. */
const of = (engine: TestEngine, payloads: readonly string[]) =>
  payloads
    .map(short)
    .filter(([host]) => host === engine.address)
    .map(([, what]) => what);

/** Takes batches until something is so; the bound is far beyond what it takes. */
async function until(instance: Instance, what: () => boolean | Promise<boolean>): Promise<string[]> {
  const came: string[] = [];
  for (const end = performance.now() + 60_000; !(await what()); ) {
    if (performance.now() > end) throw new Error(`it never came to be; came: ${came.map(short)}`);
    for (const event of instance.nextBatch().events) came.push(event.payload);
  }
  return came;
}
const connected = (state: State, count: number) => () => state.metrics().engines_connected === count;

test("events of two engines come in one stream, and each says its engine", async () => {
  const info = (ID: string) => ({ "/info": { status: 200, body: JSON.stringify({ ID, Name: "node-1" }) } });
  await using one = await TestEngine.start({ answers: info("3f1b3f0c") });
  await using two = await TestEngine.start({ answers: info("5b5d4e0e") });
  using state = init({ engines: [{ address: one.address }, { address: two.address, name: "second" }] });
  using instance = state.open("");
  expect([instance.rc, state.error]).toEqual([rc.success, ""]);
  expect(state.metrics()).toMatchObject({ engines: 2, engines_connected: 2, connected: 1 });
  const asks: Ask[] = ["docker.engine.host", "docker.engine.name", "docker.engine.id", "docker.engine.version"];
  await one.send(numbered(1));
  expect(instance.take(1, (event) => state.extract(event, asks))).toEqual([
    [one.address, "node-1", "3f1b3f0c", "28.5.2"],
  ]);
  await two.send(numbered(1));
  expect(instance.take(1, (event) => state.extract(event, asks))).toEqual([
    [two.address, "second", "5b5d4e0e", "28.5.2"],
  ]);
});

test("one local engine adds nothing to the payload", async () => {
  await using engine = await TestEngine.start();
  using state = init();
  using instance = state.open(engine.address);
  const line = numbered(1);
  await engine.send(line);
  expect(instance.payloads(1)).toEqual([line]);
  expect(state.metrics()).toMatchObject({ engines: 1, engines_connected: 1, connected: 1 });
});

test("one engine is killed and comes again: its loss is announced as its own, and the other one's events all come", async () => {
  await using one = await TestEngine.start();
  await using two = await TestEngine.start();
  using state = init();
  using instance = state.open(addresses(one, two));
  await one.send(numbered(1));
  await two.send(numbered(1));
  expect(instance.payloads(2).length).toBe(2);
  await one.stop();
  await until(instance, connected(state, 1));
  expect(state.metrics()).toMatchObject({ engines: 2, connected: 0 });
  await two.send(...numbers(2, 50));
  expect(of(two, instance.payloads(50))).toEqual(Array.from({ length: 50 }, (_, i) => i + 2));
  await using _again = await TestEngine.start({}, one.socket);
  const came = await until(instance, connected(state, 2));
  if (came.length === 0) came.push(...instance.payloads(1));
  expect(came.map(short)).toEqual([[one.address, "events_lost"]]);
  expect(logs(state)).toContain(`connected to ${one.address} again`);
  expect(logs(state)).toMatch(new RegExp(`${one.address}: events may have been lost between`));
  await two.send(numbered(99));
  expect(of(two, instance.payloads(1))).toEqual([99]);
});

test("one engine's stream is cut again and again: nothing is lost or twice, of either", async () => {
  await using one = await TestEngine.start();
  await using two = await TestEngine.start();
  using state = init();
  using instance = state.open(addresses(one, two));
  const followers = new Map([one, two].map(({ address }) => [address, new Follower()]));
  const take = () => {
    for (const { payload } of instance.nextBatch().events) followers.get(short(payload)[0])?.look(payload);
  };
  await one.flow(NUMBERED, 200, 800);
  await two.flow(NUMBERED, 200, 800);
  const all = [...followers.values()];
  // Of an engine of which nothing is known yet, and that a connection to has failed, nobody can tell that it kept all.
  while (all.some(({ delivered }) => delivered === 0)) take();
  for (let cuts = 0; cuts < 20; cuts++) {
    await one.cut(cuts % 2 === 0);
    for (let batches = 0; batches < 3; batches++) take();
  }
  for (const end = performance.now() + 30_000; all.some(({ delivered }) => delivered < 800); take())
    if (performance.now() > end) break;
  const { unheard } = await one.flowed();
  if (unheard > SURELY_KEPT) {
    console.log(`the machine is too slow: ${unheard} events in a row had no listener`);
    expect(all.map(({ duplicated, outOfOrder }) => [duplicated, outOfOrder])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(all.map((follower) => follower.missing(800).unannounced)).toEqual([0, 0]);
    return;
  }
  expect(all.map(({ delivered, duplicated, outOfOrder, gaps }) => [delivered, duplicated, outOfOrder, gaps])).toEqual([
    [800, 0, 0, []],
    [800, 0, 0, []],
  ]);
}, 60_000);

test("an engine that is stopped, and one that never answers, hold up nobody", async () => {
  await using one = await TestEngine.start();
  await using hangs = await TestEngine.start({ hang: true });
  await using two = await TestEngine.start();
  using state = init({ pinginterval: 100 });
  using instance = state.open(addresses(one, hangs, two));
  expect(instance.rc).toBe(rc.success);
  expect(state.metrics()).toMatchObject({ engines: 3, engines_connected: 2 });
  await one.send(numbered(1));
  signalTo(one.pid, "SIGSTOP");
  await two.send(...numbers(1, 10));
  const came = instance.payloads(11);
  expect(of(one, came)).toEqual([1]);
  expect(of(two, came)).toEqual(Array.from({ length: 10 }, (_, i) => i + 1));
  await until(instance, () => logs(state).includes(`the engine at ${hangs.address} does not answer; waiting for it`));
  await two.send(...numbers(11, 10));
  expect(of(two, instance.payloads(10))).toEqual(Array.from({ length: 10 }, (_, i) => i + 11));
  signalTo(one.pid, "SIGCONT");
  await one.send(numbered(2));
  expect(of(one, instance.payloads(1))).toEqual([2]);
}, 60_000);

test("10,000 events of one engine and a killed runtime: the others' places hold, and nothing is lost or twice", async () => {
  await using one = await TestEngine.start();
  await using flood = await TestEngine.start();
  await using two = await TestEngine.start();
  using state = init();
  using instance = state.open(addresses(one, flood, two));
  await one.send(...numbers(1, 3));
  expect(of(one, instance.payloads(3))).toEqual([1, 2, 3]);
  await flood.repeat(FLOOD, 10_000);
  await two.send(...numbers(1, 2));
  const came = instance.payloads(10_002);
  expect([came.length, of(flood, came).length, of(two, came)]).toEqual([10_002, 10_000, [1, 2]]);
  signalTo(runtimePid()!, "SIGKILL");
  // Nobody listens, and their engines keep these.
  await one.send(...numbers(4, 2));
  await flood.send(...numbers(70_000, 2));
  await two.send(...numbers(3, 2));
  const after = instance.payloads(6);
  expect([of(one, after), of(flood, after), of(two, after)]).toEqual([
    [4, 5],
    [70_000, 70_001],
    [3, 4],
  ]);
  // What would come twice would come with the streams.
  await until(instance, connected(state, 3));
  await one.send(numbered(6));
  expect(instance.payloads(1).map(short)).toEqual([[one.address, 6]]);
  expect(state.metrics()).toMatchObject({ losses: 0, runtime_restarts: 1 });
}, 60_000);

test("while Falco stands still one engine floods: the others lose nothing, and the loss says whose it is", async () => {
  await using quiet = await TestEngine.start();
  await using flood = await TestEngine.start();
  using state = init({ queuebytes: 1024 * 1024 });
  using instance = state.open(addresses(quiet, flood));
  await flood.repeat(FLOOD, 40_000);
  for (let i = 0; i < 20; i++) await quiet.send(...numbers(1 + i * 10, 10));
  // The runtime's counters are in shared memory: no batch is taken for them.
  for (const end = performance.now() + 30_000; state.metrics().received !== 40_200; await Bun.sleep(10))
    if (performance.now() > end) throw new Error(`received ${state.metrics().received}`);
  const dropped = state.metrics().dropped ?? 0;
  expect(dropped).toBeGreaterThan(0);
  const came = instance.payloads(40_201 - dropped, 30_000);
  expect(of(quiet, came)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  const lost = came.filter((payload) => short(payload)[1] === "events_lost");
  expect(lost.map((payload) => [short(payload)[0], JSON.parse(payload).Actor.Attributes.count])).toEqual([
    [flood.address, String(dropped)],
  ]);
}, 90_000);

test("an engine that is not there is waited for with a warning, and the others are watched meanwhile", async () => {
  await using one = await TestEngine.start();
  const socket = join(temporaryFolder(), "docker.sock");
  using state = init();
  using instance = state.open(`${one.address},unix://${socket}`);
  expect(instance.rc).toBe(rc.success);
  await one.send(numbered(1));
  expect(of(one, instance.payloads(1))).toEqual([1]);
  expect(logs(state)).toContain(`no Docker Engine at unix://${socket}: no such socket`);
  await using late = await TestEngine.start({}, socket);
  await late.send(numbered(1));
  expect(of(late, instance.payloads(1))).toEqual([1]);
  expect(state.metrics().engines_connected).toBe(2);
});

test("without waitforengine one engine that is there is enough, and none is an error that names all", async () => {
  await using one = await TestEngine.start();
  using state = init({ waitforengine: false });
  using instance = state.open(`unix:///nowhere/a.sock,${one.address}`);
  expect(instance.rc).toBe(rc.success);
  expect(logs(state)).toContain("no Docker Engine at unix:///nowhere/a.sock");
  using none = state.open("unix:///nowhere/a.sock,unix:///nowhere/b.sock");
  expect(none.rc).toBe(rc.failure);
  expect(state.error).toMatch(/^none of the engines is there: .*nowhere\/a\.sock.*; .*nowhere\/b\.sock/);
});

test("an engine that only a person can bring to answer fails open, and is named", async () => {
  await using one = await TestEngine.start();
  const body = "Client sent an HTTP request to an HTTPS server.";
  await using speaksTls = await TestEngine.start({ refuse: { status: 400, body } });
  for (const waitforengine of [true, false]) {
    using state = init({ waitforengine });
    using instance = state.open(addresses(one, speaksTls));
    expect(instance.rc).toBe(rc.failure);
    expect(state.error).toContain(`the engine at ${speaksTls.address} speaks TLS`);
    // Nothing of it is left, and another open is well.
    using again = state.open(one.address);
    expect([again.rc, state.metrics().engines]).toEqual([rc.success, 1]);
  }
});

/** A Falco that opens these engines, and keeps its place. */
function falco(folder: string, ...engines: TestEngine[]) {
  const state = init({ statefile: join(folder, "resume") });
  const instance = state.open(addresses(...engines));
  expect([instance.rc, state.error]).toEqual([rc.success, ""]);
  const end = () => {
    instance.close();
    state.destroy();
  };
  return { state, instance, end };
}

test("over restarts of Falco with other lists of engines each goes on where it stood; the state of one engine is read", async () => {
  await using one = await TestEngine.start();
  await using two = await TestEngine.start();
  await using three = await TestEngine.start();
  const folder = temporaryFolder();
  const alone = falco(folder, one);
  await one.send(numbered(1));
  expect(alone.instance.payloads(1).length).toBe(1);
  // What it extracts from is delivered, and so is what it asks for more after.
  alone.instance.nextBatch();
  alone.end();
  await one.send(numbered(2));
  await two.send(numbered(1));
  const both = falco(folder, two, one);
  expect(of(one, both.instance.payloads(1))).toEqual([2]);
  await two.send(numbered(2));
  expect(of(two, both.instance.payloads(1))).toEqual([2]);
  both.instance.nextBatch();
  both.end();
  await one.send(numbered(3));
  await two.send(numbered(3));
  const others = falco(folder, three, one);
  expect(others.instance.payloads(1).map(short)).toEqual([[one.address, 3]]);
  others.instance.nextBatch();
  others.end();
  const all = falco(folder, one, two, three);
  expect(all.instance.payloads(1).map(short)).toEqual([[two.address, 3]]);
  await until(all.instance, connected(all.state, 3));
  for (const engine of [one, two, three]) {
    await engine.send(numbered(9));
    expect(all.instance.payloads(1).map(short)).toEqual([[engine.address, 9]]);
  }
  expect(all.state.metrics().losses).toBe(0);
  all.end();
  expect(readdirSync(folder).filter((name) => name.endsWith(".json")).length).toBe(3);
}, 60_000);

test("what Falco did not take of several engines comes to the next Falco, once, in each one's order", async () => {
  await using one = await TestEngine.start();
  await using two = await TestEngine.start();
  const folder = temporaryFolder();
  const first = falco(folder, one, two);
  for (let i = 0; i < 40; i++) {
    await one.send(...numbers(i * 20, 20));
    await two.send(...numbers(i * 20, 20));
  }
  for (const end = performance.now() + 30_000; first.state.metrics().received !== 1600; await Bun.sleep(10))
    if (performance.now() > end) throw new Error(`received ${first.state.metrics().received}`);
  first.end();
  const second = falco(folder, one, two);
  const came = second.instance.payloads(1600);
  const expected = Array.from({ length: 800 }, (_, i) => i);
  expect([of(one, came), of(two, came)]).toEqual([expected, expected]);
  await until(second.instance, connected(second.state, 2));
  await one.send(numbered(5000));
  expect(second.instance.payloads(1).map(short)).toEqual([[one.address, 5000]]);
  expect(second.state.metrics().losses).toBe(0);
  second.end();
}, 60_000);
