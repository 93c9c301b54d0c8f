/** What an event waits for, and what it is told, by an engine that answers when the test says so. */
import { expect, test } from "bun:test";
import type { Engine } from "../../../src/docker/client.ts";
import { EngineError } from "../../../src/docker/engine_error.ts";
import type { DockerEvent } from "../../../src/docker/event.ts";
import { NO_TRACE } from "../../../src/docker/trace.ts";
import type { Hidden } from "../../../src/sensor/containers.ts";
import { Inspector } from "../../../src/sensor/inspector.ts";

const ID = "7".repeat(64);
const BASE = 1795427240_000_000_000n;
const at = (ms: number): bigint => BASE + BigInt(ms) * 1_000_000n;
const iso = (ms: number): string => new Date(Number(at(ms) / 1_000_000n)).toISOString();

const event = (Action: string, ms: number): DockerEvent => ({
  Type: "container",
  Action,
  Actor: { ID, Attributes: {} },
  timeNano: at(ms),
});

function inspector(hidden: Hidden = {}) {
  const asked: { path: string; answer: (json: unknown) => void; refuse: (error: EngineError) => void }[] = [];
  const getJson = (path: string) =>
    new Promise((answer, refuse) => {
      asked.push({ path, answer, refuse });
    });
  const said: string[] = [];
  const engine = { trace: NO_TRACE, getJson } as unknown as Engine;
  return { asked, said, inspector: new Inspector(engine, [], (text) => said.push(text), hidden) };
}

const running = (startedMs: number, more: object = {}) => ({
  HostConfig: { Privileged: true },
  State: { Running: true, StartedAt: iso(startedMs), FinishedAt: "0001-01-01T00:00:00Z", ...more },
});
const created = {
  HostConfig: {},
  State: { Running: false, StartedAt: "0001-01-01T00:00:00Z", FinishedAt: "0001-01-01T00:00:00Z" },
};

test("an answer that comes too late for a creation is its start's, and nothing is asked again", async () => {
  const { asked, inspector: own } = inspector();
  const create = event("create", 0);
  void own.ask(create);
  // The event does not wait any longer.
  expect(own.describe(create)).toEqual({ inspected: false, uninspected: "late" });
  const start = event("start", 400);
  const waits = own.ask(start);
  expect(asked.length).toBe(1);
  asked[0]?.answer(running(390));
  await waits;
  expect(own.describe(start)?.container?.privileged).toBe(true);
  // The next start is another one.
  void own.ask(event("start", 800));
  expect(asked.length).toBe(2);
});

test("an answer from before a start is not taken for one about what was started", async () => {
  for (const answer of [created, running(0, { FinishedAt: iso(100) }), running(900)]) {
    const { asked, inspector: own } = inspector();
    void own.ask(event("create", 0));
    const waits = own.ask(event("start", 400));
    asked[0]?.answer(answer);
    while (asked.length === 1) await new Promise(setImmediate);
    asked[1]?.answer(running(390, { Marked: true }));
    await waits;
    expect(asked.length).toBe(2);
  }
});

test("all questions of an event are what it waits for, and each is asked once", async () => {
  const { asked, inspector: own } = inspector();
  const image = `sha256:${"1".repeat(64)}`;
  const mount = (Name: string) => ({ Type: "volume", Name, Driver: "local", Destination: `/${Name}`, Source: "" });
  let isOver = false;
  const waits = own.ask(event("create", 0))?.then(() => {
    isOver = true;
  });
  asked[0]?.answer({ ...created, Image: image, Mounts: [mount("a1"), mount("b1")] });
  while (asked.length < 4) await new Promise(setImmediate);
  expect(asked.map(({ path }) => path)).toEqual([
    `/containers/${ID}/json`,
    `/images/${image}/json`,
    "/volumes/a1",
    "/volumes/b1",
  ]);
  const again = own.ask(event("rename", 1));
  expect(again).toBeDefined();
  asked[4]?.answer({ ...created, Image: image, Mounts: [mount("a1"), mount("b1")] });
  asked[1]?.answer({ RepoDigests: [] });
  asked[2]?.answer({ Driver: "local", Options: { device: "/etc", o: "bind", type: "none" } });
  await new Promise(setImmediate);
  expect(isOver).toBe(false);
  asked[3]?.refuse(new EngineError("no such volume", 404));
  await Promise.all([waits, again]);
  expect(asked.length).toBe(5);
  const known = own.describe(event("rename", 1));
  expect(known?.container).toMatchObject({ sensitiveMount: true, volumeDevices: [["/a1", "/etc"]] });
  // One object for all events, whose JSON is made once.
  expect(own.describe(event("exec_create: sh", 2))).toBe(known as NonNullable<typeof known>);
});

test("a network's change and a start at the same time leave what the start brought", async () => {
  const { asked, inspector: own } = inspector();
  const first = own.ask(event("create", 0));
  asked[0]?.answer({ ...created, NetworkSettings: { Networks: { none: {} } } });
  await first;
  const start = own.ask(event("start", 400));
  const connect: DockerEvent = {
    Type: "network",
    Action: "connect",
    Actor: { ID: "n", Attributes: { container: ID, name: "backend" } },
    timeNano: at(390),
  };
  const connected = own.ask(connect);
  const network = asked.findIndex(({ path }, i) => i > 1 && path.startsWith("/containers/"));
  asked[network]?.answer({ ...created, NetworkSettings: { Networks: { backend: {} } } });
  await new Promise(setImmediate);
  asked[1]?.answer(running(390));
  for (const { path, refuse } of asked) if (path.startsWith("/networks/")) refuse(new EngineError("gone", 404));
  await Promise.all([start, connected]);
  expect(own.describe(event("exec_create: sh", 500))?.container?.privileged).toBe(true);
});

test("many volumes with long devices do not hide the one that leads to the host, and take no room without bound", async () => {
  const { asked, inspector: own } = inspector();
  const names = Array.from({ length: 200 }, (_, i) => `v${i}`);
  const mount = (Name: string) => ({
    Type: "volume",
    Name,
    Driver: "local",
    Destination: `/${Name}`,
    Source: "",
    RW: false,
  });
  const waits = own.ask(event("create", 0));
  asked[0]?.answer({ ...created, Mounts: names.map(mount) });
  while (asked.length < 201) await new Promise(setImmediate);
  for (const { path, answer } of asked.slice(1)) {
    const device = path.endsWith("/v199") ? "/etc/shadow" : `/srv/${"x".repeat(5_000)}`;
    answer({ Driver: "local", Options: { device, o: "bind", type: "none" } });
  }
  await waits;
  const known = own.describe(event("rename", 1))?.container;
  expect(known).toMatchObject({ sensitiveMount: true, sensitiveMounts: ["etc"], cut: ["volumeDevices"] });
  expect(JSON.stringify(known).length).toBeLessThan(64 * 1024);
});

test("where no event may tell of volumes, each container that is made asks anew where they lead", async () => {
  for (const [volumes, questions] of [
    [false, 1],
    [true, 2],
  ] as const) {
    const { asked, inspector: own } = inspector({ volumes });
    const Mounts = [{ Type: "volume", Name: "v1", Driver: "local", Destination: "/v1", Source: "" }];
    for (const action of ["create", "update", "create"]) {
      const before = asked.length;
      const waits = own.ask(event(action, 0));
      asked[before]?.answer({ ...created, Mounts });
      await new Promise(setImmediate);
      for (const { answer } of asked.slice(before + 1)) answer({ Driver: "local", Options: null });
      await waits;
    }
    expect(asked.filter(({ path }) => path === "/volumes/v1").length).toBe(questions);
  }
});
