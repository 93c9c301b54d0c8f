/** Which paths of the host a container should not be given, and which kinds of them one was. */
import { componentsOf } from "../docker/host_path.ts";
import type { ContainerMount } from "../docker/inspect/mounts.ts";

/** What a sensitive path gives, in the order in which lists hold it. `custom` is the setting's. */
export const SENSITIVE_KINDS = [
  "host_root",
  "engine_socket",
  "system_bus",
  "proc",
  "sys",
  "cgroup",
  "dev",
  "etc",
  "boot",
  "home",
  "keys",
  "engine_data",
  "kube",
  "cron",
  "log",
  "kernel_modules",
  "programs",
  "custom",
] as const;

export type SensitiveKind = (typeof SENSITIVE_KINDS)[number];

/** A path of the host that a container should not have. The table is documentation, too. */
export interface SensitivePath {
  readonly kind: Exclude<SensitiveKind, "custom">;
  /**
   * An absolute path, `*` standing for one component of any name; `/run` stands for `/var/run` too. Without any slash:
   * a file's name, wherever it lies.
   */
  readonly path: string;
  /** Whether what lies below it counts as it does. What holds it counts always: `/var` gives `/var/lib/docker`. */
  readonly below: boolean;
  /** `writable`: read-only, it gives nothing away. `never`: an exception from an entry above it. */
  readonly when: "always" | "writable" | "never";
  readonly reason: string;
}

function entries(
  kind: SensitivePath["kind"],
  paths: readonly string[],
  reason: string,
  { when = "always", below = true }: Partial<Pick<SensitivePath, "when" | "below">> = {},
): SensitivePath[] {
  return paths.map((path) => Object.freeze({ kind, path, below, when, reason }));
}

const USERS_KEYS = [".ssh", ".gnupg", ".docker", ".kube", ".aws", ".azure", ".config/gcloud"];

/**
 * Sensitive paths of a Linux host. Of the entries that a path lies in, the longest one decides whether it is sensitive,
 * and then the kinds of all of them count.
 *
 * A socket mounted read-only is as good as a writable one: connecting is not writing. That is why sockets are in here
 * as `always`.
 */
export const SENSITIVE_PATHS: readonly SensitivePath[] = Object.freeze([
  ...entries("host_root", ["/"], "the host's whole file system", { below: false }),

  ...entries(
    "engine_socket",
    ["docker.sock", "podman.sock", "containerd.sock", "crio.sock", "cri-dockerd.sock", "buildkitd.sock"],
    "a container engine's socket: who can connect starts containers with all of the host in them",
    { below: false },
  ),
  ...entries(
    "engine_socket",
    [
      "/run/docker.sock",
      "/run/docker",
      "/run/containerd",
      "/run/podman",
      "/run/crio",
      "/run/cri-dockerd.sock",
      "/run/buildkit",
      "/run/user/*/docker.sock",
      "/run/user/*/podman",
    ],
    "a container engine's socket or the folder that holds it and the state of what runs",
  ),
  ...entries(
    "system_bus",
    ["/run/dbus/system_bus_socket", "/run/systemd/private"],
    "systemd obeys what root asks here: it starts any program on the host",
  ),

  ...entries(
    "proc",
    ["/proc"],
    "the host's processes, their memory and root folders; kernel settings such as core_pattern",
  ),
  ...entries("sys", ["/sys"], "the kernel's and the devices' settings"),
  ...entries("cgroup", ["/sys/fs/cgroup"], "control groups: read by many images; written, a way out (release_agent)", {
    when: "writable",
  }),
  ...entries("dev", ["/dev"], "the host's devices, its disks among them"),
  ...entries(
    "dev",
    ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"],
    "the devices that each container has anyway; /dev/null is mounted over files to hide them",
    { when: "never", below: false },
  ),

  ...entries("etc", ["/etc"], "the host's accounts, password hashes, keys and settings, scheduled jobs"),
  ...entries(
    "etc",
    [
      "/etc/localtime",
      "/etc/timezone",
      "/etc/hostname",
      "/etc/hosts",
      "/etc/resolv.conf",
      "/etc/os-release",
      "/etc/ssl/certs",
      "/etc/ca-certificates",
      "/etc/pki/ca-trust",
    ],
    "settings that hold no secret and that many images are given to read; written, they redirect or deceive the host",
    { when: "writable" },
  ),
  ...entries("boot", ["/boot"], "the kernel and the boot loader's settings and password hashes"),
  ...entries("home", ["/root"], "root's home: keys, credentials, what root's shell runs at its start"),
  ...entries(
    "home",
    ["/home/*"],
    "all of a user's home: keys, credentials, what the shell runs at its start (but a project's folder in it is not)",
    { below: false },
  ),
  ...entries(
    "keys",
    ["/home/*", "/root"].flatMap((home) => USERS_KEYS.map((folder) => `${home}/${folder}`)),
    "a user's keys and credentials for other machines, clusters, registries and clouds",
  ),
  ...entries("keys", ["/etc/ssh", "/etc/ssl/private", "/etc/pki/tls/private"], "the host's own keys"),

  ...entries(
    "engine_data",
    [
      "/var/lib/docker",
      "/var/snap/docker",
      "/var/lib/containerd",
      "/var/lib/containers",
      "/home/*/.local/share/docker",
      "/home/*/.local/share/containers",
    ],
    "an engine's own data: file systems, volumes, environment variables and logs of all containers, swarm's keys",
  ),
  ...entries(
    "kube",
    ["/var/lib/kubelet", "/var/lib/etcd", "/var/lib/rancher", "/etc/kubernetes", "/etc/rancher"],
    "Kubernetes' own data: the node's credentials, secrets and volumes of all pods, the cluster's database",
  ),
  ...entries(
    "cron",
    ["/etc/crontab", "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly"],
    "jobs that the host runs as root",
  ),
  ...entries("cron", ["/var/spool/cron"], "jobs that the host runs as their users, root among them", {
    when: "writable",
  }),
  ...entries("log", ["/var/log"], "the host's logs: shippers read them; written, traces can be wiped out", {
    when: "writable",
  }),
  ...entries(
    "kernel_modules",
    ["/lib/modules", "/usr/lib/modules"],
    "kernel modules: VPN images read them; written, code for the kernel",
    { when: "writable" },
  ),
  ...entries(
    "programs",
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"],
    "the host's programs and libraries: public to read; written, code that root runs",
    { when: "writable" },
  ),
]);

