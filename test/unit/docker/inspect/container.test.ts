import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { type ContainerInspection, inspectContainer } from "../../../../src/docker/inspect/container.ts";
import { inspectExec } from "../../../../src/docker/inspect/exec.ts";
import type { ContainerMount } from "../../../../src/docker/inspect/mounts.ts";
import { sensitiveMounts } from "../../../../src/sensor/sensitive_paths.ts";
import { inspectionOf, inspectionsOf } from "../../../support/recordings.ts";

const RECORDED = inspectionsOf("docker-20.10.24");

/** What all the recorded containers have that say nothing else. */
const USUAL = {
  imageId: "sha256:1222cbf602927bcc952cec172583e8f5535471249fcc49e408eb758d2968e2a1",
  command: ["sleep", "60"],
  user: "",
  workingDir: "",
  tty: false,
  restartCount: 0,
  restartPolicy: "no",
  autoRemove: false,
  privileged: false,
  pidMode: "",
  ipcMode: "private",
  utsMode: "",
  usernsMode: "",
  cgroupnsMode: "host",
  cgroupParent: "",
  apparmor: "",
  maskedPaths: true,
  networkMode: "none",
  networks: ["none"],
  publishAllPorts: false,
  readonlyRootfs: false,
  runtime: "runc",
  memory: 0,
  cpus: 0,
  pidsLimit: 0,
  oomKillDisable: false,
  logDriver: "json-file",
} as const;

function bind(source: string, mode = "rw", destination = "/x", propagation = "rprivate"): ContainerMount {
  return { source, destination, mode, type: "bind", propagation };
}

