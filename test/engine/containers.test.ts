/** What a real engine tells of containers of every kind: what a person asks for, and what the field is then. */
import { afterAll, expect, test } from "bun:test";
import { DOCKERD_NEEDS, Dockerd } from "../support/dockerd.ts";
import { type Ask, Plugin, type Value } from "../support/host.ts";
import { aptInstall, skipped } from "../support/needs.ts";
import { temporaryFolder } from "../support/temporary.ts";

const engine = await Dockerd.start();
if (typeof engine === "string") skipped("containers of every kind", engine, aptInstall(...DOCKERD_NEEDS));
const real = test.skipIf(typeof engine === "string");
const dockerd = engine as Dockerd;
afterAll(() => (typeof engine === "string" ? undefined : engine.stop()), 60_000);

/** Where nothing is asked for: engines before 24.0 do not say what they give all containers. */
const NO_NEW_PRIVILEGES =
  typeof engine === "string" || Number(dockerd.docker("version", "-f", "{{.Server.APIVersion}}").split(".")[1]) < 43
    ? undefined
    : false;

const VAULT = temporaryFolder();
const config = JSON.stringify({ statefile: "", snapshot: false, inspecttimeout: 10_000, sensitivemounts: [VAULT] });

/** `docker.container.` is left out. */
type Expected = Record<string, Value>;

const ask = (name: string): Ask => {
  const [, field = "", key] = /^([a-z]+)(?:\[(.*)\])?$/.exec(name) ?? [];
  return key === undefined ? `docker.container.${field}` : [`docker.container.${field}`, key];
};

