/** The execs of health checks, through the ABI: told apart, and left out where that is wanted. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runtimePid } from "../faults/faults.ts";
import { TestEngine } from "../support/engine.ts";
import { type Ask, type HostEvent, Plugin, type State } from "../support/host.ts";
import { inspectionsOf } from "../support/recordings.ts";
import { signalTo } from "../support/signal.ts";

const ID = "7".repeat(64);
const [PROBE, PERSON, UNKNOWN] = ["a".repeat(64), "b".repeat(64), "c".repeat(64)] as const;
const CHECKED = JSON.parse(readFileSync(join(inspectionsOf("docker-20.10.24"), "healthcheck.json"), "utf8"))[0];

const execAnswer = (...arguments_: string[]) => ({
  ContainerID: ID,
  ProcessConfig: { tty: false, entrypoint: "/bin/sh", arguments: arguments_, privileged: false },
});
const probe = execAnswer("-c", "test -f /tmp/ok");
const BEHAVIOUR = {
  containers: { [ID]: CHECKED },
  execs: { [PROBE]: probe, [PERSON]: execAnswer("-c", "test", "-f", "/tmp/ok") },
};

let tick = 0;
function line(Action: string, attributes: Record<string, string> = {}): string {
  const nano = BigInt(Date.now()) * 1_000_000n + BigInt(tick++);
  const Attributes = { ...attributes, "build.step": "1", image: "built:1", maintainer: 'j"q ünï', name: "hc" };
  return `${JSON.stringify({ Type: "container", Action, Actor: { ID, Attributes } }).slice(0, -1)},"time":1,"timeNano":${nano}}`;
}

/** The three events of an exec, all of which read alike whoever runs it. */
const execLines = (execID: string): string[] => [
  line("exec_create: /bin/sh -c test -f /tmp/ok", { execID }),
  line("exec_start: /bin/sh -c test -f /tmp/ok", { execID }),
  line("exec_die", { execID, exitCode: "0" }),
];

/** With time for answers on a busy machine, too. */
const config = (more: object) => JSON.stringify({ statefile: "", snapshot: false, inspecttimeout: 10_000, ...more });
const told = (state: State) => (event: HostEvent) =>
  state.extract(event, ["docker.exec.id", "docker.exec.healthcheck"]);

test("an exec of the health check's is told from a person's that reads alike", async () => {
  await using engine = await TestEngine.start(BEHAVIOUR);
  using state = new Plugin().init(config({}));
  using instance = state.open(engine.address);
  await engine.send(line("start"), ...execLines(PROBE), ...execLines(PERSON), ...execLines(UNKNOWN));
  const values = instance.take(10, told(state));
  expect(values).toEqual([
    [undefined, undefined],
    ...Array(3).fill([PROBE, true]),
    ...Array(3).fill([PERSON, false]),
    // The engine does not know it: what the event says decides, and of its end nothing is known.
    ...Array(2).fill([UNKNOWN, true]),
    [UNKNOWN, undefined],
  ]);
  expect(state.metrics().healthchecks_skipped).toBe(0);
});

