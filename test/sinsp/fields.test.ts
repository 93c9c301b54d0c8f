/** Every field of every recording, as libsinsp has it: live, and from a capture file. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lineOf } from "../../src/base/line.ts";
import { parseEvent } from "../../src/docker/event.ts";
import { RecordWriter } from "../../src/ipc/record.ts";
import { recordBound } from "../../src/ipc/record_bound.ts";
import { RecordReader } from "../../src/ipc/record_reader.ts";
import type { Field } from "../../src/plugin/fields/field.ts";
import { fields } from "../../src/plugin/fields.ts";
import { parseEnriched } from "../../src/sensor/enrichment.ts";
import { TestEngine } from "../support/engine.ts";
import type { Value } from "../support/host.ts";
import { answering, container, ID, line, OTHER, volumeMount } from "../support/questions.ts";
import { inspectionsOf, recordedLines } from "../support/recordings.ts";
import { captured, live, missing, printed, run, Sinsp, subscribed, tellIfMissing, values } from "../support/sinsp.ts";
import { temporaryFolder } from "../support/temporary.ts";

tellIfMissing("every field in a real libsinsp");
const real = test.skipIf(missing !== undefined);

/** A key that can be written between the brackets of a field. */
const isWritable = (key: string): boolean => /^[^\s[\]]+$/.test(key);

/** A field as it is asked for. */
interface Asked {
  /** `docker.type`, `docker.attributes[name]` */
  readonly text: string;
  readonly field: Field;
  readonly key: string | undefined;
}

/** Arguments of fields that take one, by the fields' names. */
type Keys = Readonly<Record<string, Iterable<string>>>;

/** Every field; those with an argument once for each of the arguments. */
function asksFor(keys: Keys): Asked[] {
  return fields.flatMap((field): Asked[] => {
    const { name } = field;
    if (field.key === undefined) return [{ text: name, field, key: undefined }];
    const own = new Set([...(keys[name] ?? []), "no.such"]);
    return [...own].filter(isWritable).map((key) => ({ text: `${name}[${key}]`, field, key }));
  });
}

/** Reads what the fields of a payload are, by the runtime's own encoder. */
function encoded(payload: string): (asked: Asked) => Value {
  const line = Buffer.from(payload);
  const event = parseEnriched(payload, "capture");
  const memory = new ArrayBuffer(recordBound(line.length, event));
  new RecordWriter(memory).write(0, lineOf(line), event);
  const reader = new RecordReader(memory);
  return ({ field, key }) => {
    const value = reader.value(0, field, key);
    return typeof value === "object" ? [...value] : value;
  };
}

interface Run {
  /** What was printed of the live events, a line each. */
  readonly printed: string[];
  /** What was printed of the captured ones. */
  readonly replayed: string[];
  readonly captured: ReturnType<typeof captured>;
}

/** Lets an engine send lines to two libsinsp, of which one prints and one writes a capture; then that is read. */
async function through(
  engine: TestEngine,
  config: object,
  lines: readonly string[],
  asks: readonly Asked[],
): Promise<Run> {
  const file = join(temporaryFolder(), "events.scap");
  const format = printed(asks.map(({ text }) => text));
  const all = live(engine, lines.length);
  await using printing = new Sinsp(config, ...all, ...format);
  await using writing = new Sinsp(config, ...all, "-q", "-w", file);
  await subscribed(engine, 2);
  await engine.send(...lines);
  const [fromLive, fromWriting] = [await printing.end, await writing.end];
  const fromCapture = await run(config, "-r", file, ...format);
  for (const { code, stderr } of [fromLive, fromWriting, fromCapture]) expect([code, stderr.trim()]).toEqual([0, ""]);
  const split = (text: string) => text.split("\n").slice(0, -1);
  return { printed: split(fromLive.stdout), replayed: split(fromCapture.stdout), captured: captured(file) };
}

/** Compares what was printed of an event with its payload, and says of the first value that differs which one it is. */
function compare(line: string, payload: string, asks: readonly Asked[]): void {
  const got = values(line);
  const wanted = encoded(payload);
  expect(got.size).toBe(asks.length);
  for (const asked of asks) {
    const pair = [got.get(asked.text), wanted(asked)];
    if (!Bun.deepEquals(pair[0], pair[1]))
      expect([payload, asked.text, pair[0]]).toEqual([payload, asked.text, pair[1]]);
  }
}

const attributesOf = (line: string): string[] => Object.keys(parseEvent(line).Actor.Attributes);