type Entry = Pick<SensitivePath, "path" | "below" | "when"> & { readonly kind: SensitiveKind };

interface Pattern extends Omit<Entry, "path"> {
  readonly components: readonly string[];
}

interface Patterns {
  /** The kinds of file names that count wherever they lie. */
  readonly names: ReadonlyMap<string, SensitiveKind>;
  readonly paths: readonly Pattern[];
  /** The paths by their first component; `*` and none at all are under `*`. */
  readonly byFirst: ReadonlyMap<string, readonly Pattern[]>;
}

function compile(list: readonly Entry[]): Patterns {
  const isName = ({ path }: Entry) => !path.includes("/");
  const paths = list
    .filter((entry) => !isName(entry))
    .map(({ kind, path, below, when }): Pattern => ({ kind, components: componentsOf(path), below, when }));
  return {
    names: new Map(list.filter(isName).map(({ path, kind }) => [path, kind])),
    paths,
    byFirst: Map.groupBy(paths, ({ components }) => components[0] ?? "*"),
  };
}

/** The patterns that may have to do with a path: the root holds all of them. */
function nearby({ paths, byFirst }: Patterns, [first]: readonly string[]): readonly Pattern[] {
  if (first === undefined) return paths;
  return [...(byFirst.get(first) ?? []), ...(first === "*" ? [] : (byFirst.get("*") ?? []))];
}

const BUILT_IN = compile(SENSITIVE_PATHS);

/** Whether the first `count` components of a path are those of a pattern. */
function agree({ components }: Pattern, source: readonly string[], count: number): boolean {
  for (let i = 0; i < count; i++) if (components[i] !== "*" && components[i] !== source[i]) return false;
  return true;
}

/** Whether a path is a pattern's path, or lies in it where that counts. */
function covers(pattern: Pattern, source: readonly string[]): boolean {
  const { length } = pattern.components;
  return (source.length === length || (source.length > length && pattern.below)) && agree(pattern, source, length);
}

/** Whether a path is above a pattern's. */
function holds(source: readonly string[], pattern: Pattern): boolean {
  return source.length < pattern.components.length && agree(pattern, source, source.length);
}

function counts({ when }: Pattern, writable: boolean): boolean {
  return when === "always" || (when === "writable" && writable);
}

/** Adds the kinds of what a path holds, and of what it lies in. */
function addKinds(patterns: Patterns, source: readonly string[], writable: boolean, kinds: Set<SensitiveKind>) {
  const named = patterns.names.get(source.at(-1) ?? "");
  if (named !== undefined) kinds.add(named);
  const around: Pattern[] = [];
  let deciding: Pattern | undefined;
  for (const pattern of nearby(patterns, source)) {
    if (holds(source, pattern) && counts(pattern, writable)) kinds.add(pattern.kind);
    if (!covers(pattern, source)) continue;
    around.push(pattern);
    if (pattern.components.length >= (deciding?.components.length ?? 0)) deciding = pattern;
  }
  if (deciding === undefined || !counts(deciding, writable)) return;
  for (const pattern of around) if (counts(pattern, writable)) kinds.add(pattern.kind);
}

/** What is given of the host. */
interface Given {
  readonly path: string;
  readonly writable: boolean;
}

function kindsOf(given: readonly Given[], extra: readonly string[]): SensitiveKind[] {
  const added = compile(extra.map((path) => ({ kind: "custom", path, below: true, when: "always" })));
  const kinds = new Set<SensitiveKind>();
  for (const { path, writable } of given) {
    const components = componentsOf(path);
    for (const patterns of [BUILT_IN, added]) addKinds(patterns, components, writable, kinds);
  }
  return SENSITIVE_KINDS.filter((kind) => kinds.has(kind));
}

/**
 * The kinds of what one path of the host gives: those of SENSITIVE_PATHS that it lies in or that lie in it, and `custom`
 * for `extra`, whose paths are written like the table's and count with all that lies below them, read-only too (so `/`
 * makes every path sensitive). The engine's own socket and data folder, where they are not at the usual place, belong in
 * `extra`. In the order of SENSITIVE_KINDS; empty where it is harmless. A symbolic link of the host's cannot be seen.
 */
export const sensitiveKinds = (path: string, writable: boolean, extra: readonly string[]): SensitiveKind[] =>
  kindsOf([{ path, writable }], extra);

/**
 * The kinds of what a container was given of the host by its mounts, as `sensitiveKinds` says them.
 *
 * Only mounts of type `bind` are looked at: their source is a path that somebody chose. A volume's is the engine's own
 * (`/var/lib/docker/volumes/<name>/_data`); where a volume of the local driver leads (its options
 * `type=none,o=bind,device=/etc`) is not in the container's inspection.
 */
export function sensitiveMounts(mounts: readonly ContainerMount[], extra: readonly string[]): SensitiveKind[] {
  const binds = mounts.filter(({ type }) => type === "bind");
  return kindsOf(
    binds.map(({ source, mode }) => ({ path: source, writable: !mode.split(",").includes("ro") })),
    extra,
  );
}
