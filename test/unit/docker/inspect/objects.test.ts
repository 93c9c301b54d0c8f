/** Images, networks, services, plugins and the engine itself: what is taken of an answer, and what never is. */
import { expect, test } from "bun:test";
import { daemonIdentityOf, engineDefaultsOf, inspectDaemon } from "../../../../src/docker/inspect/daemon.ts";
import { inspectImage } from "../../../../src/docker/inspect/image.ts";
import { inspectNetwork } from "../../../../src/docker/inspect/network.ts";
import { inspectPlugin } from "../../../../src/docker/inspect/plugin.ts";
import { inspectService } from "../../../../src/docker/inspect/service.ts";

const [ONE, TWO] = [`sha256:${"1".repeat(64)}`, `sha256:${"2".repeat(64)}`];

test("an image's digests are each told once, its labels as they are, its environment never", () => {
  const image = inspectImage({
    Id: `sha256:${"3".repeat(64)}`,
    RepoDigests: [`alpine@${ONE}`, `mirror.example:5000/library/alpine@${ONE}`, `own@${TWO}`, "no digest", 7],
    Created: "2026-11-23T09:47:18.966794737Z",
    Config: { Env: ["TOKEN=hunter2"], Labels: { title: "a", __proto__x: "b", wrong: 1 } },
    ContainerConfig: { Env: ["TOKEN=hunter2"] },
  });
  expect(image).toEqual({
    digests: [ONE, TWO],
    labels: [
      ["title", "a"],
      ["__proto__x", "b"],
    ],
    created: "1795427238966794737",
  });
  expect(JSON.stringify(image)).not.toContain("hunter2");
});

test("podman's digest of an image that is of no registry is none that a registry knows", () => {
  expect(inspectImage({ RepoDigests: [`localhost/bb@${ONE}`] })).toEqual({});
  expect(inspectImage({ RepoDigests: [`localhost/bb@${ONE}`, `localhost:5000/bb@${TWO}`] })).toEqual({
    digests: [TWO],
  });
});

test("an image that was never at a registry has no digests; one without a time has none", () => {
  expect(inspectImage({ RepoDigests: [], Created: "0001-01-01T00:00:00Z", Config: { Labels: null } })).toEqual({});
  expect(inspectImage(null)).toBeUndefined();
});

test.each([
  [
    { Driver: "bridge", Internal: true, Options: {} },
    { driver: "bridge", internal: true, encrypted: false },
  ],
  // That the option is there is what counts, whatever its value.
  [
    { Driver: "overlay", Internal: false, Options: { encrypted: "" } },
    { driver: "overlay", internal: false, encrypted: true },
  ],
  [
    { Driver: "overlay", Internal: false, Options: null },
    { driver: "overlay", internal: false, encrypted: false },
  ],
  [
    { Driver: "bridge", Options: { encrypted: "true" } },
    { driver: "bridge", encrypted: false },
  ],
  [{ Driver: "", Internal: false, Options: null }, { internal: false }],
  [{}, {}],
])("a network %j", (json, expected) => {
  expect(inspectNetwork(json)).toEqual(expected);
});

test("of a service its image, its mounts and its capabilities are taken, and no secret", () => {
  const ContainerSpec = {
    Image: `bb:1@${ONE}`,
    Env: ["TOKEN=hunter2"],
    Mounts: [
      { Type: "bind", Source: "/etc", Target: "/host", ReadOnly: true },
      {
        Type: "volume",
        Source: "v",
        Target: "/data",
        VolumeOptions: { DriverConfig: { Options: { o: "password=hunter2" } } },
      },
    ],
    CapabilityAdd: ["sys_admin", "CAP_NET_ADMIN"],
    Secrets: [{ SecretName: "hunter2" }],
    Privileges: { CredentialSpec: { Registry: "hunter2" } },
  };
  const LogDriver = { Name: "splunk", Options: { "splunk-token": "hunter2" } };
  const service = inspectService({ ID: "x", Spec: { TaskTemplate: { ContainerSpec, LogDriver } } });
  expect(service).toEqual({
    image: `bb:1@${ONE}`,
    mounts: [
      { source: "/etc", destination: "/host", mode: "ro", type: "bind" },
      { source: "v", destination: "/data", mode: "rw", type: "volume" },
    ],
    capAdd: ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"],
  });
  expect(JSON.stringify(service)).not.toContain("hunter2");
  expect(inspectService({ Spec: null })).toEqual({});
});

