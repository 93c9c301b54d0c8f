/** What the engine says of the container behind an event, through the ABI. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fields } from "../../src/plugin/fields.ts";
import { runtimePid } from "../faults/faults.ts";
import { TestEngine } from "../support/engine.ts";
import { type Ask, type HostEvent, type Instance, Plugin, type State, type Value } from "../support/host.ts";
import { inspectionsOf } from "../support/recordings.ts";
import { signalTo } from "../support/signal.ts";

const RECORDED = inspectionsOf("docker-20.10.24");
const ID = "7".repeat(64);
const OTHER = "8".repeat(64);
const EXEC = "e".repeat(64);

const answer = (file: string): Record<string, unknown> => ({
  ...JSON.parse(readFileSync(join(RECORDED, `${file}.json`), "utf8"))[0],
  Id: ID,
});

let tick = 0;
function line(Action: string, { id = ID, Type = "container", attributes = {} as Record<string, string> } = {}): string {
  const nano = BigInt(Date.now()) * 1_000_000n + BigInt(tick++);
  const event = { Type, Action, Actor: { ID: id, Attributes: { image: "bb:1", name: "web", ...attributes } } };
  return `${JSON.stringify(event).slice(0, -1)},"scope":"local","time":1,"timeNano":${nano}}`;
}

/** With time for answers on a busy machine, too. */
const config = (more: object = {}) =>
  JSON.stringify({ statefile: "", snapshot: false, inspecttimeout: 10_000, ...more });

const action = (event: HostEvent): string => JSON.parse(event.payload).Action;

/** Every field; those with an argument with the given one. */
const everything: Ask[] = fields.map(({ name, key }) =>
  key === undefined ? name : [name, name === "docker.attributes" ? "name" : "/var/run/docker.sock"],
);

/** Takes events, asks each for fields at once, and asks again of a replayed copy. */
function take(state: State, instance: Instance, count: number, asks: Ask[], ms?: number) {
  return instance.take(
    count,
    (event) => {
      const replayed = state.foreign(event.payload);
      replayed.bytes.writeBigUInt64LE(event.ts, 0);
      expect(state.extract(replayed, everything)).toEqual(state.extract(event, everything));
      return [action(event), ...state.extract(event, asks)];
    },
    ms,
  );
}

test("an event has the facts of its container, live and replayed, and they stay when it is gone", async () => {
  const containers = { [ID]: answer("docker-sock-bind") };
  await using engine = await TestEngine.start({ containers });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  const sent = [line("create"), line("start")];
  await engine.send(...sent);
  const asks: Ask[] = [
    "docker.container.inspected",
    "docker.container.sensitivemount",
    "docker.container.privileged",
    "docker.container.mounts",
    ["docker.container.mount", "/var/run/docker.sock"],
    "docker.container.command",
    "docker.container.created",
  ];
  const mount = "/srv/dk/docker.sock";
  const facts = [true, true, false, [`${mount}:/var/run/docker.sock:rw`], mount, "sleep 60", 1795427287695399449n];
  expect(take(state, instance, 2, asks)).toEqual([
    ["create", ...facts],
    ["start", ...facts],
  ]);
  await engine.behave({});
  await engine.seen();
  const later = [line("die", { attributes: { exitCode: "1" } }), line("destroy")];
  await engine.send(...later, line("connect", { Type: "network", id: "n", attributes: { container: ID } }));
  expect(take(state, instance, 3, asks)).toEqual([
    ["die", ...facts],
    ["destroy", ...facts],
    // What was learnt is dropped with destroy, and the engine knows it no more.
    ["connect", false, ...facts.slice(1).map(() => undefined)],
  ]);
  // How it ended, and whether it is there again.
  expect((await engine.seen()).filter(({ path }) => path.includes("/json")).length).toBe(2);
});

