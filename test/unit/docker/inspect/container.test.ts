import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type ContainerInspection,
  type ContainerMount,
  inspectContainer,
} from "../../../../src/docker/inspect/container.ts";
import { inspectExec } from "../../../../src/docker/inspect/exec.ts";
import { sensitiveMount } from "../../../../src/sensor/sensitive_paths.ts";
import { inspectionsOf } from "../../../support/recordings.ts";

const RECORDED = inspectionsOf("docker-20.10.24");

/** Element 0 of a recording: what `GET /containers/{id}/json` gave. */
function recorded(file: string): unknown {
  const answers: unknown = JSON.parse(readFileSync(join(RECORDED, file), "utf8"));
  return Array.isArray(answers) ? answers[0] : undefined;
}

/** What all the recorded containers have that say nothing else. */
const USUAL = {
  imageId: "sha256:1222cbf602927bcc952cec172583e8f5535471249fcc49e408eb758d2968e2a1",
  command: ["sleep", "60"],
  user: "",
  privileged: false,
  pidMode: "",
  ipcMode: "private",
  utsMode: "",
  usernsMode: "",
  networkMode: "none",
  networks: ["none"],
  readonlyRootfs: false,
  runtime: "runc",
  restartPolicy: "no",
} as const;

function bind(source: string, mode = "rw", destination = "/x"): ContainerMount {
  return { source, destination, mode, type: "bind" };
}

describe("the recorded containers", () => {
  const expected: Record<string, ContainerInspection | undefined> = {
    "cap-all-created.json": { ...USUAL, name: "capall", created: "1795427289451457035", capAdd: ["ALL"] },
    "caps-secopt-device.json": {
      ...USUAL,
      name: "caps",
      created: "1795427289043044499",
      usernsMode: "host",
      capAdd: ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"],
      capDrop: ["CAP_CHOWN"],
      devices: ["/dev/null:/dev/xnull:rwm"],
      securityOpt: ["seccomp=unconfined", "apparmor=unconfined", "no-new-privileges"],
    },
    // Docker did not start it: an empty array.
    "container-ns.json": undefined,
    "docker-sock-bind.json": {
      ...USUAL,
      name: "sockmnt",
      created: "1795427287695399449",
      mounts: [bind("/srv/dk/docker.sock", "rw", "/var/run/docker.sock")],
    },
    "docker-sock-mount-ro.json": {
      ...USUAL,
      name: "sockmnt2",
      created: "1795427288049703495",
      mounts: [bind("/srv/dk/docker.sock", "ro", "/var/run/docker.sock")],
    },
    "healthcheck.json": {
      ...USUAL,
      name: "hc",
      created: "1795427268802275399",
      imageId: "sha256:d98674f6b7ca8d56ae116a41e2cd2ba691d3a90d51d1cf2024e78e27b84a0251",
      command: ["sleep", "300"],
    },
    "host-namespaces.json": {
      ...USUAL,
      name: "hostns",
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
      created: "1795427288736704849",
      mounts: [bind("/", "ro", "/host")],
    },
    "oom.json": {
      ...USUAL,
      name: "oomer",
      created: "1795427265397436614",
      command: ["sh", "-c", "tail /dev/zero"],
    },
    "plain.json": {
      ...USUAL,
      name: "life",
      created: "1795427243680768221",
      command: ["sh", "-c", 'trap "exit 7" TERM; while :; do sleep 0.2; done'],
    },
    "privileged.json": {
      ...USUAL,
      name: "priv",
      created: "1795427287376518204",
      privileged: true,
      securityOpt: ["label=disable"],
      runtime: "runc-nosr",
    },
    "swarm-task.json": {
      ...USUAL,
      name: "mystack_web.1.sutcqacmuqnmaq2duxafdo6bj",
      created: "1795429703922368499",
      command: ["sleep", "1000"],
      networkMode: "host",
      networks: ["host"],
    },
    "two-networks.json": {
      ...USUAL,
      name: "netc",
      created: "1795427291124711649",
      networkMode: "net1",
      networks: ["net1", "net2"],
    },
  };

  test("are all expected below", () => {
    expect(readdirSync(RECORDED).sort()).toEqual(Object.keys(expected).sort());
  });

  test.each(Object.entries(expected))("%s", (file, inspection) => {
    const answer = recorded(file);
    expect(inspectContainer(answer)).toStrictEqual(inspection);
    const sensitive = ["docker-sock-bind.json", "docker-sock-mount-ro.json", "host-root-bind.json"].includes(file);
    expect(sensitiveMount(inspection?.mounts ?? [], [])).toBe(sensitive);
  });
});

