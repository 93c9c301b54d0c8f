/** A rule's condition as the real engine takes it: filters of each type of field, over events that were captured. */
import { beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TestEngine } from "../support/engine.ts";
import { inspectionsOf } from "../support/recordings.ts";
import { capture, missing, run, tellIfMissing } from "../support/sinsp.ts";
import { temporaryFolder } from "../support/temporary.ts";

tellIfMissing("filters in a real libsinsp");

const config = { statefile: "", snapshot: false, inspecttimeout: 10_000 };
const FILE = join(temporaryFolder(), "events.scap");

const inspection = (engine: Parameters<typeof inspectionsOf>[0], file: string): object => {
  const answer = JSON.parse(readFileSync(join(inspectionsOf(engine), `${file}.json`), "utf8"));
  return Array.isArray(answer) ? answer[0] : answer;
};

/** Only of what looks like an id the engine is asked. */
const idOf = (name: string): string => Bun.SHA256.hash(name, "hex");
const byId = <T>(named: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(named).map(([name, one]) => [idOf(name), one]));

/** The containers by the names that the events below give them, and the exec. */
const containers = {
  sock: inspection("docker-20.10.24", "docker-sock-bind"),
  caps: inspection("docker-20.10.24", "caps-secopt-device"),
  root: inspection("docker-20.10.24", "privileged"),
  host: inspection("docker-20.10.24", "host-namespaces"),
  opts: inspection("docker-20.10.24", "options"),
};
const execs = { asked: { ContainerID: idOf("host"), ProcessConfig: { user: "root", privileged: true, tty: false } } };

const BASE = 1_700_000_000_000_000_000n;
/** The time of an event, by its place. */
const time = (place: number): bigint => BASE + BigInt(place);

/** The events; a filter's answer is told by their names. */
const events: Record<string, { Type: string; Action: string; ID?: string; Attributes?: Record<string, string> }> = {
  sock: { Type: "container", Action: "start", Attributes: { image: "bb:1", tier: "web" } },
  caps: { Type: "container", Action: "start", Attributes: { image: "quay.io/a/b:2", tier: "" } },
  root: { Type: "container", Action: "die", Attributes: { image: "bb:1", exitCode: "137", "com.example.a/b": "x y" } },
  host: { Type: "container", Action: "create", Attributes: { image: "bb:1" } },
  shell: {
    Type: "container",
    Action: "exec_create: sh -c id",
    ID: idOf("host"),
    Attributes: { execID: idOf("asked") },
  },
  ended: {
    Type: "container",
    Action: "exec_die",
    ID: idOf("host"),
    Attributes: { execID: idOf("asked"), exitCode: "0" },
  },
  killed: {
    Type: "container",
    Action: "exec_die",
    ID: idOf("host"),
    Attributes: { execID: idOf("unknown"), exitCode: "137" },
  },
  flood: { Type: "container", Action: `exec_create: ls ${Array.from({ length: 300 }, (_, i) => i).join(" ")}` },
  pull: { Type: "image", Action: "pull", ID: "alpine:3.20" },
  wire: { Type: "network", Action: "connect", Attributes: { type: "bridge" } },
  opts: { Type: "container", Action: "start", Attributes: { image: "bb:1" } },
};
const NAMES = Object.keys(events);

const lines = Object.entries(events).map(([name, { Type, Action, ID = idOf(name), Attributes = {} }], i) => {
  const json = JSON.stringify({ Type, Action, Actor: { ID, Attributes: { ...Attributes, name } }, scope: "local" });
  return `${json.slice(0, -1)},"timeNano":${time(i)}}`;
});

beforeAll(async () => {
  if (missing !== undefined) return;
  await using engine = await TestEngine.start({ containers: byId(containers), execs: byId(execs) });
  await capture(engine, config, lines, FILE);
}, 60_000);

/** The names of the events that pass. */
async function passes(filter: string): Promise<string[]> {
  const { code, stdout, stderr } = await run(config, "-r", FILE, "-p", "%docker.attributes.name", filter);
  expect([filter, code, stderr]).toEqual([filter, 0, ""]);
  return stdout.split("\n").slice(0, -1);
}

/** Those that are about a container whose facts are known. */
const KNOWN = ["sock", "caps", "root", "host", "shell", "ended", "killed", "opts"];
const HOST = ["host", "shell", "ended", "killed"];
const CREATED = 1795427287695399449n;