test("of a plugin what it was granted is told, as it was set", () => {
  const Config = {
    Env: [{ Name: "TOKEN", Value: "hunter2" }],
    Network: { Type: "host" },
    IpcHost: true,
    PidHost: true,
    Mounts: [{ Source: "/default" }],
    Linux: { Capabilities: ["CAP_SYS_ADMIN"], AllowAllDevices: true, Devices: [{ Path: "/dev/null" }] },
  };
  const Settings = {
    Env: ["TOKEN=hunter2"],
    Mounts: [{ Source: "/var/run" }, { Source: null }],
    Devices: [{ Path: "/dev/fuse" }],
  };
  const plugin = inspectPlugin({ Config, Settings });
  const own = [
    "network=host",
    "ipc=host",
    "pid=host",
    "mount=/var/run",
    "device=/dev/fuse",
    "device=all",
    "CAP_SYS_ADMIN",
  ];
  expect(plugin).toEqual({ privileges: own });
  expect(inspectPlugin({ Config: { Network: { Type: "bridge" }, Mounts: [{ Source: "/x" }] } })).toEqual({
    privileges: ["mount=/x"],
  });
  expect(inspectPlugin({ Config: { Network: { Type: "none" } } })).toEqual({});
});

/** As dockerd 20.10.24 answers with `-H tcp://127.0.0.1:23755`, and without. */
const WARNING =
  "WARNING: API is accessible on http://127.0.0.1:23755 without encryption.\n         Access to the remote API is equivalent to root access on the host. Refer\n         to the 'Docker daemon attack surface'";

test("what an engine says of itself", () => {
  const info = {
    ID: "D75Y:45VW",
    Name: "vm",
    SecurityOptions: ["name=seccomp,profile=default", "name=rootless"],
    Plugins: { Authorization: ["opa"] },
    Swarm: { LocalNodeState: "active" },
    Warnings: [WARNING, "WARNING: IPv4 forwarding is disabled"],
    HttpProxy: "http://user:hunter2@proxy",
  };
  expect(inspectDaemon(info)).toEqual({
    warnings: [
      "WARNING: API is accessible on http://127.0.0.1:23755 without encryption. Access to the remote API is equivalent to root access on the host. Refer to the 'Docker daemon attack surface'",
      "WARNING: IPv4 forwarding is disabled",
    ],
    securityOptions: info.SecurityOptions,
    authorization: ["opa"],
    rootless: true,
    swarm: "active",
    insecure: true,
  });
  // As podman 4.3.1 answers that a user runs.
  expect(inspectDaemon({ SecurityOptions: ["name=seccomp,profile=default"], Rootless: true })?.rootless).toBe(true);
  expect(inspectDaemon({ SecurityOptions: ["name=seccomp,profile=default"], Rootless: false })?.rootless).toBe(false);
  expect(inspectDaemon({})?.rootless).toBeUndefined();
  expect(daemonIdentityOf(info)).toEqual({ id: "D75Y:45VW", name: "vm" });
  expect(daemonIdentityOf({ Name: "vm" })).toBeUndefined();
  const defaultsOf = (json: unknown, apiVersion?: string, isPodman = false) =>
    engineDefaultsOf(json, { apiVersion, isPodman });
  expect(defaultsOf(info)).toEqual({ securityOptions: info.SecurityOptions, tellsNoNewPrivileges: false });
  for (const [version, isPodman, tells] of [
    ["1.41", false, false],
    ["1.42", false, false],
    ["1.43", false, true],
    ["1.51", false, true],
    ["1.41", true, true],
  ] as const)
    expect(defaultsOf(info, version, isPodman)?.tellsNoNewPrivileges).toBe(tells);
  // That it protects containers with nothing is another thing than that it does not say.
  expect(defaultsOf({ SecurityOptions: [] })).toEqual({ securityOptions: [], tellsNoNewPrivileges: false });
  for (const silent of [{}, { SecurityOptions: null }, null]) expect(defaultsOf(silent)).toBeUndefined();
});

test.each([
  [null, false],
  [["WARNING: No swap limit support"], false],
  // Engine 29's words (moby: daemon/info.go).
  [["[DEPRECATION NOTICE]: API is accessible on http://0.0.0.0:2375 without encryption."], true],
  [["[DEPRECATION NOTICE]: API is accessible on https://0.0.0.0:2376 without TLS client verification."], true],
])("with the warnings %j the API is open to everybody: %p", (Warnings, insecure) => {
  const { warnings: _, ...rest } = inspectDaemon({ Warnings }) ?? {};
  expect(rest).toEqual({ insecure });
});