describe("a container's parts", () => {
  const running = { State: { Running: true } };
  const bindings = {
    "80/tcp": [{ HostIp: "", HostPort: "8080" }],
    "81/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }],
    "82/udp": [{ HostIp: "::1", HostPort: "82" }],
  };
  const cases: [what: string, answer: unknown, expected: ContainerInspection][] = [
    ["nothing", {}, {}],
    ["the name's first slash goes, and no other", { Name: "//a/b" }, { name: "/a/b" }],
    ["a name without a slash (podman)", { Name: "web" }, { name: "web" }],
    ["arguments without a program", { Path: "", Args: ["a"] }, {}],
    ["a program without arguments", { Path: "ls", Args: null }, { command: ["ls"] }],
    ["empty arguments stay", { Path: "sh", Args: ["", "-c"] }, { command: ["sh", "", "-c"] }],
    ["a user", { Config: { User: "1000:1000" } }, { user: "1000:1000" }],
    [
      "capabilities have one name however they were asked for",
      { HostConfig: { CapAdd: ["net_admin", "all", "Cap_Sys_Admin", "SYS_TIME"], CapDrop: ["ALL"] } },
      { capAdd: ["CAP_NET_ADMIN", "ALL", "CAP_SYS_ADMIN", "CAP_SYS_TIME"], capDrop: ["ALL"] },
    ],
    [
      "security options have one form however they were asked for",
      { HostConfig: { SecurityOpt: ["seccomp:unconfined", "label=type:a_t", "label:type:a_t", "no-new-privileges"] } },
      { securityOpt: ["seccomp=unconfined", "label=type:a_t", "label=type:a_t", "no-new-privileges"] },
    ],
    [
      "devices",
      { HostConfig: { Devices: [{ PathOnHost: "/dev/sda", PathInContainer: "/dev/x", CgroupPermissions: "r" }] } },
      { devices: ["/dev/sda:/dev/x:r"] },
    ],
    [
      "a device of which only the path is told",
      { HostConfig: { Devices: [{ PathOnHost: "/dev/fuse", CgroupPermissions: null }] } },
      { devices: ["/dev/fuse::"] },
    ],
    ["no restart", { HostConfig: { RestartPolicy: { Name: "", MaximumRetryCount: 0 } } }, { restartPolicy: "no" }],
    ["restarts", { HostConfig: { RestartPolicy: { Name: "always" } } }, { restartPolicy: "always" }],
    [
      "restarts on failure",
      { HostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 0 } } },
      { restartPolicy: "on-failure" },
    ],
    [
      "restarts on failure, counted",
      { HostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 } } },
      { restartPolicy: "on-failure:3" },
    ],
    ["a restart policy without a name", { HostConfig: { RestartPolicy: { MaximumRetryCount: 3 } } }, {}],
    [
      "ports before the start",
      {
        State: { Running: false },
        Config: { ExposedPorts: { "80/tcp": {}, "90/tcp": {} } },
        HostConfig: { PortBindings: bindings },
        NetworkSettings: { Ports: {} },
      },
      { ports: ["8080->80/tcp", "90/tcp", "127.0.0.1:0->81/tcp", "[::1]:82->82/udp"] },
    ],
    [
      "ports of a running container, asked-for ones notwithstanding",
      {
        ...running,
        Config: { ExposedPorts: { "90/tcp": {} } },
        HostConfig: { PortBindings: { "7/tcp": [{ HostIp: "", HostPort: "7" }] } },
        NetworkSettings: {
          Ports: {
            "80/tcp": [
              { HostIp: "0.0.0.0", HostPort: "8080" },
              { HostIp: "::", HostPort: "8080" },
            ],
            "443/tcp": null,
            "53/udp": [],
          },
        },
      },
      { ports: ["0.0.0.0:8080->80/tcp", "[::]:8080->80/tcp", "443/tcp", "53/udp"] },
    ],
    ["no ports in the host's network", { ...running, HostConfig: { PortBindings: bindings } }, {}],
    [
      "all exposed ports are to be published",
      {
        Config: { ExposedPorts: { "80/tcp": {}, "99/tcp": {} } },
        HostConfig: { PublishAllPorts: true, PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "1" }] } },
      },
      { ports: ["1->80/tcp", "0->99/tcp"] },
    ],
    [
      "networks with the names of JavaScript's own",
      { NetworkSettings: { Networks: JSON.parse('{"constructor":{},"prototype":null,"__proto__":{},"toString":1}') } },
      { networks: ["constructor", "prototype", "__proto__", "toString"] },
    ],
    [
      "mounts, by destination",
      {
        Mounts: [
          { Type: "bind", Source: "/etc/localtime", Destination: "/z", Mode: "ro", RW: false },
          { Type: "tmpfs", Source: "", Destination: "/tm2", Mode: "", RW: true },
          { Type: "volume", Name: "v", Source: "/d/volumes/v/_data", Destination: "/a", Mode: "z", RW: true },
          { Type: "bind", Source: "/b", Destination: "/b", Mode: "z,ro" },
          { Type: "bind", Source: "/a:b", Destination: "/B:c", Mode: "ro", RW: true },
          { Destination: "/c" },
          { Type: "bind", Source: "/nowhere" },
        ],
      },
      {
        mounts: [
          { source: "/a:b", destination: "/B:c", mode: "rw", type: "bind" },
          { source: "/d/volumes/v/_data", destination: "/a", mode: "rw", type: "volume" },
          { source: "/b", destination: "/b", mode: "z,ro", type: "bind" },
          { source: "", destination: "/c", mode: "", type: "" },
          { source: "", destination: "/tm2", mode: "rw", type: "tmpfs" },
          { source: "/etc/localtime", destination: "/z", mode: "ro", type: "bind" },
        ],
      },
    ],
  ];
  test.each(cases)("%s", (_, answer, expected) => {
    expect(inspectContainer(answer)).toStrictEqual(expected);
  });

  test("the order of mounts in the answer does not matter", () => {
    const mounts = ["/c", "/a", "/b", "/a/b", "/é"].map((path) => ({ Type: "bind", Source: path, Destination: path }));
    const one = inspectContainer({ Mounts: mounts });
    expect(inspectContainer({ Mounts: mounts.toReversed() })).toStrictEqual(one as ContainerInspection);
  });

  test("environment variables are never taken", () => {
    const Env = ["PASSWORD=hunter2"];
    const answer = { ...(recorded("plain.json") as object), Env, Config: { Env, User: "u" }, ExecIDs: Env };
    expect(JSON.stringify(inspectContainer(answer))).not.toMatch(/hunter2|PASSWORD/);
    expect(JSON.stringify(inspectExec({ Env, ProcessConfig: { Env, env: Env, tty: true } }))).not.toContain("hunter2");
  });
});

