import { describe, expect, test } from "bun:test";
import type { ContainerMount } from "../../../src/docker/inspect/mounts.ts";
import {
  SENSITIVE_KINDS,
  SENSITIVE_PATHS,
  type SensitiveKind,
  sensitiveKinds,
  sensitiveMounts,
} from "../../../src/sensor/sensitive_paths.ts";

const sensitiveMount = (mounts: readonly ContainerMount[], extra: readonly string[]): boolean =>
  sensitiveMounts(mounts, extra).length > 0;

function bind(source: string, mode = "rw", destination = "/x"): ContainerMount {
  return { source, destination, mode, type: "bind" };
}

describe("sensitive mounts", () => {
  const always = [
    // The root, however it is written.
    "/",
    "//",
    "/.",
    "/..",
    "/a/..",
    "/../..",
    "",
    // The engine's socket, wherever it lies and whatever holds it.
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run//docker.sock/",
    "/var/lib/../run/./docker.sock",
    "/srv/dk/docker.sock",
    "/run",
    "/var/run",
    "/var/run/",
    "/run/containerd/containerd.sock",
    "/var/run/crio/crio.sock",
    "/run/podman",
    "/run/user/1000",
    "/run/user/1000/docker.sock",
    "/run/user/1000/podman/podman.sock",
    "/run/user",
    "/run/k3s/containerd/containerd.sock",
    "/var/run/dbus/system_bus_socket",
    "/var/run/../etc",
    // The kernel's.
    "/proc",
    "/proc/1/root",
    "/sys",
    "/sys/kernel/debug",
    "/sys/fs",
    "/dev",
    "/dev/sda",
    "/dev/mem",
    // The host's.
    "/etc",
    "/etc/shadow",
    "/etc/kubernetes/manifests",
    "/etc/ssl",
    "/etc/ssl/private",
    "/boot",
    "/boot/grub/grub.cfg",
    "/root",
    "/root/.ssh/id_ed25519",
    "/home",
    "/home/alice",
    "/home/alice/",
    "/home/alice/.ssh",
    "/home/alice/.ssh/id_rsa",
    "/home/alice/project/../.kube/config",
    "/home/alice/.config",
    "/home/alice/.local",
    // The engines' data.
    "/var",
    "/var/lib",
    "/var/lib/docker",
    "/var/lib/docker/containers",
    "/var/lib/docker/volumes/other/_data",
    "/var/lib/containerd",
    "/var/lib/containers/storage",
    "/var/lib/kubelet/pki",
  ];
  test.each(always)("%p is, writable or not", (source) => {
    expect(sensitiveMount([bind(source, "rw")], [])).toBe(true);
    expect(sensitiveMount([bind(source, "ro")], [])).toBe(true);
  });

  const writable = [
    "/etc/localtime",
    "/etc/hosts",
    "/etc/ssl/certs",
    "/etc/ssl/certs/ca-certificates.crt",
    "/sys/fs/cgroup",
    "/sys/fs/cgroup/memory",
    "/usr",
    "/usr/local/bin",
    "/usr/share/zoneinfo",
    "/bin",
    "/lib/modules",
    "/lib",
    "/var/log",
    "/var/log/nginx",
    "/var/spool",
    "/var/spool/cron/crontabs",
  ];
  test.each(writable)("%p is where it is writable", (source) => {
    expect(sensitiveMount([bind(source, "rw")], [])).toBe(true);
    expect(sensitiveMount([bind(source, "z")], [])).toBe(true);
    expect(sensitiveMount([bind(source, "")], [])).toBe(true);
    expect(sensitiveMount([bind(source, "ro")], [])).toBe(false);
    expect(sensitiveMount([bind(source, "z,ro")], [])).toBe(false);
  });

  const harmless = [
    "/dev/null",
    "/dev/urandom",
    "/srv",
    "/srv/app",
    "/data",
    "/opt/app/etc",
    "/etcetera",
    "/rooted",
    "/processes",
    "/usrlocal",
    "/var/lib/dockerish",
    "/var/lib/mysql",
    "/run/udev",
    "/var/runner",
    "/var/www/html",
    "/home/alice/project",
    "/home/alice/project/.ssh",
    "/home/alice/.sshd",
    "/srv/docker.sock.d",
    "/srv/docker.socket",
    "/tmp",
    "/tmp/.X11-unix",
    "/root/../srv",
    "/mnt/etc/shadow",
    "/*",
  ];
  test.each(harmless)("%p is not", (source) => {
    expect(sensitiveMount([bind(source, "rw")], [])).toBe(false);
  });

  const all = SENSITIVE_KINDS.filter((kind) => kind !== "custom");
  const kinds: [path: string, writable: SensitiveKind[], readOnly: SensitiveKind[]][] = [
    ["/", all, all.filter((kind) => !["cgroup", "log", "kernel_modules", "programs"].includes(kind))],
    ["/run", ["engine_socket", "system_bus"], ["engine_socket", "system_bus"]],
    ["/srv/docker.sock", ["engine_socket"], ["engine_socket"]],
    ["/var", ["engine_data", "kube", "cron", "log"], ["engine_data", "kube"]],
    ["/sys", ["sys", "cgroup"], ["sys"]],
    ["/sys/fs/cgroup/x", ["sys", "cgroup"], []],
    ["/dev/null", [], []],
    ["/etc", ["etc", "keys", "kube", "cron"], ["etc", "keys", "kube", "cron"]],
    ["/etc/localtime", ["etc"], []],
    ["/etc/cron.d/x", ["etc", "cron"], ["etc", "cron"]],
    ["/etc/ssh", ["etc", "keys"], ["etc", "keys"]],
    ["/etc/kubernetes/pki", ["etc", "kube"], ["etc", "kube"]],
    ["/root", ["home", "keys"], ["home", "keys"]],
    ["/root/.ssh/id", ["home", "keys"], ["home", "keys"]],
    ["/home", ["home", "keys", "engine_data"], ["home", "keys", "engine_data"]],
    ["/home/alice/.ssh", ["keys"], ["keys"]],
    ["/home/alice/project", [], []],
    ["/lib/modules/6.1", ["kernel_modules", "programs"], []],
    ["/usr", ["kernel_modules", "programs"], []],
    ["/proc/1/root/etc", ["proc"], ["proc"]],
    ["/boot", ["boot"], ["boot"]],
    ["/srv", [], []],
  ];
  test.each(kinds)("%p gives %j, and read-only %j", (path, writable, readOnly) => {
    expect(sensitiveKinds(path, true, [])).toEqual(writable);
    expect(sensitiveKinds(path, false, [])).toEqual(readOnly);
  });

  test("the kinds of several mounts, each once, and of the setting", () => {
    const mounts = [bind("/etc/ssh"), bind("/srv/a", "ro"), bind("/etc/hosts"), bind("/var/log")];
    expect(sensitiveMounts(mounts, ["/srv"])).toEqual(["etc", "keys", "log", "custom"]);
    expect(sensitiveKinds("/", false, ["/srv"])).toContain("custom");
    expect(sensitiveKinds("/etc", false, ["/etc"])).toEqual(["etc", "keys", "kube", "cron", "custom"]);
  });

  test("only bind mounts are looked at", () => {
    for (const type of ["volume", "tmpfs", "npipe", "cluster", "image", "", "BIND"]) {
      expect(sensitiveMount([{ ...bind("/var/lib/docker/volumes/v/_data"), type }], [])).toBe(false);
      expect(sensitiveMount([{ ...bind("/"), type }], ["/"])).toBe(false);
    }
  });

  test("the destination does not matter", () => {
    expect(sensitiveMount([bind("/srv", "rw", "/etc"), bind("/data", "rw", "/")], [])).toBe(false);
  });

  test("one of many is enough", () => {
    expect(sensitiveMount([bind("/srv"), bind("/data"), bind("/etc", "ro")], [])).toBe(true);
    expect(sensitiveMount([], ["/"])).toBe(false);
  });

  const extra: [source: string, extra: string[], expected: boolean][] = [
    ["/srv/secrets", ["/srv/secrets"], true],
    ["/srv/secrets/a/b", ["/srv/secrets/"], true],
    ["/srv", ["/srv/./x/../secrets"], true],
    ["/srv/secretsauce", ["/srv/secrets"], false],
    ["/srv/other", ["/data", "/srv/secrets"], false],
    ["/srv/a/keys/k", ["/srv/*/keys"], true],
    ["/srv/a/b/keys", ["/srv/*/keys"], false],
    ["/anywhere/engine.sock", ["engine.sock"], true],
    ["/anywhere/engine.sock/below", ["engine.sock"], false],
    ["/run/my.sock", ["/var/run/my.sock"], true],
    ["/etc/localtime", ["/etc/localtime"], true],
    ["/dev/null", ["/dev"], true],
    ["/srv", ["/"], true],
    ["/srv", [""], false],
  ];
  test.each(extra)("%p with %p added", (source, added, expected) => {
    expect(sensitiveMount([bind(source, "ro")], added)).toBe(expected);
  });

  test("what is added takes nothing away", () => {
    for (const source of always) expect(sensitiveMount([bind(source)], ["/srv/x", "x"])).toBe(true);
  });

  test("the table is fit to be documentation", () => {
    expect(Object.isFrozen(SENSITIVE_PATHS)).toBe(true);
    const paths = SENSITIVE_PATHS.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    expect(new Set(SENSITIVE_PATHS.map(({ kind }) => kind))).toEqual(new Set(all));
    for (const entry of SENSITIVE_PATHS) {
      expect(Object.isFrozen(entry)).toBe(true);
      expect(entry.reason.length).toBeGreaterThan(10);
      expect(entry.path).toMatch(/^(\/|(\/[\w.*-]+)+|[\w.-]+)$/);
      // /var/run would never be compared: it is read as /run.
      expect(entry.path).not.toStartWith("/var/run");
      // Each entry does what it says.
      const example = bind(entry.path.replaceAll("*", "any").replace(/^(?!\/)/, "/srv/"));
      expect(sensitiveMount([example], [])).toBe(entry.when !== "never");
      expect(sensitiveMount([{ ...example, mode: "ro" }], [])).toBe(entry.when === "always");
      if (entry.when !== "never") expect(sensitiveMounts([example], [])).toContain(entry.kind);
    }
  });
});
