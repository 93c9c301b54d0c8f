/** What the engine says of images, volumes, networks, services, plugins, of ends and of itself, through the ABI. */
import { expect, test } from "bun:test";
import { TestEngine } from "../support/engine.ts";
import { type Ask, Plugin } from "../support/host.ts";
import { answering, config, container, ID, line, OTHER, take, volumeMount } from "../support/questions.ts";

const DIGEST = `sha256:${"d".repeat(64)}`;
const IMAGE = String(container().Image);
const EXEC = "e".repeat(64);
const volume = (Options: object | null) => ({ Driver: "local", Name: "v", Options });
const HIDDEN = { type: "none", o: "bind", device: "/etc" };

const MOUNT: Ask[] = [
  "docker.container.sensitivemount",
  ["docker.container.volumedevice", "/data"],
  "docker.container.inspected",
];

test("a volume that leads to the host is judged by where it leads, asked for once, and again when it is another", async () => {
  const containers = {
    [ID]: container({ Mounts: [volumeMount("v", "/data")] }),
    [OTHER]: container({ Mounts: [volumeMount("v", "/data")] }, "plain", OTHER),
  };
  const answers = answering({ "/volumes/v": volume(HIDDEN) });
  await using engine = await TestEngine.start({ containers, answers });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  await engine.send(line("create"), line("create", { id: OTHER }), line("start", { id: OTHER }));
  const hidden = [true, "/etc", true];
  expect(take(state, instance, 3, MOUNT)).toEqual([
    ["create", ...hidden],
    ["create", ...hidden],
    ["start", ...hidden],
  ]);
  const asked = async () => (await engine.seen()).filter(({ path }) => path.endsWith("/volumes/v")).length;
  expect(await asked()).toBe(1);
  await engine.behave({ containers, answers: answering({ "/volumes/v": volume(null) }) });
  const about = (action: string) => line(action, { Type: "volume", id: "v", attributes: { driver: "local" } });
  await engine.send(line("destroy"), line("destroy", { id: OTHER }), about("destroy"), about("create"), line("create"));
  expect(take(state, instance, 5, [...MOUNT, "docker.volume.device", "docker.volume.driver"]).slice(2)).toEqual([
    ["destroy", undefined, undefined, undefined, "/etc", "local"],
    ["create", undefined, undefined, undefined, undefined, "local"],
    ["create", false, undefined, true, undefined, undefined],
  ]);
  expect(await asked()).toBe(1);
});

test("where nobody knows where a volume leads, nobody says that it leads nowhere; what the container asked of it counts", async () => {
  const own = { Mounts: [volumeMount("v", "/data")] };
  const HostConfig = container().HostConfig as object;
  const asked = { Type: "volume", Source: "v", Target: "/data", VolumeOptions: { DriverConfig: { Options: HIDDEN } } };
  const containers = {
    [ID]: container(own),
    [OTHER]: container({ ...own, HostConfig: { ...HostConfig, Mounts: [asked] } }, "plain", OTHER),
  };
  const answers = { "/volumes/v": { status: 403, body: "no" } };
  await using engine = await TestEngine.start({ containers, answers });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  await engine.send(line("create"), line("create", { id: OTHER }));
  expect(take(state, instance, 2, MOUNT)).toEqual([
    ["create", undefined, undefined, true],
    ["create", true, "/etc", true],
  ]);
  const words = state.logs.map(({ text }) => text).filter((text) => text.includes("volumes"));
  expect(words).toEqual([
    expect.stringMatching(
      /\/volumes\/v with 403: no; where volumes cannot be asked about, docker\.container\.volumedevice/,
    ),
  ]);
});

test("an image is asked about once: its digests, its labels, its age, at its containers' events and its own", async () => {
  const image = {
    Id: IMAGE,
    RepoDigests: [`bb@${DIGEST}`],
    Created: "2026-11-23T09:47:18.966794737Z",
    Config: { Labels: { "/data": "labelled" } },
  };
  const containers = { [ID]: container(), [OTHER]: container({}, "plain", OTHER) };
  await using engine = await TestEngine.start({ containers, answers: answering({ [`/images/${IMAGE}/json`]: image }) });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  await engine.send(line("create"), line("exec_create: sh"), line("create", { id: OTHER }));
  await engine.send(line("tag", { Type: "image", id: IMAGE, attributes: { name: "bb:2" } }));
  const asks: Ask[] = [
    "docker.image.digests",
    ["docker.image.label", "/data"],
    "docker.image.created",
    "docker.image.digest",
  ];
  const facts = [[DIGEST], "labelled", 1795427238966794737n, undefined];
  expect(take(state, instance, 4, asks)).toEqual([
    ["create", ...facts],
    ["exec_create: sh", ...facts],
    ["create", ...facts],
    ["tag", ...facts],
  ]);
  expect((await engine.seen()).filter(({ path }) => path.includes("/images/")).length).toBe(1);
  // A push gives the image that is known by its id another digest.
  const pushed = { ...image, RepoDigests: [`bb@${DIGEST}`, `hub/bb@sha256:${"e".repeat(64)}`] };
  await engine.behave({ containers, answers: answering({ "/images/hub/bb:1/json": pushed }) });
  await engine.send(line("push", { Type: "image", id: "hub/bb:1" }), line("exec_create: sh"));
  const digests = [DIGEST, `sha256:${"e".repeat(64)}`];
  expect(take(state, instance, 2, ["docker.image.digests"])).toEqual([
    ["push", digests],
    ["exec_create: sh", digests],
  ]);
});