describe("the recorded containers", () => {
  const expected: Record<string, ContainerInspection | undefined> = {
    "cap-all-created.json": {
      ...USUAL,
      name: "capall",
      hostname: "e83b3956718f",
      created: "1795427289451457035",
      capAdd: ["ALL"],
    },
    "caps-secopt-device.json": {
      ...USUAL,
      name: "caps",
      hostname: "5a0d0860b566",
      pid: 19979,
      startedAt: "1795427289373917473",
      created: "1795427289043044499",
      usernsMode: "host",
      capAdd: ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"],
      capDrop: ["CAP_CHOWN"],
      devices: ["/dev/null:/dev/xnull:rwm"],
      securityOpt: ["seccomp=unconfined", "apparmor=unconfined", "no-new-privileges"],
      seccomp: "unconfined",
      noNewPrivileges: true,
      sysctls: [["kernel.msgmax", "65536"]],
      ulimits: ["nofile=100:200"],
    },
    // Docker did not start it: an empty array.
    "container-ns.json": undefined,
    "docker-sock-bind.json": {
      ...USUAL,
      name: "sockmnt",
      hostname: "79261565a0b6",
      pid: 19681,
      startedAt: "1795427288004711196",
      created: "1795427287695399449",
      mounts: [bind("/srv/dk/docker.sock", "rw", "/var/run/docker.sock")],
    },
    "docker-sock-mount-ro.json": {
      ...USUAL,
      name: "sockmnt2",
      hostname: "f9ad02701ade",
      pid: 19761,
      startedAt: "1795427288373330717",
      created: "1795427288049703495",
      mounts: [bind("/srv/dk/docker.sock", "ro", "/var/run/docker.sock")],
    },
    "healthcheck.json": {
      ...USUAL,
      name: "hc",
      hostname: "db2b9915e7df",
      pid: 17853,
      startedAt: "1795427269096898513",
      created: "1795427268802275399",
      imageId: "sha256:d98674f6b7ca8d56ae116a41e2cd2ba691d3a90d51d1cf2024e78e27b84a0251",
      command: ["sleep", "300"],
      healthcheck: ["CMD-SHELL", "test -f /tmp/ok"],
    },
    "host-namespaces.json": {
      ...USUAL,
      name: "hostns",
      hostname: "vm",
      pid: 19849,
      startedAt: "1795427288696452718",
      created: "1795427288423476398",
      pidMode: "host",
      ipcMode: "host",
      utsMode: "host",
      networkMode: "host",
      networks: ["host"],
      securityOpt: ["label=disable"],
    },
    "host-root-bind.json": {
      ...USUAL,
      name: "hostroot",
      hostname: "4da49523b829",
      pid: 19906,
      startedAt: "1795427288991278903",
      created: "1795427288736704849",
      mounts: [bind("/", "ro", "/host", "rslave")],
    },
    "oom.json": {
      ...USUAL,
      name: "oomer",
      hostname: "ccc97797405b",
      startedAt: "1795427265698784808",
      memory: 16777216,
      created: "1795427265397436614",
      command: ["sh", "-c", "tail /dev/zero"],
    },
    // Created with --rm -t, --volumes-from, --gpus all and what else there is.
    "options.json": {
      ...USUAL,
      name: "options",
      created: "1795644002220768735",
      imageId: "sha256:011048073182f3f48b5b48d2c3895642bd1feb1dde7b7f061cac6f3dd946c6cb",
      hostname: "web1",
      workingDir: "/srv",
      tty: true,
      healthcheck: ["CMD-SHELL", "test -f /tmp/ok"],
      autoRemove: true,
      cgroupnsMode: "private",
      cgroupParent: "/x.slice",
      capAdd: ["CAP_SYS_ADMIN"],
      securityOpt: ["seccomp=unconfined", "no-new-privileges=true"],
      seccomp: "unconfined",
      noNewPrivileges: true,
      maskedPaths: false,
      sysctls: [["net.ipv4.ip_forward", "1"]],
      groupAdd: ["docker"],
      devices: ["/dev/sdq:/dev/xvda:r", "/dev/fuse:/dev/fuse:rwm"],
      deviceCgroupRules: ["c 10:200 rwm"],
      deviceRequests: [":all:gpu"],
      deviceKinds: ["disk", "fuse", "gpu", "net"],
      mounts: [
        { source: "/var/lib/engine/volumes/data/_data", destination: "/data", mode: "rw", type: "volume" },
        bind("/proc", "ro", "/p"),
        bind("/etc/ssh", "ro", "/ssh", "rslave"),
        bind("/var/run/docker.sock", "rw", "/var/run/docker.sock"),
      ],
      volumesFrom: ["base"],
      networkMode: "default",
      networks: ["bridge"],
      ports: ["127.0.0.1:22->22/tcp", "8080->80/tcp"],
      hostPorts: [22, 8080],
      publicPorts: [8080],
      memory: 67_108_864,
      cpus: 1500,
      pidsLimit: 100,
      oomKillDisable: true,
      ulimits: ["nofile=100:200"],
      logDriver: "none",
    },
    "plain.json": {
      ...USUAL,
      name: "life",
      hostname: "ae0470fd7189",
      pid: 16154,
      startedAt: "1795427243952833569",
      created: "1795427243680768221",
      command: ["sh", "-c", 'trap "exit 7" TERM; while :; do sleep 0.2; done'],
    },
    "privileged.json": {
      ...USUAL,
      name: "priv",
      hostname: "a079ded8992f",
      pid: 19608,
      startedAt: "1795427287645827090",
      seccomp: "unconfined",
      maskedPaths: false,
      created: "1795427287376518204",
      privileged: true,
      securityOpt: ["label=disable"],
      runtime: "runc-nosr",
    },
    "swarm-task.json": {
      ...USUAL,
      name: "mystack_web.1.sutcqacmuqnmaq2duxafdo6bj",
      hostname: "vm",
      pid: 21966,
      startedAt: "1795429704047620200",
      created: "1795429703922368499",
      command: ["sleep", "1000"],
      networkMode: "host",
      networks: ["host"],
    },
    "two-networks.json": {
      ...USUAL,
      name: "netc",
      hostname: "c6e1941fe04e",
      pid: 20484,
      startedAt: "1795427291564801306",
      ip: "10.201.1.2",
      created: "1795427291124711649",
      networkMode: "net1",
      networks: ["net1", "net2"],
    },
  };

  test("are all expected below", () => {
    expect(readdirSync(RECORDED).sort()).toEqual(Object.keys(expected).sort());
  });

  test.each(Object.entries(expected))("%s", (file, inspection) => {
    if (inspection === undefined) return;
    expect(inspectContainer(inspectionOf("docker-20.10.24", file.replace(".json", "")))).toStrictEqual(inspection);
    const sensitive = [
      "docker-sock-bind.json",
      "docker-sock-mount-ro.json",
      "host-root-bind.json",
      "options.json",
    ].includes(file);
    expect(sensitiveMounts(inspection.mounts ?? [], []).length > 0).toBe(sensitive);
  });
});