/** What `docker create OPTIONS bb:1 true` makes of the fields. */
const created: [options: string, expected: Expected][] = [
  [
    "",
    {
      ...{ sensitivemount: false, sensitivemounts: undefined, seccomp: "default", nonewprivileges: NO_NEW_PRIVILEGES },
      ...{ maskedpaths: true, devicekinds: undefined, hostports: undefined, publishallports: false, cut: undefined },
      ...{ memory: 0n, cpus: 0n, pidslimit: 0n, oomkilldisable: false, ulimits: undefined, logdriver: "json-file" },
      ...{ autoremove: false, tty: false, workingdir: "", healthcheck: undefined, restartcount: 0n, pid: undefined },
      ...{ startedat: undefined, ip: undefined, groupadd: undefined, volumesfrom: undefined, apparmor: "" },
    },
  ],
  [
    "-v /:/host:ro,rslave",
    {
      "mountsource[/]": "/host",
      "mountmode[/host]": "ro",
      "mountpropagation[/host]": "rslave",
      "mount[/host]": "/",
    },
  ],
  [
    "-v /var/lib/../run/./docker.sock/:/s",
    {
      sensitivemounts: ["engine_socket"],
      "mountsource[/run/docker.sock]": "/s",
      "mountsource[/var/run/docker.sock]": "/s",
      "mountmode[/s]": "rw",
    },
  ],
  ["--mount type=bind,source=/etc,target=/e,readonly", { sensitivemounts: ["etc", "keys", "kube", "cron"] }],
  [
    "--mount type=bind,source=/var/log/,target=/l,bind-propagation=shared",
    { sensitivemounts: ["log"], "mountpropagation[/l]": "shared" },
  ],
  ["-v /var/log:/l:ro", { sensitivemount: false, sensitivemounts: undefined }],
  [`-v ${VAULT}:/v:ro`, { sensitivemounts: ["custom"] }],
  // What is there and hidden is no fault, and what is the engine's own is none.
  ["--tmpfs /etc --mount type=tmpfs,target=/root -v data:/home", { sensitivemount: false, sensitivemounts: undefined }],
  ["--volumes-from base:ro", { volumesfrom: ["base:ro"], sensitivemounts: ["proc"], "mountmode[/p]": "ro" }],
  ["--cgroupns private --cgroup-parent /x.slice", { cgroupnsmode: "private", cgroupparent: "/x.slice" }],
  [
    "--security-opt seccomp=unconfined --security-opt no-new-privileges:true",
    { seccomp: "unconfined", nonewprivileges: true },
  ],
  ["--security-opt no-new-privileges=false", { nonewprivileges: false }],
  ["--security-opt systempaths=unconfined", { maskedpaths: false }],
  ["--privileged", { seccomp: "unconfined", maskedpaths: false, devicekinds: undefined }],
  ["--sysctl net.ipv4.ip_forward=1", { "sysctl[net.ipv4.ip_forward]": "1", "sysctl[kernel.msgmax]": undefined }],
  [
    "--device /dev/sdq:/dev/xvda:r --device /dev/null --device /dev/fuse",
    {
      devices: ["/dev/sdq:/dev/xvda:r", "/dev/fuse:/dev/fuse:rwm", "/dev/null:/dev/null:rwm"],
      "device[/dev/sdq]": "r",
      "device[/dev/xvda]": undefined,
      devicekinds: ["disk", "fuse"],
    },
  ],
  [
    "--device-cgroup-rule=c~10:200~rwm --device-cgroup-rule=c~*:*~m",
    { devicecgrouprules: ["c 10:200 rwm", "c *:* m"], devicekinds: ["net"] },
  ],
  ["--gpus all", { devicerequests: [":all:gpu"], devicekinds: ["gpu"] }],
  ["--group-add docker --group-add 6", { groupadd: ["docker", "6"] }],
  ["--memory 64m --cpus 0.5 --pids-limit 10", { memory: 67_108_864n, cpus: 500n, pidslimit: 10n }],
  ["--cpu-quota 150000 --cpu-period 100000", { cpus: 1500n }],
  ["--memory 64m --oom-kill-disable", { oomkilldisable: true }],
  ["--ulimit nofile=100:200 --ulimit core=-1", { ulimits: ["core=-1:-1", "nofile=100:200"] }],
  [
    "-p 8080:80 -p 127.0.0.1:22:22 -p [::1]:443:443 -p 99",
    {
      ports: ["127.0.0.1:22->22/tcp", "[::1]:443->443/tcp", "8080->80/tcp", "0->99/tcp"],
      hostports: ["22", "443", "8080"],
      publicports: ["8080"],
      privilegedports: ["22", "443"],
    },
  ],
  ["-P --expose 80", { publishallports: true, hostports: undefined, publicports: undefined }],
  ["--log-driver none", { logdriver: "none" }],
  ["--health-cmd false", { healthcheck: "false" }],
  ["--no-healthcheck", { healthcheck: "" }],
  ["-t -w /srv --hostname web1 --rm", { tty: true, workingdir: "/srv", hostname: "web1", autoremove: true }],
];

/** A list of numbers as texts, for one form of expectations. */
const comparable = (value: Value | bigint[]): Value => (Array.isArray(value) ? value.map(String) : value);

real(
  "what is asked for shows in the fields of the event that tells of it",
  () => {
    dockerd.docker("create", "--name", "base", "-v", "/proc:/p:ro", "bb:1", "true");
    using state = new Plugin().init(config);
    using instance = state.open(dockerd.address);
    const asks = new Map<string, Ask[]>();
    for (const [i, [options, expected]] of created.entries()) {
      const words = options.split(" ").filter((word) => word !== "");
      const network = options.includes("-p ") ? [] : ["--network", "none"];
      dockerd.docker(
        "create",
        "--name",
        `c${i}`,
        ...network,
        ...words.map((word) => word.replaceAll("~", " ")),
        "bb:1",
        "true",
      );
      asks.set(`c${i}`, Object.keys(expected).map(ask));
    }
    const came = new Map<string, Value[]>();
    while (came.size < created.length)
      for (const event of instance.nextBatch().events) {
        const [action, name] = state.extract(event, ["docker.action", "docker.container.name"]);
        const wanted = asks.get(String(name));
        if (action !== "create" || wanted === undefined) continue;
        const values = state.extract(event, wanted);
        expect(state.extract(state.foreign(event.payload), wanted)).toEqual(values);
        came.set(String(name), values);
      }
    for (const [i, [options, expected]] of created.entries()) {
      const values = came.get(`c${i}`)?.map(comparable) ?? [];
      const names = Object.keys(expected);
      expect([options, Object.fromEntries(names.map((name, at) => [name, values[at]]))]).toEqual([options, expected]);
    }
  },
  120_000,
);