/** A run costs about a quarter of a second: so each filter here is of another kind. */
const filters: Record<string, Record<string, readonly string[]>> = {
  "a text": {
    "docker.type != container": ["pull", "wire"],
    "docker.status in (start,create,die)": ["sock", "caps", "root", "host", "opts"],
    "docker.action startswith exec_ and docker.exec.command contains 'c i'": ["shell"],
    "docker.container.pidmode exists and docker.container.pidmode = ''": ["sock", "caps", "root", "opts"],
    "docker.exec.user = root or docker.image.registry = quay.io": ["caps", "shell", "ended"],
  },
  "a field with a key": {
    "docker.attributes[tier] = web": ["sock"],
    "docker.attributes[tier] exists": ["sock", "caps"],
    "docker.attributes[com.example.a/b] = 'x y' or docker.attributes[no.such] exists": ["root"],
    "docker.container.mount[/var/run/docker.sock] = /srv/dk/docker.sock": ["sock"],
    "docker.container.mount[/var/run] exists": [],
    "docker.container.mountsource[/run/docker.sock] exists and docker.container.mountmode[/ssh] = ro": ["opts"],
    "docker.container.device[/dev/sdq] contains r or docker.container.sysctl[kernel.msgmax] exists": ["caps", "opts"],
  },
  "a list": {
    "docker.container.capadd exists": ["caps", "opts"],
    "docker.container.capadd intersects (CAP_SYS_ADMIN, CAP_SYS_PTRACE)": ["caps", "opts"],
    // `in` is: each of the list's is among them.
    "docker.container.capadd in (CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SYS_PTRACE)": ["caps", "opts"],
    "docker.container.capadd in (CAP_SYS_ADMIN)": ["opts"],
    "docker.container.sensitivemounts intersects (engine_socket)": ["sock", "opts"],
    "docker.container.devicekinds intersects (disk, all) and docker.container.seccomp = unconfined": ["opts"],
    "docker.container.mounts intersects ('/srv/dk/docker.sock:/var/run/docker.sock:rw')": ["sock"],
    "docker.container.networks intersects (host)": HOST,
    "docker.exec.words intersects (curl, id)": ["shell"],
    "docker.exec.words intersects (ls) and docker.exec.words intersects ('…')": ["flood"],
    "docker.container.words intersects (sleep) and docker.exec.words exists": ["shell"],
  },
  "a bool": {
    "docker.container.privileged = true or docker.container.sensitivemount = true": ["sock", "root", "opts"],
    "docker.container.privileged = false": KNOWN.filter((name) => name !== "root"),
    "docker.exec.privileged exists": ["shell", "ended"],
    // Of an absent field no comparison is true, so that its opposite is.
    "docker.container.privileged != true": KNOWN.filter((name) => name !== "root"),
    "not docker.container.privileged = true": NAMES.filter((name) => name !== "root"),
  },
  "a number": {
    "docker.exec.exitcode >= 0 and docker.exec.exitcode < 137": ["ended"],
    "docker.exec.exitcode in (1, 137)": ["killed"],
    "docker.container.memory > 0 and docker.container.cpus <= 1500": ["opts"],
    "docker.container.hostports intersects (80, 8080)": ["opts"],
    "docker.container.hostports in (22, 443)": [],
    "docker.container.privilegedports in (22, 443)": ["opts"],
    "docker.container.publicports exists": ["opts"],
  },
  "a time": {
    [`docker.time > ${time(1)} and docker.time <= ${time(3)}`]: ["root", "host"],
    [`docker.time = ${time(1)} or docker.container.created = ${CREATED}`]: ["sock", "caps"],
    [`docker.container.created < ${CREATED}`]: ["root"],
  },
};

const real = test.skipIf(missing !== undefined);

real.each(Object.keys(filters))(
  "filters of %s",
  async (kind) => {
    const left = Object.entries(filters[kind] ?? {});
    // Two at a time: each is a libsinsp and a runtime.
    const work = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [filter, names] = next;
        expect([filter, await passes(filter)]).toEqual([filter, [...names]]);
      }
    };
    await Promise.all([work(), work()]);
  },
  60_000,
);

real.each([
  ["docker.attributes = x", "filter 'docker.attributes': docker.attributes requires an argument but none provided"],
  [
    "docker.type[x] = y",
    "filter 'docker.type[x]': docker.type does not allow nor require an argument but one is provided: x",
  ],
  ["docker.container.privileged = maybe", "filter error: unrecognized boolean value maybe"],
  ["docker.container.capadd contains X", "filter error: 'contains' operator not supported list filters"],
])("a wrong filter is refused: %s", async (filter, why) => {
  const { code, stderr } = await run(config, "-r", FILE, filter);
  expect([code, stderr]).toEqual([1, expect.stringContaining(why)]);
});