describe("a container's parts", () => {
  const cases: [what: string, answer: unknown, expected: ContainerInspection][] = [
    ["nothing", {}, {}],
    ["the name's first slash goes, and no other", { Name: "//a/b" }, { name: "/a/b" }],
    ["a name without a slash (podman)", { Name: "web" }, { name: "web" }],
  ];
  test.each(cases)("%s", (_, answer, expected) => {
    expect(inspectContainer(answer)).toStrictEqual(expected);
  });

  test("neither environment variables nor options of drivers are ever taken", () => {
    const Env = ["PASSWORD=hunter2"];
    const Options = { password: "hunter2", o: "username=u,password=hunter2" };
    const plain = inspectionOf("docker-20.10.24", "plain");
    const answer = {
      ...plain,
      Env,
      Config: { Env, User: "u" },
      ExecIDs: Env,
      HostConfig: {
        ...(plain.HostConfig as object),
        LogConfig: { Type: "splunk", Config: Options },
        DeviceRequests: [{ Driver: "nvidia", Count: 1, Options }],
        Mounts: [{ Type: "volume", Target: "/v", VolumeOptions: { DriverConfig: { Options } } }],
      },
      Mounts: [{ Type: "volume", Name: "v", Destination: "/v", Options }],
    };
    expect(inspectContainer(answer)).toMatchObject({ logDriver: "splunk", deviceRequests: ["nvidia:1:"] });
    expect(JSON.stringify(inspectContainer(answer))).not.toMatch(/hunter2|PASSWORD/);
    expect(JSON.stringify(inspectExec({ Env, ProcessConfig: { Env, env: Env, tty: true } }))).not.toContain("hunter2");
  });
});