test("without what we add, the payload is the engine's line, byte for byte", async () => {
  await using engine = await TestEngine.start({ containers: { [ID]: answer("privileged") } });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  const sent = line("create");
  await engine.send(sent);
  const [payload = ""] = instance.payloads(1);
  const { falco } = JSON.parse(payload);
  expect(falco.container.privileged).toBe(true);
  expect(payload.replace(`,"falco":${JSON.stringify(falco)}}`, "}")).toBe(sent);
  expect(payload).not.toContain("PATH=");
});

test("a slow answer delays its event by inspecttimeout at most, keeps the order, and is good for what follows", async () => {
  await using engine = await TestEngine.start({ containers: { [ID]: answer("host-namespaces") }, inspectMs: 1_500 });
  using state = new Plugin().init(config({ inspecttimeout: 200 }));
  using instance = state.open(engine.address);
  const began = performance.now();
  await engine.send(line("create"), line("pull", { Type: "image", id: "bb:1" }), line("tag", { Type: "image" }));
  const asks: Ask[] = ["docker.container.inspected", "docker.container.pidmode"];
  const none = [undefined, undefined];
  expect(take(state, instance, 3, asks)).toEqual([
    ["create", false, undefined],
    ["pull", ...none],
    ["tag", ...none],
  ]);
  const took = performance.now() - began;
  expect(took).toBeGreaterThan(190);
  expect(took).toBeLessThan(1_400);
  expect(state.metrics().uninspected).toBe(1);
  // What follows waits as short, and has the answer once that is there.
  let after: Value[] = [];
  while (after[1] !== true) {
    await engine.send(line("die"));
    [after = []] = take(state, instance, 1, asks);
  }
  expect(after).toEqual(["die", true, "host"]);
});

test("an event that waits for nothing goes at once after one that did, and before one that does", async () => {
  await using engine = await TestEngine.start({ inspectMs: 5_000 });
  using state = new Plugin().init(config({ inspecttimeout: 1_500 }));
  using instance = state.open(engine.address);
  const began = performance.now();
  await engine.send(line("pull", { Type: "image", id: "bb:1" }), line("create"));
  expect(instance.take(1, action)).toEqual(["pull"]);
  expect(performance.now() - began).toBeLessThan(1_200);
  expect(instance.take(1, action)).toEqual(["create"]);
});

test("inspect: false makes not one request more, and adds nothing", async () => {
  await using engine = await TestEngine.start({ containers: { [ID]: answer("privileged") } });
  using state = new Plugin().init(JSON.stringify({ statefile: "", inspect: false }));
  using instance = state.open(engine.address);
  const sent = [line("create"), line("exec_create: id", { attributes: { execID: EXEC } })];
  await engine.send(...sent);
  expect(instance.payloads(2)).toEqual(sent);
  const asked = (await engine.seen()).map(({ path }) => path.replace(/^\/v[\d.]+/, "").replace(/\?.*/, ""));
  expect([...new Set(asked)].sort()).toEqual(["/_ping", "/events", "/info"]);
});

test("an exec has its user and its rights, and a label that poses as another's id brings nothing", async () => {
  const exec = { ContainerID: ID, ProcessConfig: { user: "root", privileged: true, tty: true, entrypoint: "sh" } };
  const containers = { [ID]: answer("plain"), [OTHER]: answer("plain") };
  await using engine = await TestEngine.start({ containers, execs: { [EXEC]: exec } });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  const own = { attributes: { execID: EXEC } };
  const posing = { id: OTHER, attributes: { execID: EXEC } };
  const hostile = { attributes: { execID: "../containers/json" } };
  await engine.send(line("exec_create: sh -c 'a \"b\"'", own), line("exec_die", own));
  await engine.send(line("exec_create: sh", posing), line("exec_create: sh", hostile));
  const asks = ["docker.exec.command", "docker.exec.id", "docker.exec.user", "docker.exec.privileged"];
  expect(take(state, instance, 4, [...asks, "docker.exec.tty"]).map((values) => values.slice(1))).toEqual([
    ["sh -c 'a \"b\"'", EXEC, "root", true, true],
    ["sh", EXEC, "root", true, true],
    ["sh", EXEC, undefined, undefined, undefined],
    ["sh", "../containers/json", undefined, undefined, undefined],
  ]);
  expect((await engine.seen()).filter(({ path }) => path.includes(".."))).toEqual([]);
});