real(
  "every recorded event: the engine's bytes in the capture, typed values, live and replayed alike",
  async () => {
    const base = BigInt(Date.now()) * 1_000_000n;
    // Times of now, so that none counts as sent before.
    const lines = recordedLines().map((line, i) =>
      line.replace(/"timeNano":\d+(?=[,}])/, `"timeNano":${base + BigInt(i)}`),
    );
    // One recorded container has a thousand labels, k0000 to k0999: ten of them will do.
    const keys = new Set(lines.flatMap(attributesOf).filter((key) => !/^k\d\d\d[1-9]$|^k\d[1-9]\d\d$/.test(key)));
    const asks = asksFor({ "docker.attributes": keys });
    await using engine = await TestEngine.start();
    const came = await through(engine, { statefile: "", inspect: false }, lines, asks);
    expect(came.captured.map(({ payload }) => payload)).toEqual(lines);
    expect(came.captured.map(({ ts }) => ts)).toEqual(lines.map((_, i) => base + BigInt(i)));
    expect(came.printed.length).toBe(lines.length);
    for (const [i, line] of lines.entries()) compare(came.printed[i] ?? "", line, asks);
    expect(came.replayed).toEqual(came.printed);
  },
  60_000,
);

interface Answer {
  readonly Name?: string;
  readonly Mounts?: readonly { readonly Source: string; readonly Destination: string }[];
  readonly Config?: { readonly Labels?: object };
  readonly HostConfig?: { readonly Devices?: readonly { PathOnHost: string }[]; readonly Sysctls?: object };
}

/** The arguments that the containers have a value for. */
function keysOf(containers: readonly Answer[]): Keys {
  const mounts = containers.flatMap(({ Mounts = [] }) => Mounts);
  const destinations = mounts.map(({ Destination }) => Destination);
  return {
    "docker.attributes": ["name"],
    "docker.container.mount": destinations,
    "docker.container.mountmode": destinations,
    "docker.container.mountpropagation": mounts
      .filter(({ Source }) => !Source.includes("/volumes/"))
      .map(({ Destination }) => Destination),
    "docker.container.mountsource": mounts.map(({ Source }) => Source),
    "docker.container.device": containers.flatMap(
      ({ HostConfig }) => HostConfig?.Devices?.map(({ PathOnHost }) => PathOnHost) ?? [],
    ),
    "docker.container.label": containers.flatMap(({ Config }) => Object.keys(Config?.Labels ?? {})),
    "docker.container.sysctl": containers.flatMap(({ HostConfig }) => Object.keys(HostConfig?.Sysctls ?? {})),
  };
}

/** The containers that were recorded, each under an id of its own. */
function recordedContainers(): Record<string, Answer> {
  const engines = ["docker-20.10.24", "docker-29.7.2", "podman-5.8.6"] as const;
  const answers = engines.flatMap((engine) =>
    readdirSync(inspectionsOf(engine)).map((file) =>
      JSON.parse(readFileSync(join(inspectionsOf(engine), file), "utf8")),
    ),
  );
  // `docker inspect` prints a list; that of an unknown container is empty, as the engine's own answer has no id.
  const found = answers.flat().filter(({ Id }) => Id !== undefined);
  return Object.fromEntries(found.map((answer) => [answer.Id, answer]));
}

/** Fields that no recorded container has a value for. */
const UNRECORDED = [
  "docker.exec.pid",
  "docker.container.cut",
  "docker.container.exitcode",
  "docker.container.oomkilled",
];