describe("a part of the wrong type is absent, and only that part", () => {
  const whole: Record<string, unknown> = {
    ...inspectionOf("docker-20.10.24", "caps-secopt-device"),
    Mounts: [{ Type: "bind", Source: "/a", Destination: "/b", Mode: "", RW: true }],
    NetworkSettings: { Networks: { none: { IPAddress: "10.0.0.2" } } },
  };
  // What the recording leaves at its default.
  Object.assign(whole.HostConfig as object, {
    DeviceCgroupRules: ["c 1:3 r"],
    DeviceRequests: [{ Driver: "", Count: -1, Capabilities: [["x"]] }],
    Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/xnull", CgroupPermissions: "rwm" }],
    GroupAdd: ["docker"],
    VolumesFrom: ["db"],
  });
  Object.assign(whole.Config as object, { Healthcheck: { Test: ["NONE"] } });
  const all = inspectContainer(whole) as ContainerInspection;
  const { HostConfig, Config, NetworkSettings } = whole as Record<string, object>;

  type Member = keyof ContainerInspection;
  const inHost: [part: string, ...members: Member[]][] = [
    ["Privileged", "privileged"],
    ["PidMode", "pidMode"],
    ["IpcMode", "ipcMode"],
    ["UTSMode", "utsMode"],
    ["UsernsMode", "usernsMode"],
    ["CgroupnsMode", "cgroupnsMode"],
    ["CgroupParent", "cgroupParent"],
    ["NetworkMode", "networkMode"],
    ["CapAdd", "capAdd"],
    ["CapDrop", "capDrop"],
    ["Devices", "devices"],
    ["DeviceCgroupRules", "deviceCgroupRules"],
    ["DeviceRequests", "deviceRequests", "deviceKinds"],
    ["SecurityOpt", "securityOpt", "seccomp", "noNewPrivileges"],
    ["Sysctls", "sysctls"],
    ["GroupAdd", "groupAdd"],
    ["VolumesFrom", "volumesFrom"],
    ["ReadonlyRootfs", "readonlyRootfs"],
    ["Runtime", "runtime"],
    ["RestartPolicy", "restartPolicy"],
    ["AutoRemove", "autoRemove"],
    ["Memory", "memory"],
    ["NanoCpus", "cpus"],
    ["OomKillDisable", "oomKillDisable"],
    ["Ulimits", "ulimits"],
    ["LogConfig", "logDriver"],
    ["PublishAllPorts", "publishAllPorts"],
  ];
  const inConfig: [part: string, member: Member][] = [
    ["User", "user"],
    ["WorkingDir", "workingDir"],
    ["Hostname", "hostname"],
    ["Tty", "tty"],
    ["Healthcheck", "healthcheck"],
  ];
  const parts: [part: string, members: Member[], wrong: (value: unknown) => object][] = [
    ["Name", ["name"], (Name) => ({ Name })],
    ["Created", ["created"], (Created) => ({ Created })],
    ["Image", ["imageId"], (Image) => ({ Image })],
    ["Path", ["command"], (Path) => ({ Path })],
    ["Mounts", ["mounts"], (Mounts) => ({ Mounts })],
    ["RestartCount", ["restartCount"], (RestartCount) => ({ RestartCount })],
    ["AppArmorProfile", ["apparmor"], (AppArmorProfile) => ({ AppArmorProfile })],
    ["Networks", ["networks", "ip"], (Networks) => ({ NetworkSettings: { ...NetworkSettings, Networks } })],
    ...inHost.map(([part, ...members]): [string, Member[], (value: unknown) => object] => [
      `HostConfig.${part}`,
      members,
      (value) => ({ HostConfig: { ...HostConfig, [part]: value } }),
    ]),
    ...inConfig.map(([part, member]): [string, Member[], (value: unknown) => object] => [
      `Config.${part}`,
      [member],
      (value) => ({ Config: { ...Config, [part]: value } }),
    ]),
  ];
  const without = (members: readonly string[]): object =>
    Object.fromEntries(Object.entries(all).filter(([member]) => !members.includes(member)));
  test.each(parts)("%s", (_, members, wrong) => {
    for (const member of members) expect([member, typeof all[member]]).not.toEqual([member, "undefined"]);
    const isNumber = members.some((member) => typeof all[member] === "number");
    for (const value of [undefined, null, isNumber ? "7" : 7, {}, [], [[]], [7], [null]]) {
      // An empty object has no names of networks, no name of a policy: absent as well.
      expect(inspectContainer({ ...whole, ...wrong(value) })).toStrictEqual(without(members));
    }
  });

  const sections: [section: string, lost: Member[]][] = [
    ["HostConfig", [...inHost.flatMap(([, ...members]) => members), "maskedPaths", "pidsLimit"]],
    ["Config", inConfig.map(([, member]) => member)],
    ["NetworkSettings", ["networks", "ip"]],
    ["State", ["pid", "startedAt"]],
  ];
  test.each(sections)("all of %s", (section, lost) => {
    for (const value of [undefined, null, 7, "text", [], true])
      expect(inspectContainer({ ...whole, [section]: value })).toStrictEqual(without(lost));
  });

  test("an element of a list", () => {
    const answer = {
      Path: "sh",
      Args: ["-c", 5, null, "ls"],
      HostConfig: { CapAdd: [null, "SYS_ADMIN", {}, ["X"]], Devices: [7, { PathOnHost: "/dev/a" }, null] },
      Mounts: [null, "x", { Destination: 5 }, { Type: 5, Source: null, Destination: "/d", Mode: {}, RW: "yes" }],
      NetworkSettings: { Ports: { "80/tcp": [null, 5, { HostIp: 5, HostPort: 80 }], "81/tcp": "x" } },
      State: { Running: true },
    };
    expect(inspectContainer(answer)).toStrictEqual({
      command: ["sh", "-c", "ls"],
      capAdd: ["CAP_SYS_ADMIN"],
      devices: ["/dev/a::"],
      deviceKinds: ["other"],
      ports: ["0->80/tcp", "81/tcp"],
      mounts: [{ source: "", destination: "/d", mode: "", type: "" }],
    });
  });

  test("what is no object is no inspection", () => {
    for (const json of [undefined, null, true, 7, "text", [], [{ Name: "/x" }]]) {
      expect(inspectContainer(json)).toBeUndefined();
      expect(inspectExec(json)).toBeUndefined();
    }
  });
});

test("large and deep answers are read in little time", () => {
  const deep: unknown = JSON.parse(`${"[".repeat(5000)}${"]".repeat(5000)}`);
  const many = Array.from({ length: 50_000 }, (_, i) => ({ Type: "bind", Source: `/a/${i}`, Destination: `/${i}` }));
  const start = performance.now();
  expect(inspectContainer({ Name: deep, Args: deep, HostConfig: { CapAdd: deep }, Mounts: deep })).toEqual({});
  const mounts = inspectContainer({ Mounts: many })?.mounts ?? [];
  expect(mounts).toHaveLength(50_000);
  expect(sensitiveMounts(mounts, ["/b", "/c/*/d"])).toEqual([]);
  expect(sensitiveMounts([bind("/a".repeat(512 * 1024)), bind("../".repeat(350_000))], [])).toContain("host_root");
  expect(inspectContainer({ Created: "2".repeat(1024 * 1024), Name: "/".repeat(1024 * 1024) })?.name).toHaveLength(
    1024 * 1024 - 1,
  );
  expect(performance.now() - start).toBeLessThan(2000);
});