test("what runs already is told of before what happens, as its start told it; what starts later only by its start", async () => {
  const old = answer("plain") as { Config: object };
  const containers = {
    [ID]: { ...old, Name: "/old", Config: { ...old.Config, Image: "shop:2", Labels: { tier: "web", name: "lie" } } },
    [OTHER]: { ...old, Name: "/young", State: { StartedAt: new Date(Date.now() + 1000).toISOString() } },
  };
  await using engine = await TestEngine.start({ containers, inspectMs: 100 });
  using state = new Plugin().init('{"statefile": ""}');
  using instance = state.open(engine.address);
  await engine.send(line("start", { id: OTHER }));
  const asks: Ask[] = [
    "docker.status",
    "docker.id",
    "docker.attributes.image",
    "docker.attributes.name",
    ["docker.attributes", "tier"],
    "docker.container.inspected",
  ];
  expect(take(state, instance, 2, asks)).toEqual([
    ["existing", "existing", ID, "shop:2", "old", "web", true],
    ["start", "start", OTHER, "bb:1", "web", undefined, true],
  ]);
});

test("a loss that is announced is followed by what runs", async () => {
  const engine = await TestEngine.start({ containers: { [ID]: answer("plain") } });
  using state = new Plugin().init('{"statefile": ""}');
  using instance = state.open(engine.address);
  await engine.send(line("pull", { Type: "image", id: "bb:1" }));
  expect(instance.take(2, action)).toEqual(["existing", "pull"]);
  await engine.restart();
  await engine.behave({ containers: { [ID]: answer("plain") } });
  expect(instance.take(2, action)).toEqual(["events_lost", "existing"]);
  await engine.stop();
});

test("a runtime that takes over tells of what runs only where its predecessor did not come to it", async () => {
  await using engine = await TestEngine.start({ containers: { [ID]: answer("plain") } });
  using state = new Plugin().init('{"statefile": ""}');
  using instance = state.open(engine.address);
  await engine.send(line("pull", { Type: "image", id: "bb:1" }));
  expect(instance.take(2, action)).toEqual(["existing", "pull"]);
  signalTo(runtimePid(), "SIGKILL");
  await engine.send(line("tag", { Type: "image", id: "bb:1" }));
  expect(instance.take(2, action, 1_500)).toEqual(["tag"]);
  expect(state.metrics().runtime_restarts).toBe(1);
});

test("an engine that refuses the list costs a warning, not the stream", async () => {
  await using engine = await TestEngine.start({ refuseList: 403 });
  using state = new Plugin().init('{"statefile": ""}');
  using instance = state.open(engine.address);
  await engine.send(line("pull", { Type: "image", id: "bb:1" }));
  expect(instance.take(1, action)).toEqual(["pull"]);
  expect(state.logs.map(({ text }) => text).join()).toMatch(/403: no list; containers that run already/);
});

test("sensitivemounts adds to the list, and a wrong one says what was expected", async () => {
  await using engine = await TestEngine.start({ containers: { [ID]: answer("two-networks") } });
  const mounted = {
    ...answer("plain"),
    Mounts: [{ Type: "bind", Source: "/srv/keys/a", Destination: "/k", RW: false }],
  };
  await engine.behave({ containers: { [ID]: mounted } });
  for (const [sensitivemounts, expected] of [
    [[], false],
    [["/srv/keys"], true],
  ]) {
    using state = new Plugin().init(config({ sensitivemounts }));
    using instance = state.open(engine.address);
    await engine.send(line("create"));
    expect(take(state, instance, 1, ["docker.container.sensitivemount"]).at(-1)).toEqual(["create", expected]);
  }
  using wrong = new Plugin().init(config({ sensitivemounts: ["keys"] }));
  expect(wrong.error).toContain('sensitivemounts[0]: expected an absolute path, got the string "keys"');
});

