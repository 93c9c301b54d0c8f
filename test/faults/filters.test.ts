/** Which events of an engine are wanted, and that nobody takes what is not wanted for lost, nor what is lost for not wanted. */
import { expect, test } from "bun:test";
import { TestEngine } from "../support/engine.ts";
import { type Instance, Plugin, type State } from "../support/host.ts";

const ID = (n: number) => n.toString(16).padStart(64, "0");
let tick = 0n;

/** An event's line, of our clock. */
function line(Type: string, Action: string, name: string, labels: Record<string, string> = {}): string {
  const Actor = { ID: ID(Number(tick)), Attributes: { ...labels, image: "bb:1", name } };
  const nano = BigInt(Date.now()) * 1_000_000n + tick++;
  return `${JSON.stringify({ Type, Action, Actor, scope: "local", time: 1 }).slice(0, -1)},"timeNano":${nano}}`;
}

const NOISE =
  '{"Type":"network","Action":"connect","Actor":{"ID":"n","Attributes":{"name":"@"}},"scope":"local","time":1';

/** More than the engine keeps, of what is not wanted. */
const noise = async (engine: TestEngine, count = 300) => {
  const nano = BigInt(Date.now()) * 1_000_000n;
  await engine.send(...Array.from({ length: count }, (_, i) => `${NOISE},"timeNano":${nano + BigInt(i)}}`));
};

/** Takes batches until something is so; what came, by name. */
async function until(instance: Instance, what: () => boolean | Promise<boolean>): Promise<string[]> {
  const came: string[] = [];
  for (const end = performance.now() + 30_000; !(await what()); ) {
    if (performance.now() > end) throw new Error(`it never came to be; came: ${came}`);
    for (const event of instance.nextBatch().events) came.push(JSON.parse(event.payload).Actor.Attributes.name);
  }
  return came;
}
const names = (instance: Instance, count: number, ms?: number) =>
  instance.payloads(count, ms).map((payload) => JSON.parse(payload).Actor.Attributes.name);
const again = (state: State, times: number) => () => state.metrics().reconnects === times;

const open = (config: object) => new Plugin().init(JSON.stringify({ statefile: "", inspect: false, ...config }));
const WANTED = { filters: { type: ["container"], event: ["start", "die"] } };

test("the engine is asked for what is wanted, when it is connected again too", async () => {
  await using engine = await TestEngine.start();
  using state = open(WANTED);
  using instance = state.open(engine.address);
  await engine.send(line("network", "connect", "a"), line("container", "start", "b"), line("container", "pause", "c"));
  await engine.send(line("container", "die", "d"));
  expect(names(instance, 2)).toEqual(["b", "d"]);
  await engine.cut();
  await until(instance, again(state, 1));
  await engine.send(line("network", "connect", "e"), line("container", "start", "f"));
  expect(names(instance, 1)).toEqual(["f"]);
  expect(state.metrics()).toMatchObject({ losses: 0, received: 3 });
});

test("what is not wanted pushes what is known out of the engine's memory: that is no loss", async () => {
  await using engine = await TestEngine.start();
  using state = open({ ...WANTED, pinginterval: 100 });
  using instance = state.open(engine.address);
  await engine.send(line("container", "start", "a"));
  expect(names(instance, 1)).toEqual(["a"]);
  await noise(engine);
  // A look that asks for all there is comes after the noise, and the one after it proves that it was taken.
  const looks = async () =>
    (await engine.seen()).filter(({ path }) => /until=/.test(path) && !/filters=/.test(path)).length;
  await engine.seen();
  for (let i = 0; i < 2; i++) await until(instance, async () => (await looks()) > 0);
  for (let cuts = 1; cuts <= 3; cuts++) {
    await engine.cut();
    expect(await until(instance, again(state, cuts))).toEqual([]);
  }
  await engine.send(line("container", "start", "b"));
  expect(names(instance, 1)).toEqual(["b"]);
  expect(state.metrics().losses).toBe(0);
});