describe("a part of the wrong type is absent, and only that part", () => {
  const whole: Record<string, unknown> = {
    ...(recorded("caps-secopt-device.json") as object),
    Mounts: [{ Type: "bind", Source: "/a", Destination: "/b", Mode: "", RW: true }],
  };
  const all = inspectContainer(whole);
  if (all === undefined) throw new Error("the recording is no object");
  const { HostConfig, Config, NetworkSettings } = whole as Record<string, object>;

  const inHost: [part: string, member: keyof ContainerInspection][] = [
    ["Privileged", "privileged"],
    ["PidMode", "pidMode"],
    ["IpcMode", "ipcMode"],
    ["UTSMode", "utsMode"],
    ["UsernsMode", "usernsMode"],
    ["NetworkMode", "networkMode"],
    ["CapAdd", "capAdd"],
    ["CapDrop", "capDrop"],
    ["Devices", "devices"],
    ["SecurityOpt", "securityOpt"],
    ["ReadonlyRootfs", "readonlyRootfs"],
    ["Runtime", "runtime"],
    ["RestartPolicy", "restartPolicy"],
  ];
  const parts: [part: string, member: keyof ContainerInspection, wrong: (value: unknown) => object][] = [
    ["Name", "name", (Name) => ({ Name })],
    ["Created", "created", (Created) => ({ Created })],
    ["Image", "imageId", (Image) => ({ Image })],
    ["Path", "command", (Path) => ({ Path })],
    ["Mounts", "mounts", (Mounts) => ({ Mounts })],
    ["Config.User", "user", (User) => ({ Config: { ...Config, User } })],
    ["Networks", "networks", (Networks) => ({ NetworkSettings: { ...NetworkSettings, Networks } })],
    ...inHost.map(([part, member]): [string, keyof ContainerInspection, (value: unknown) => object] => [
      `HostConfig.${part}`,
      member,
      (value) => ({ HostConfig: { ...HostConfig, [part]: value } }),
    ]),
  ];
  test.each(parts)("%s", (_, member, wrong) => {
    const { [member]: known, ...rest } = all;
    expect(known).toBeDefined();
    for (const value of [undefined, null, 7, {}, [], [[]], [7], [null]]) {
      // An empty object has no names of networks, no name of a policy: absent as well.
      expect(inspectContainer({ ...whole, ...wrong(value) })).toStrictEqual(rest);
    }
  });

  const sections: [section: string, lost: (keyof ContainerInspection)[]][] = [
    ["HostConfig", inHost.map(([, member]) => member)],
    ["Config", ["user"]],
    ["NetworkSettings", ["networks"]],
    ["State", []],
  ];
  test.each(sections)("all of %s", (section, lost) => {
    const rest = Object.fromEntries(Object.entries(all).filter(([member]) => !(lost as string[]).includes(member)));
    for (const value of [undefined, null, 7, "text", [], true])
      expect(inspectContainer({ ...whole, [section]: value })).toStrictEqual(rest);
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
  expect(sensitiveMount(mounts, ["/b", "/c/*/d"])).toBe(false);
  expect(sensitiveMount([bind("/a".repeat(512 * 1024)), bind("../".repeat(350_000))], [])).toBe(true);
  expect(inspectContainer({ Created: "2".repeat(1024 * 1024), Name: "/".repeat(1024 * 1024) })?.name).toHaveLength(
    1024 * 1024 - 1,
  );
  expect(performance.now() - start).toBeLessThan(2000);
});