test("networks, services and plugins are told of at their own events, as they are now", async () => {
  const service = "s".repeat(25);
  const specOf = (Image: string) => ({ Spec: { TaskTemplate: { ContainerSpec: { Image, CapabilityAdd: ["ALL"] } } } });
  const answers = answering({
    [`/networks/${OTHER}`]: { Driver: "overlay", Internal: true, Options: { encrypted: "" } },
    [`/services/${service}`]: specOf("bb:1"),
    [`/plugins/${OTHER}/json`]: { Config: { Network: { Type: "host" } } },
  });
  await using engine = await TestEngine.start({ answers });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  await engine.send(line("create", { Type: "network", id: OTHER }), line("create", { Type: "service", id: service }));
  await engine.send(line("enable", { Type: "plugin", id: OTHER }));
  const asks = [
    "docker.network.driver",
    "docker.network.internal",
    "docker.network.encrypted",
    "docker.service.image",
    "docker.service.capadd",
    "docker.plugin.privileges",
  ];
  const none = undefined;
  expect(take(state, instance, 3, asks)).toEqual([
    ["create", "overlay", true, true, none, none, none],
    ["create", none, none, none, "bb:1", ["ALL"], none],
    ["enable", none, none, none, none, none, ["network=host"]],
  ]);
  await engine.behave({
    answers: { ...answering({ [`/services/${service}`]: specOf("bb:2") }), [`/networks/${OTHER}`]: { status: 404 } },
  });
  await engine.send(line("update", { Type: "service", id: service }), line("remove", { Type: "network", id: OTHER }));
  expect(take(state, instance, 2, asks)).toEqual([
    ["update", none, none, none, "bb:2", ["ALL"], none],
    ["remove", "overlay", true, true, none, none, none],
  ]);
});

test("what goes into a request's path is an id or a name, whatever an event says", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  const hostile = ["../containers/json", "a/../../info", "?all=1", "..", "x y", "%2e%2e"];
  const types = ["image", "volume", "network", "service", "plugin", "container"];
  const sent = types.flatMap((Type) =>
    hostile.map((id) => line("create", { Type, id, attributes: { name: id, network: id } })),
  );
  await engine.seen();
  await engine.send(...sent);
  expect(instance.take(sent.length, () => 1).length).toBe(sent.length);
  expect((await engine.seen()).filter(({ path }) => !/_ping|\/events|\/info$|\/version/.test(path))).toEqual([]);
});

const INFO = {
  ID: "D75Y",
  Name: "node-1",
  Warnings: ["WARNING: API is accessible on http://0.0.0.0:2375 without encryption.\n  Access"],
  SecurityOptions: ["name=seccomp,profile=default"],
  Plugins: { Authorization: ["opa"] },
  Swarm: { LocalNodeState: "inactive" },
};
const POSTURE: Ask[] = [
  "docker.type",
  "docker.engine.insecure",
  "docker.engine.warnings",
  "docker.engine.securityoptions",
  "docker.engine.authorization",
  "docker.engine.rootless",
  "docker.engine.swarm",
];