test("an answer of megabytes is made short", async () => {
  const Args = ["x".repeat(3_000_000), ...Array.from({ length: 100_000 }, (_, i) => `argument-${i}`)];
  await using engine = await TestEngine.start();
  await engine.behave({ containers: { [ID]: { ...answer("plain"), Args } } });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  await engine.send(line("create"));
  const [payload = ""] = instance.payloads(1);
  expect(payload.length).toBeLessThan(50_000);
  expect(JSON.parse(payload).falco.container.command.slice(0, 2)).toEqual(["sh", `${"x".repeat(4096)}…`]);
});

const WHY: Ask[] = ["docker.container.inspected", "docker.container.uninspected"];

test("why a container is not inspected is said: late, refused, gone, off; nothing where it is", async () => {
  const [refused, gone, odd] = ["1".repeat(64), "2".repeat(64), "3".repeat(64)];
  const answers = {
    [`/containers/${refused}/json`]: { status: 403, body: "no" },
    [`/containers/${odd}/json`]: { status: 200, body: "<html>" },
  };
  await using engine = await TestEngine.start({ containers: { [ID]: answer("plain") }, answers });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  const ids = [ID, refused, gone, odd, "no-id"];
  await engine.send(...ids.map((id) => line("create", { id })), line("pull", { Type: "image", id: "bb:1" }));
  expect(take(state, instance, 6, WHY)).toEqual([
    ["create", true, undefined],
    ["create", false, "refused"],
    ["create", false, "gone"],
    ["create", false, "refused"],
    ["create", false, "refused"],
    ["pull", undefined, undefined],
  ]);
  await engine.behave({ inspectMs: 5_000 });
  await engine.send(line("create", { id: OTHER }), line("destroy", { id: "4".repeat(64) }));
  expect(take(state, instance, 2, WHY)).toEqual([
    ["create", false, "late"],
    ["destroy", false, "gone"],
  ]);
  await engine.send(line("die", { id: gone }));
  const [payload = ""] = instance.payloads(1);
  expect(JSON.parse(payload).falco).toEqual({ inspected: false, uninspected: "gone" });
  expect(state.metrics().uninspected).toBe(7);

  using off = new Plugin().init(JSON.stringify({ statefile: "", inspect: false }));
  using asksNobody = off.open(engine.address);
  await engine.send(line("rename"), line("tag", { Type: "image", id: "bb:1" }));
  // The engine sends again what was in the same second.
  const all = asksNobody.take(20, (event) => [action(event), ...state.extract(event, WHY)], 2_000);
  expect(all.slice(-2)).toEqual([
    ["rename", undefined, "off"],
    ["tag", undefined, undefined],
  ]);
});

test("a container that chooses to be huge is said to be so, is not asked about again and again, and hides no other", async () => {
  const MiB = 1024 * 1024;
  const large = "1".repeat(64);
  const huge = ["2", "3", "4"].map((digit) => digit.repeat(64));
  const containers = Object.fromEntries([ID, large, ...huge].map((id) => [id, answer("plain")]));
  const padding = { [large]: 500_000, ...Object.fromEntries(huge.map((id) => [id, 100 * MiB])) };
  await using engine = await TestEngine.start({ containers, padding });
  using state = new Plugin().init(config({ inspecttimeout: 10_000 }));
  using instance = state.open(engine.address);
  const sent = [large, ...huge, ID].map((id) => line("create", { id }));
  await engine.send(...sent);
  const got = instance.take(sent.length, (event) => [JSON.parse(event.payload).Actor.ID, ...state.extract(event, WHY)]);
  expect(got).toEqual([[large, true, undefined], ...huge.map((id) => [id, false, "huge"]), [ID, true, undefined]]);
  await engine.seen();
  await engine.send(...huge.map((id) => line("exec_start: sh", { id })));
  expect(take(state, instance, huge.length, WHY)).toEqual(huge.map(() => ["exec_start: sh", false, "huge"]));
  expect((await engine.seen()).length).toBe(0);
  expect(state.metrics()).toMatchObject({ runtime_restarts: 0, losses: 0 });
}, 60_000);