real(
  "what a container is once it runs, and runs again",
  () => {
    using state = new Plugin().init(config);
    using instance = state.open(dockerd.address);
    const before = BigInt(Date.now()) * 1_000_000n;
    dockerd.docker("network", "create", "--internal", "inside");
    const id = dockerd.docker(
      "run",
      "-d",
      "--network",
      "inside",
      "--restart",
      "on-failure:1",
      "--name",
      "again",
      "bb:1",
      "sh",
      "-c",
      "sleep 2; false",
    );
    const seen: Value[][] = [];
    const asks: Ask[] = ["action", "pid", "startedat", "restartcount", "ip", "id"].map((name) =>
      name === "action" ? "docker.action" : `docker.container.${name}`,
    );
    while (seen.filter(([action]) => action === "die").length < 2)
      for (const event of instance.nextBatch().events) {
        const values = state.extract(event, asks);
        if (values.at(-1) === id) seen.push(values);
      }
    const starts = seen.filter(([action]) => action === "start");
    expect(starts.length).toBe(2);
    const [first, second] = starts as [Value[], Value[]];
    expect([first[3], second[3]]).toEqual([0n, 1n]);
    expect(second[2] as bigint).toBeGreaterThan(first[2] as bigint);
    expect(first[2] as bigint).toBeGreaterThan(before);
    dockerd.docker("rm", "-f", "again");
    const running = dockerd.docker("run", "-d", "--network", "inside", "bb:1", "sleep", "60");
    const pid = BigInt(dockerd.docker("inspect", "-f", "{{.State.Pid}}", running));
    const ip = dockerd.docker("inspect", "-f", "{{.NetworkSettings.Networks.inside.IPAddress}}", running);
    let start: Value[] | undefined;
    while (start === undefined)
      for (const event of instance.nextBatch().events) {
        const values = state.extract(event, asks);
        if (values.at(-1) === running && values[0] === "start") start = values;
      }
    expect(start.slice(0, 5)).toEqual(["start", pid, expect.any(BigInt), 0n, ip]);
    dockerd.docker("rm", "-f", running);
  },
  120_000,
);

real(
  "the address of a container that is connected to another network while it runs",
  () => {
    for (const name of ["near", "far"]) dockerd.docker("network", "create", "--internal", name);
    using state = new Plugin().init(config);
    using instance = state.open(dockerd.address);
    const id = dockerd.docker("run", "-d", "--network", "near", "bb:1", "sleep", "60");
    dockerd.docker("network", "connect", "far", id);
    const far = dockerd.docker("inspect", "-f", "{{.NetworkSettings.Networks.far.IPAddress}}", id);
    dockerd.docker("network", "disconnect", "near", id);
    dockerd.docker("pause", id);
    const seen = new Map<string, Value>();
    while (!seen.has("pause"))
      for (const event of instance.nextBatch().events) {
        const [action, of, ip] = state.extract(event, ["docker.action", "docker.container.id", "docker.container.ip"]);
        if (of === id) seen.set(String(action), ip);
      }
    expect([seen.get("disconnect"), seen.get("pause")]).toEqual([far, far]);
    dockerd.docker("unpause", id);
    dockerd.docker("rm", "-f", id);
  },
  60_000,
);