real(
  "every recorded container and exec: what inspecting tells, live and replayed alike",
  async () => {
    const containers = recordedContainers();
    const asks = asksFor(keysOf(Object.values(containers)));
    const exec = "e".repeat(64);
    const ID = Object.keys(containers)[0] ?? "";
    const ProcessConfig = { user: "1000", privileged: true, tty: false, entrypoint: "sh", arguments: ["-c", "id"] };
    let time = BigInt(Date.now()) * 1_000_000n;
    const line = (Action: string, id: string, attributes: object = {}) =>
      `${JSON.stringify({ Type: "container", Action, Actor: { ID: id, Attributes: { image: "bb:1", ...attributes } } }).slice(0, -1)},"timeNano":${time++}}`;
    const lines = [
      ...Object.keys(containers).map((id) => line("start", id, { name: "web" })),
      line("exec_create: sh -c id", ID, { execID: exec }),
      line("exec_die", ID, { execID: exec, exitCode: "137" }),
      line("start", "0".repeat(64)),
    ];
    // Asked for by two at once, and slowly enough by a loaded machine: no answer is to be late.
    const config = { statefile: "", snapshot: false, inspecttimeout: 10_000 };
    await using engine = await TestEngine.start({
      containers,
      execs: { [exec]: { ID: exec, ContainerID: ID, Running: true, ProcessConfig } },
    });
    const came = await through(engine, config, lines, asks);
    expect(came.printed.length).toBe(lines.length);
    for (const [i, { payload }] of came.captured.entries()) compare(came.printed[i] ?? "", payload, asks);
    expect(came.replayed).toEqual(came.printed);
    // That the facts are there at all: each such field has a value somewhere, and each kind one that is known.
    const all = came.printed.map(values);
    const never = asks.filter(
      ({ text }) => /^docker\.(container|exec)\./.test(text) && !all.some((of) => of.get(text) !== undefined),
    );
    expect(never.map(({ text }) => text).filter((text) => !text.endsWith("[no.such]"))).toEqual(UNRECORDED);
    const known = all[Object.values(containers).findIndex(({ Name }) => Name === "/caps")];
    expect(known?.get("docker.container.inspected")).toBe(true);
    expect(known?.get("docker.container.privileged")).toBe(false);
    expect(known?.get("docker.container.capadd")).toEqual(["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]);
    expect(known?.get("docker.container.created")).toBe(1795427289043044499n);
    const other = all[Object.values(containers).findIndex(({ Name }) => Name === "/options")];
    expect(other?.get("docker.container.hostports")).toEqual([22n, 8080n]);
    expect(other?.get("docker.container.privilegedports")).toEqual([22n]);
    expect(other?.get("docker.container.mountsource[/var/run/docker.sock]")).toBe("/var/run/docker.sock");
    expect(all.at(-2)?.get("docker.exec.exitcode")).toBe(137n);
    expect(all.at(-2)?.get("docker.exec.privileged")).toBe(true);
    expect(all.at(-1)?.get("docker.container.inspected")).toBe(false);
  },
  60_000,
);

real(
  "images, volumes, networks, services, plugins, ends and the engine itself, live and replayed alike",
  async () => {
    const service = "s".repeat(25);
    const exec = "e".repeat(64);
    const [started, ended] = [-2_000, -1_000].map((ms) => new Date(Date.now() + ms).toISOString());
    const State = { Running: false, StartedAt: started, FinishedAt: ended, ExitCode: 137, OOMKilled: true };
    const one = container({ Mounts: [volumeMount("v", "/data")], State });
    const digest = `bb@sha256:${"d".repeat(64)}`;
    const ContainerSpec = {
      Image: "bb:1",
      CapabilityAdd: ["ALL"],
      Mounts: [{ Type: "bind", Source: "/etc", Target: "/host" }],
    };
    const answers = answering({
      [`/images/${one.Image}/json`]: { RepoDigests: [digest], Created: started, Config: { Labels: { tier: "gold" } } },
      "/volumes/v": { Driver: "local", Options: { type: "none", o: "bind", device: "/etc" } },
      [`/networks/${OTHER}`]: { Driver: "overlay", Internal: true, Options: { encrypted: "" } },
      [`/services/${service}`]: { Spec: { TaskTemplate: { ContainerSpec } } },
      [`/plugins/${OTHER}/json`]: { Config: { Network: { Type: "host" }, PidHost: true } },
      "/info": {
        SecurityOptions: ["name=seccomp,profile=default"],
        Plugins: { Authorization: ["opa"] },
        Swarm: { LocalNodeState: "active" },
        Warnings: ["WARNING: API is accessible on http://0.0.0.0:2375 without encryption."],
      },
    });
    const execs = { [exec]: { ContainerID: ID, Pid: 4711, ProcessConfig: { entrypoint: "sh", arguments: [] } } };
    await using engine = await TestEngine.start({ containers: { [ID]: one }, execs, answers });
    const lines = [
      line("create"),
      line("exec_create: sh", { attributes: { execID: exec } }),
      line("die"),
      line("create", { Type: "volume", id: "v" }),
      line("create", { Type: "network", id: OTHER }),
      line("create", { Type: "service", id: service }),
      line("enable", { Type: "plugin", id: OTHER }),
      line("reload", { Type: "daemon", id: "D75Y" }),
    ];
    const further =
      /^docker\.(?:image\.(?:digests|label|created)|volume|network|service|plugin|exec\.pid|container\.(?:exitcode|oomkilled|volumedevice|sensitivemounts?)$|engine\.(?!host|name|id|version))/;
    const asks = asksFor({ "docker.container.volumedevice": ["/data"], "docker.image.label": ["tier"] }).filter(
      ({ field }) => further.test(field.name),
    );
    const came = await through(engine, { statefile: "", snapshot: false, inspecttimeout: 10_000 }, lines, asks);
    for (const [i, { payload }] of came.captured.entries()) compare(came.printed[i] ?? "", payload, asks);
    expect(came.replayed).toEqual(came.printed);
    const all = came.printed.map(values);
    const never = asks.filter(({ text }) => !all.some((of) => of.get(text) !== undefined)).map(({ text }) => text);
    expect(never).toEqual(["docker.image.label[no.such]", "docker.container.volumedevice[no.such]"]);
    expect(all[2]?.get("docker.container.exitcode")).toBe(137n);
    expect(all[7]?.get("docker.engine.insecure")).toBe(true);
  },
  60_000,
);