test("where the engine answers that a container is gone, or cannot say, its events are not held back", async () => {
  const broken = { status: 500, body: '{"message":"container is being removed"}' };
  await using engine = await TestEngine.start({ answers: { [`/containers/${OTHER}/json`]: broken } });
  using state = new Plugin().init(config({ inspecttimeout: 10_000 }));
  using instance = state.open(engine.address);
  const began = performance.now();
  for (const id of [ID, OTHER])
    for (const name of ["create", "init", "start", "died", "remove"]) await engine.send(line(name, { id }));
  expect(take(state, instance, 10, WHY)).toEqual(
    ["gone", "refused"].flatMap((why) =>
      ["create", "init", "start", "died", "remove"].map((name) => [
        name,
        false,
        name === "remove" ? expect.any(String) : why,
      ]),
    ),
  );
  expect(performance.now() - began).toBeLessThan(5_000);
});

test("a network's connect and disconnect change the networks of a container, and nothing else of what is known", async () => {
  const plain = { ...answer("plain"), Path: "true", Args: [] } as unknown as { NetworkSettings: object };
  const on = (...names: string[]) => ({
    ...plain,
    NetworkSettings: { ...plain.NetworkSettings, Networks: Object.fromEntries(names.map((name) => [name, {}])) },
  });
  const network = (name: string, network: string) =>
    line(name, { Type: "network", id: "n", attributes: { container: ID, name: network } });
  await using engine = await TestEngine.start({ containers: { [ID]: on("bridge") } });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  const asks: Ask[] = ["docker.container.networks", "docker.container.command"];
  // At a start nothing is asked for a network that is known already.
  await engine.send(line("create"), network("connect", "bridge"));
  expect(take(state, instance, 2, asks)).toEqual([
    ["create", ["bridge"], "true"],
    ["connect", ["bridge"], "true"],
  ]);
  expect((await engine.seen()).filter(({ path }) => path.includes("/containers/")).length).toBe(1);
  await engine.behave({ containers: { [ID]: { ...on("bridge", "backend"), Path: "false" } } });
  await engine.send(network("connect", "backend"), line("exec_start: sh"));
  expect(take(state, instance, 2, asks)).toEqual([
    ["connect", ["bridge", "backend"], "true"],
    ["exec_start: sh", ["bridge", "backend"], "true"],
  ]);
  await engine.behave({ containers: { [ID]: on() } });
  await engine.send(network("disconnect", "backend"), line("exec_start: sh"));
  expect(take(state, instance, 2, asks)).toEqual([
    ["disconnect", undefined, "true"],
    ["exec_start: sh", undefined, "true"],
  ]);
  // podman tells it as the container's own event.
  await engine.behave({ containers: { [ID]: on("pod") } });
  await engine.send(line("connect", { Type: "network", attributes: { network: "pod" } }));
  expect(take(state, instance, 1, asks)).toEqual([["connect", ["pod"], "true"]]);
  await engine.behave({ containers: { [ID]: on("host", "pod") } });
  await engine.send(line("disconnect", { Type: "network" }));
  expect(take(state, instance, 1, asks)).toEqual([["disconnect", ["host", "pod"], "true"]]);
  await engine.behave({});
  await engine.send(network("disconnect", "pod"), line("die"));
  expect(take(state, instance, 2, asks)).toEqual([
    ["disconnect", ["host", "pod"], "true"],
    ["die", ["host", "pod"], "true"],
  ]);
});