test("more events than the engine keeps passed, wanted or not, while nobody listened: that may be a loss", async () => {
  await using engine = await TestEngine.start();
  using state = open(WANTED);
  using instance = state.open(engine.address);
  await engine.send(line("container", "start", "a"));
  expect(names(instance, 1)).toEqual(["a"]);
  await engine.behave({ refuse: { status: 500, body: "not now" } });
  await engine.cut();
  await engine.send(line("container", "start", "lost"));
  await noise(engine);
  await engine.behave({});
  await until(instance, again(state, 1));
  await until(instance, () => state.metrics().losses === 1);
  await engine.send(line("container", "start", "b"));
  await until(instance, () => state.metrics().received === 2);
});

test("an engine that restarted is a loss, with filters too", async () => {
  await using engine = await TestEngine.start();
  using state = open(WANTED);
  using instance = state.open(engine.address);
  await engine.send(line("container", "start", "a"));
  expect(names(instance, 1)).toEqual(["a"]);
  await engine.restart();
  await until(instance, () => state.metrics().losses === 1);
});

test("what is excluded does not come, is counted once, and is no loss", async () => {
  await using engine = await TestEngine.start();
  using state = open({ exclude: { event: ["exec_start"], label: ["noisy=yes"], container: ["health"] } });
  using instance = state.open(engine.address);
  await engine.send(
    line("container", "exec_start: sh -c true", "a"),
    line("container", "start", "b", { noisy: "yes" }),
    line("container", "start", "c", { noisy: "no" }),
    line("container", "start", "healthy"),
    line("network", "connect", "health"),
  );
  expect(names(instance, 2)).toEqual(["c", "health"]);
  await engine.cut();
  await until(instance, again(state, 1));
  await engine.send(line("container", "start", "d"));
  expect(names(instance, 1)).toEqual(["d"]);
  expect(state.metrics()).toMatchObject({ losses: 0, excluded: 3 });
});

test("what runs already is told of where it is wanted; the plugin's own events come whatever is wanted", async () => {
  const container = (Name: string, Labels: object) => ({
    Name,
    Config: { Image: "bb:1", Labels },
    State: { StartedAt: "2020-01-01T00:00:00Z" },
  });
  const containers = {
    [ID(1)]: { Id: ID(1), ...container("/one", { tier: "web" }) },
    [ID(2)]: { Id: ID(2), ...container("/two", {}) },
    [ID(3)]: { Id: ID(3), ...container("/three", { tier: "web", noisy: "yes" }) },
  };
  await using engine = await TestEngine.start({ containers });
  const filters = { type: ["container"], event: ["start"], label: ["tier=web"] };
  using state = open({ inspect: true, filters, exclude: { label: ["noisy"] } });
  using instance = state.open(engine.address);
  expect(names(instance, 1)).toEqual(["one"]);
  expect(names(instance, 1, 300)).toEqual([]);
});

test.each([
  ["are asked again where the engine does not tell of changes", WANTED.filters, ["old", "new"]],
  ["are kept where it does", { type: ["container", "network"] }, ["old", "old"]],
] as const)("facts of a container %s", async (_, filters, users) => {
  const facts = (User: string) => ({ containers: { "*": { Config: { User } } } });
  await using engine = await TestEngine.start(facts("old"));
  using state = open({ inspect: true, snapshot: false, inspecttimeout: 10_000, filters });
  using instance = state.open(engine.address);
  const take = () => instance.take(1, (event) => state.extract(event, ["docker.container.user"])[0])[0];
  const [start, die] = [line("container", "start", "a"), line("container", "die", "a")];
  await engine.send(start);
  const first = take();
  await engine.behave(facts("new"));
  await engine.send(die.replace(JSON.parse(die).Actor.ID, JSON.parse(start).Actor.ID));
  expect([first, take()]).toEqual([...users]);
});