test("the engine itself is told of first of what runs already, and again at a reload, and in no other event", async () => {
  await using engine = await TestEngine.start({
    containers: { [ID]: container() },
    answers: answering({ "/info": INFO }),
  });
  using state = new Plugin().init(config({ snapshot: true }));
  using instance = state.open(engine.address);
  const none = POSTURE.slice(1).map(() => undefined);
  const said = [
    true,
    ["WARNING: API is accessible on http://0.0.0.0:2375 without encryption. Access"],
    INFO.SecurityOptions,
    ["opa"],
    false,
  ];
  expect(take(state, instance, 2, POSTURE)).toEqual([
    ["existing", "daemon", ...said, "inactive"],
    ["existing", "container", ...none],
  ]);
  const changed = { ...INFO, Warnings: null, Plugins: {}, Swarm: { LocalNodeState: "active" } };
  await engine.behave({ containers: { [ID]: container() }, answers: answering({ "/info": changed }) });
  await engine.send(line("reload", { Type: "daemon", id: "D75Y" }), line("start"));
  expect(take(state, instance, 2, POSTURE)).toEqual([
    ["reload", "daemon", false, undefined, INFO.SecurityOptions, undefined, false, "active"],
    ["start", "container", ...none],
  ]);
  await engine.behave({ answers: { "/info": { status: 403 } } });
  await engine.send(line("reload", { Type: "daemon", id: "D75Y" }));
  expect(take(state, instance, 1, POSTURE)).toEqual([["reload", "daemon", ...none]]);
});

const EXIT: Ask[] = ["docker.container.exitcode", "docker.container.oomkilled", "docker.attributes.exitcode"];
const ended = (startedMs: number, finishedMs: number, more: object) => ({
  ...(container().State as object),
  StartedAt: new Date(Date.now() + startedMs).toISOString(),
  FinishedAt: new Date(Date.now() + finishedMs).toISOString(),
  ...more,
});

test("how a container ended is the engine's word, where it is about that end; no label replaces it", async () => {
  await using engine = await TestEngine.start({ containers: { [ID]: container() } });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  await engine.send(line("create"));
  take(state, instance, 1, EXIT);
  const lie = { attributes: { exitCode: "99" } };
  const end = async (State: object, action = "die") => {
    await engine.behave({ containers: { [ID]: container({ State }) } });
    await engine.send(line(action, lie));
    return take(state, instance, 1, EXIT)[0];
  };
  expect(await end(ended(-1000, -100, { ExitCode: 5, OOMKilled: false }))).toEqual(["die", 5n, false, "99"]);
  expect(await end(ended(-1000, -100, { ExitCode: 137, OOMKilled: true }), "stop")).toEqual(["stop", 137n, true, "99"]);
  // It runs again, or has ended once more.
  expect(await end(ended(-50, -100, { ExitCode: 0 }))).toEqual(["die", undefined, undefined, "99"]);
  expect(await end(ended(-1000, 60_000, { ExitCode: 7 }))).toEqual(["die", undefined, undefined, "99"]);
  await engine.behave({});
  await engine.send(line("die", lie));
  expect(take(state, instance, 1, [...EXIT, "docker.container.inspected"])).toEqual([
    ["die", undefined, undefined, "99", true],
  ]);
});

test("an exec's process is asked for after its start, waited for by nobody, and told of at its end", async () => {
  const exec = (Pid: number) => ({
    ContainerID: ID,
    Pid,
    ProcessConfig: { user: "root", entrypoint: "sh", arguments: [] },
  });
  await using engine = await TestEngine.start({ containers: { [ID]: container() }, execs: { [EXEC]: exec(0) } });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  const of = { attributes: { execID: EXEC } };
  await engine.send(line("exec_create: sh", of), line("exec_start: sh", of));
  const asks: Ask[] = ["docker.exec.user", "docker.exec.pid"];
  expect(take(state, instance, 2, asks)).toEqual([
    ["exec_create: sh", "root", undefined],
    ["exec_start: sh", "root", undefined],
  ]);
  await engine.behave({ containers: { [ID]: container() }, execs: { [EXEC]: exec(4711) } });
  await engine.seen();
  let asked = 0;
  while (asked === 0) asked = (await engine.seen()).filter(({ path }) => path.includes(EXEC)).length;
  await engine.send(line("exec_die", of));
  expect(take(state, instance, 1, asks)).toEqual([["exec_die", "root", 4711n]]);
});

test("a start that the answer to its creation tells of is not asked about again; the next start is another one", async () => {
  const State = { ...(container().State as object), Running: true, StartedAt: new Date(Date.now() - 1).toISOString() };
  await using engine = await TestEngine.start({ containers: { [ID]: container({ State }) } });
  using state = new Plugin().init(config());
  using instance = state.open(engine.address);
  const asks: Ask[] = ["docker.container.inspected"];
  const count = async () => (await engine.seen()).filter(({ path }) => path.includes(ID)).length;
  await engine.send(line("create"), line("start"));
  expect(take(state, instance, 2, asks)).toEqual([
    ["create", true],
    ["start", true],
  ]);
  expect(await count()).toBe(1);
  await engine.behave({ containers: { [ID]: container({ State: { ...State, FinishedAt: State.StartedAt } }) } });
  await engine.send(line("start"), line("start"));
  take(state, instance, 2, asks);
  expect(await count()).toBe(2);
});