test("a network's connect and disconnect bring the address up to date while a container runs, and take none at its stop", async () => {
  const plain = answer("plain") as { NetworkSettings: object; State: object };
  const on = (addresses: Record<string, string>, Pid = 7) => ({
    ...plain,
    State: { ...plain.State, Running: Pid > 0, Pid },
    NetworkSettings: {
      ...plain.NetworkSettings,
      Networks: Object.fromEntries(Object.entries(addresses).map(([name, IPAddress]) => [name, { IPAddress }])),
    },
  });
  const network = (action: string, name: string) =>
    line(action, { Type: "network", id: "n", attributes: { container: ID, name } });
  await using engine = await TestEngine.start({ containers: { [ID]: on({ a: "10.0.0.2" }) } });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  const told = async (containers: object, ...lines: string[]) => {
    await engine.behave({ containers: { [ID]: containers } });
    await engine.send(...lines);
    return take(state, instance, lines.length, ["docker.container.ip"]);
  };
  expect(await told(on({ a: "10.0.0.2" }), line("start"))).toEqual([["start", "10.0.0.2"]]);
  expect(await told(on({ a: "10.0.0.2", b: "10.0.1.2" }), network("connect", "b"))).toEqual([["connect", "10.0.0.2"]]);
  expect(await told(on({ b: "10.0.1.2" }), network("disconnect", "a"), line("exec_start: sh"))).toEqual([
    ["disconnect", "10.0.1.2"],
    ["exec_start: sh", "10.0.1.2"],
  ]);
  expect(await told(on({ b: "" }, 0), network("disconnect", "b"), line("die"))).toEqual([
    ["disconnect", "10.0.1.2"],
    ["die", "10.0.1.2"],
  ]);
  expect(await told(on({}), line("start"), network("disconnect", "b"))).toEqual([
    ["start", undefined],
    ["disconnect", undefined],
  ]);
});

test("a container whose start is an event of the stream is told of by that alone", async () => {
  // It ran before, and is started again while the engine is asked what runs.
  await using engine = await TestEngine.start();
  await engine.behave({ containers: { [ID]: answer("plain"), [OTHER]: answer("plain") }, inspectMs: 1_500 });
  using state = new Plugin().init(JSON.stringify({ statefile: "", inspecttimeout: 10_000 }));
  using instance = state.open(engine.address);
  await engine.send(line("start"), line("pull", { Type: "image", id: "bb:1" }));
  const seen = instance.take(3, (event) => [action(event), JSON.parse(event.payload).Actor.ID]);
  expect(seen).toEqual([
    ["existing", OTHER],
    ["start", ID],
    ["pull", "bb:1"],
  ]);
});

test("an engine newer than what is known is asked for events in its own version, and of containers in a known one", async () => {
  await using engine = await TestEngine.start({ apiVersion: "1.99", containers: { [ID]: answer("plain") } });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  await engine.send(line("create"));
  expect(take(state, instance, 1, WHY)).toEqual([["create", true, undefined]]);
  const paths = (await engine.seen()).map(({ path }) => path.replace(/\?.*/, ""));
  expect(new Set(paths.filter((path) => /events|containers/.test(path)))).toEqual(
    new Set(["/v1.99/events", `/v1.55/containers/${ID}/json`]),
  );
  // One that does not speak that any more is asked without a version.
  await engine.behave({ apiVersion: "1.99", accepts: "1.0", containers: { [OTHER]: answer("plain") } });
  await engine.send(line("create", { id: OTHER }));
  expect(take(state, instance, 1, WHY)).toEqual([["create", true, undefined]]);
});

test("which engine an event is from is said where there are several, from the first event on", async () => {
  await using one = await TestEngine.start();
  await using two = await TestEngine.start({ answers: { "/_ping": { status: 200, headers: ["Server: nginx/1.27"] } } });
  using state = new Plugin().init(config());
  using first = state.open(one.address);
  const asks: Ask[] = ["docker.engine.host", "docker.engine.version", "docker.engine.name"];
  await one.send(line("pull", { Type: "image", id: "bb:1" }));
  expect(take(state, first, 1, asks)).toEqual([["pull", undefined, undefined, undefined]]);
  using second = state.open(two.address);
  await two.send(line("pull", { Type: "image", id: "bb:1" }), line("tag", { Type: "image", id: "bb:1" }));
  const said = [two.address, "28.5.2", "node-1"];
  expect(take(state, second, 2, asks)).toEqual([
    ["pull", ...said],
    ["tag", ...said],
  ]);
  // The one that was alone until now says it from its next event on.
  await one.send(line("tag", { Type: "image", id: "bb:1" }));
  expect(take(state, first, 1, asks)).toEqual([["tag", one.address, "28.5.2", "node-1"]]);
});