test("skiphealthchecks leaves out what is certain, counts it, and loses nothing by it", async () => {
  await using engine = await TestEngine.start(BEHAVIOUR);
  using state = new Plugin().init(config({ skiphealthchecks: true, inspecttimeout: 10_000 }));
  using instance = state.open(engine.address);
  await engine.send(line("start"), ...execLines(PROBE), ...execLines(PERSON), ...execLines(UNKNOWN), line("die"));
  const ids = instance.take(8, told(state)).map(([id]) => id);
  expect(ids).toEqual([undefined, ...Array(3).fill(PERSON), ...Array(3).fill(UNKNOWN), undefined]);
  expect(state.metrics()).toMatchObject({ healthchecks_skipped: 3, received: 11, losses: 0 });

  // Nothing but health checks for as long as the engine remembers: a successor knows them again, and so misses nothing.
  await engine.behave({ ...BEHAVIOUR, execs: { "*": probe } });
  for (let i = 0; i < 100; i++) await engine.send(...execLines(Bun.SHA256.hash(`before ${i}`, "hex")));
  await engine.send(line("pause"));
  expect(instance.take(1, told(state))).toEqual([[undefined, undefined]]);
  for (let i = 0; i < 100; i++) await engine.send(...execLines(Bun.SHA256.hash(`after ${i}`, "hex")));
  const skipped = () => state.metrics().healthchecks_skipped ?? 0;
  while (skipped() < 603) instance.nextBatch();
  signalTo(runtimePid(), "SIGKILL");
  await engine.send(line("unpause"));
  expect(instance.take(1, (event) => JSON.parse(event.payload).Action)).toEqual(["unpause"]);
  expect(state.metrics()).toMatchObject({ runtime_restarts: 1, losses: 0, healthchecks_skipped: 603 });
});

test("a shell that stays open is known to its end, however many health checks come and go", async () => {
  await using engine = await TestEngine.start({
    ...BEHAVIOUR,
    execs: { ...BEHAVIOUR.execs, "*": probe },
  });
  using state = new Plugin().init(config({ inspecttimeout: 10_000 }));
  using instance = state.open(engine.address);
  const [create, start, end] = execLines(PERSON) as [string, string, string];
  await engine.send(create, start);
  expect(instance.take(2, told(state))).toEqual(Array(2).fill([PERSON, false]));
  for (let round = 0; round < 45; round++) {
    const ids = Array.from({ length: 100 }, (_, i) => Bun.SHA256.hash(`${round} ${i}`, "hex"));
    await engine.send(...ids.flatMap(execLines));
    expect(instance.take(300, told(state))).toEqual(ids.flatMap((id) => Array(3).fill([id, true])));
  }
  await engine.send(end);
  expect(instance.take(1, told(state))).toEqual([[PERSON, false]]);
  // It was asked about once, and twice for its process, which this engine does not tell.
  expect((await engine.seen()).filter(({ path }) => path.includes(PERSON)).length).toBeLessThanOrEqual(3);
}, 60_000);

test("without inspections nothing is left out", async () => {
  await using engine = await TestEngine.start(BEHAVIOUR);
  using state = new Plugin().init(config({ skiphealthchecks: true, inspect: false }));
  using instance = state.open(engine.address);
  await engine.send(...execLines(PROBE));
  expect(instance.take(3, told(state))).toEqual(Array(3).fill([PROBE, undefined]));
});

test("labels are the container's in every event, and the payload says those alone that the event does not show", async () => {
  const labels = { tier: "web", exitCode: "99", name: "lie", "com.docker.compose.service": "shop" };
  const posing = { ...CHECKED, Config: { ...CHECKED.Config, Labels: labels } };
  await using engine = await TestEngine.start({ containers: { [ID]: posing } });
  using state = new Plugin().init(config({}));
  using instance = state.open(engine.address);
  const die = JSON.parse(line("die", { execDuration: "1", ...labels }));
  const connect = {
    ...die,
    Type: "network",
    Action: "connect",
    Actor: { ID: "n", Attributes: { container: ID, name: "none" } },
  };
  await engine.send(JSON.stringify(die), JSON.stringify(connect));
  const asks: Ask[] = [
    ...["tier", "exitCode", "name", "image"].map((key) => ["docker.container.label", key] as const),
    "docker.event.forged",
    "docker.compose.service",
  ];
  const took = instance.take(2, (event) => {
    const values = state.extract(event, asks);
    expect(state.extract(state.foreign(event.payload), asks)).toEqual(values);
    return [JSON.parse(event.payload).falco.labels, ...values];
  });
  expect(took).toEqual([
    [{ exitCode: "99", name: "lie" }, "web", "99", "lie", undefined, true, "shop"],
    [labels, "web", "99", "lie", undefined, false, "shop"],
  ]);
});