test("a proxy that lets only events and pings pass costs one line a kind, few questions, and no event", async () => {
  const refused = { status: 403, body: "forbidden by the proxy" };
  const service = "s".repeat(25);
  const paths = ["/info", "/version", "/containers/json", `/volumes/v`, `/networks/${OTHER}`, `/services/${service}`];
  const many = Array.from({ length: 50 }, (_, i) => String(i).padStart(64, "a"));
  const more = many.flatMap((id) => [`/containers/${id}/json`, `/exec/${id}/json`, `/images/${id}/json`]);
  const answers = Object.fromEntries([...paths, ...more, `/plugins/${OTHER}/json`].map((path) => [path, refused]));
  await using engine = await TestEngine.start({ answers });
  using state = new Plugin().init(config({ snapshot: true }));
  using instance = state.open(engine.address);
  const sent = [
    ...many.map((id) => line("start", { id })),
    ...many.map((id) => line("exec_create: sh", { id: ID, attributes: { execID: id } })),
    ...many.map((id) => line("tag", { Type: "image", id })),
    ...many.map(() => line("mount", { Type: "volume", id: "v" })),
    ...many.map(() => line("create", { Type: "network", id: OTHER })),
    ...many.map(() => line("update", { Type: "service", id: service })),
    ...many.map(() => line("enable", { Type: "plugin", id: OTHER })),
  ];
  // One after the other: what is asked before the first answer is asked at once.
  for (const each of sent) {
    await engine.send(each);
    instance.take(1, () => {});
  }
  const seen = (await engine.seen()).map(({ path }) =>
    path
      .replace(/^\/v[\d.]+/, "")
      .split("/")[1]
      ?.replace(/\?.*/, ""),
  );
  const counts = Object.groupBy(seen, (kind) => String(kind));
  for (const kind of ["containers", "exec", "images", "volumes", "networks", "services", "plugins"])
    expect([kind, counts[kind]?.length]).toEqual([kind, kind === "containers" ? 4 : 3]);
  const words = state.logs.map(({ text }) => text).filter((text) => text.includes("cannot be asked about"));
  expect(words.map((text) => /where (.*) cannot/.exec(text)?.[1]).toSorted()).toEqual([
    "containers",
    "execs",
    "images",
    "networks",
    "plugins",
    "services",
    "the engine itself",
    "volumes",
  ]);
  await engine.send(line("start", { id: many[0] ?? "" }));
  expect(take(state, instance, 1, ["docker.container.uninspected"])).toEqual([["start", "refused"]]);
}, 60_000);

test("a flood of new containers asks no more than the bound, says what it could not ask, and the stream keeps up", async () => {
  // Nothing is answered while it lasts.
  await using engine = await TestEngine.start({ containers: { "*": container() }, inspectMs: 60_000 });
  using state = new Plugin().init(config({ inspecttimeout: 250 }));
  using instance = state.open(engine.address);
  await engine.seen();
  const COUNT = 15_000;
  const start = `{"Type":"container","Action":"start","Actor":{"ID":"${"a".repeat(55)}@","Attributes":{"image":"bb:1","name":"n"}},"scope":"local","time":1,"timeNano":#}`;
  await engine.flow(start, 5_000, COUNT);
  const began = performance.now();
  const why = new Map<unknown, number>();
  instance.take(
    COUNT,
    (event) => {
      const [inspected, uninspected] = state.extract(event, [
        "docker.container.inspected",
        "docker.container.uninspected",
      ]);
      const key = `${inspected} ${uninspected}`;
      why.set(key, (why.get(key) ?? 0) + 1);
    },
    30_000,
  );
  const took = performance.now() - began;
  expect([...why]).toEqual([["false late", COUNT]]);
  const { dropped } = await engine.flowed();
  expect([dropped, state.metrics().dropped, state.metrics().losses]).toEqual([0, 0, 0]);
  const asked = (await engine.seen()).filter(({ path }) => path.includes("/containers/")).length;
  console.log(`${COUNT} starts in ${took.toFixed(0)} ms, ${asked} questions reached the engine`);
  // Those that got no answer after two seconds made room for others: at most three times the bound.
  expect(asked).toBeLessThanOrEqual(3 * 256);
  // An answer that comes is taken again.
  await engine.behave({ containers: { [ID]: container() } });
  let inspected: unknown;
  while (inspected !== true) {
    await engine.send(line("start"));
    inspected = take(state, instance, 1, ["docker.container.inspected"])[0]?.[1];
  }
}, 60_000);