test("an engine that may not be asked who it is lacks name, id and version, and says so once each", async () => {
  const refused = { status: 403, body: "no" };
  await using one = await TestEngine.start();
  await using two = await TestEngine.start({ answers: { "/info": refused, "/version": refused } });
  using state = new Plugin().init(config());
  using _first = state.open(one.address);
  using second = state.open(two.address);
  await two.send(line("pull", { Type: "image", id: "bb:1" }));
  const asks: Ask[] = ["docker.engine.host", "docker.engine.version", "docker.engine.name"];
  expect(take(state, second, 1, asks)).toEqual([["pull", two.address, undefined, undefined]]);
  await two.cut();
  await two.send(line("tag", { Type: "image", id: "bb:1" }));
  expect(take(state, second, 1, asks)).toEqual([["tag", two.address, undefined, undefined]]);
  const words = state.logs.map(({ text }) => text).filter((text) => /(engine.id are|version is) absent/.test(text));
  expect(words.length).toBe(2);
  expect(words.join()).toContain("answered /version with 403: no; docker.engine.version is absent");
  expect(words.join()).toContain("answered /info with 403: no; docker.engine.name and docker.engine.id are absent");
});

test("no junk that is listed first hides what rules look for, and what was cut is said", async () => {
  const junk = Array.from({ length: 20_000 }, (_, i) => `junk${i}`);
  const container = answer("plain") as { HostConfig: object };
  const mounts = junk.map((name) => ({ Type: "bind", Source: `/srv/${name}`, Destination: `/a/${name}`, RW: true }));
  const device = (PathOnHost: string) => ({ PathOnHost, PathInContainer: PathOnHost, CgroupPermissions: "rwm" });
  const ports = Array.from({ length: 65_535 }, (_, i) => ({ HostIp: "", HostPort: String(65_535 - i) }));
  const buried = {
    ...container,
    Mounts: [...mounts, { Type: "bind", Source: "/var/run/../run/docker.sock", Destination: "/z", RW: false }],
    State: { Running: false },
    HostConfig: {
      ...container.HostConfig,
      CapAdd: [...junk, "sys_admin"],
      SecurityOpt: [...junk.map((name) => `label:${name}`), "seccomp:unconfined"],
      Devices: [...junk.map((name) => device(`/dev/${name}`)), device("/dev/sda")],
      PortBindings: { "80/tcp": ports },
    },
  };
  await using engine = await TestEngine.start({ containers: { [ID]: buried, [OTHER]: answer("plain") } });
  using state = new Plugin().init(config({ inspecttimeout: 10_000 }));
  using instance = state.open(engine.address);
  await engine.send(line("create"), line("create", { id: OTHER }));
  const asks = [
    "sensitivemounts",
    "seccomp",
    "devicekinds",
    "cut",
    "capadd",
    "securityopt",
    "devices",
    "privilegedports",
  ];
  // Falco asks for one field at a time; what it is answered at once has a bound.
  const values = (event: HostEvent): Value[] =>
    asks.flatMap((name) => {
      const [value] = state.extract(event, [`docker.container.${name}`]);
      expect(state.extract(state.foreign(event.payload), [`docker.container.${name}`])).toEqual([value]);
      return [value];
    });
  const [hidden = [], plain] = instance.take(2, values);
  expect(hidden.slice(0, 4)).toEqual([
    ["engine_socket"],
    "unconfined",
    ["disk", "other"],
    ["capadd", "securityopt", "devices", "mounts", "ports", "hostports", "publicports"],
  ]);
  const [capadd, securityopt, devices, privilegedports] = hidden.slice(4) as string[][];
  expect([capadd?.[0], securityopt?.[0], devices?.[0]]).toEqual([
    "CAP_SYS_ADMIN",
    "seccomp=unconfined",
    "/dev/sda:/dev/sda:rwm",
  ]);
  expect(privilegedports?.length).toBe(1023);
  expect(plain).toEqual(asks.map(() => undefined));
});
