/** Which paths of the host a container should not be given, and whether one was. */
import type { ContainerMount } from "../docker/inspect/container.ts";

/** A path of the host that a container should not have. The table is documentation, too. */
export interface SensitivePath {
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
  paths: readonly string[],
  reason: string,
  when: SensitivePath["when"] = "always",
  below = true,
): SensitivePath[] {
  return paths.map((path) => Object.freeze({ path, below, when, reason }));
}

/**
 * Sensitive paths of a Linux host. Of the entries that a path lies in, the longest one decides.
 *
 * A socket mounted read-only is as good as a writable one: connecting is not writing. That is why sockets are in here
 * as `always`.
 */
export const SENSITIVE_PATHS: readonly SensitivePath[] = Object.freeze([
  ...entries(["/"], "the host's whole file system", "always", false),

  ...entries(
    ["docker.sock", "podman.sock", "containerd.sock", "crio.sock", "cri-dockerd.sock", "buildkitd.sock"],
    "a container engine's socket: who can connect starts containers with all of the host in them",
    "always",
    false,
  ),
  ...entries(
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
    ["/run/dbus/system_bus_socket", "/run/systemd/private"],
    "systemd obeys what root asks here: it starts any program on the host",
  ),

  ...entries(["/proc"], "the host's processes, their memory and root folders; kernel settings such as core_pattern"),
  ...entries(["/sys"], "the kernel's and the devices' settings"),
  ...entries(["/sys/fs/cgroup"], "control groups: read by many images; written, a way out (release_agent)", "writable"),
  ...entries(["/dev"], "the host's devices, its disks among them"),
  ...entries(
    ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"],
    "the devices that each container has anyway; /dev/null is mounted over files to hide them",
    "never",
    false,
  ),

  ...entries(["/etc"], "the host's accounts, password hashes, keys and settings, scheduled jobs"),
  ...entries(
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
    "writable",
  ),
  ...entries(["/boot"], "the kernel and the boot loader's settings and password hashes"),
  ...entries(["/root"], "root's home: keys, credentials, what root's shell runs at its start"),
  ...entries(
    ["/home/*"],
    "all of a user's home: keys, credentials, what the shell runs at its start (but a project's folder in it is not)",
    "always",
    false,
  ),
  ...entries(
    [
      "/home/*/.ssh",
      "/home/*/.gnupg",
      "/home/*/.docker",
      "/home/*/.kube",
      "/home/*/.aws",
      "/home/*/.azure",
      "/home/*/.config/gcloud",
    ],
    "a user's keys and credentials for other machines, clusters, registries and clouds",
  ),

  ...entries(
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
    ["/var/lib/kubelet", "/var/lib/etcd", "/var/lib/rancher"],
    "Kubernetes' own data: the node's credentials, secrets and volumes of all pods, the cluster's database",
  ),
  ...entries(["/var/spool/cron"], "jobs that the host runs as their users, root among them", "writable"),
  ...entries(["/var/log"], "the host's logs: shippers read them; written, traces can be wiped out", "writable"),
  ...entries(["/lib/modules"], "kernel modules: VPN images read them; written, code for the kernel", "writable"),
  ...entries(
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"],
    "the host's programs and libraries: public to read; written, code that root runs",
    "writable",
  ),
]);

/** The components of a path, by its text alone: symbolic links of the host cannot be seen from here. */
function componentsOf(path: string): string[] {
  const components: string[] = [];
  for (const component of path.split("/")) {
    if (component === "..") components.pop();
    else if (component !== "" && component !== ".") components.push(component);
  }
  // A link to /run on every host of today; the engine gives the path as it was asked for.
  return components[0] === "var" && components[1] === "run" ? components.slice(1) : components;
}

interface Pattern extends Pick<SensitivePath, "below" | "when"> {
  readonly components: readonly string[];
}

interface Patterns {
  /** File names that count wherever they lie. */
  readonly names: ReadonlySet<string>;
  readonly paths: readonly Pattern[];
}

function compile(list: readonly Omit<SensitivePath, "reason">[]): Patterns {
  const isName = ({ path }: Pick<SensitivePath, "path">) => !path.includes("/");
  return {
    names: new Set(list.filter(isName).map(({ path }) => path)),
    paths: list
      .filter((entry) => !isName(entry))
      .map(({ path, below, when }) => ({ components: componentsOf(path), below, when })),
  };
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

function isSensitive({ names, paths }: Patterns, source: readonly string[], writable: boolean): boolean {
  if (names.has(source.at(-1) ?? "")) return true;
  let deciding: Pattern | undefined;
  for (const pattern of paths) {
    if (holds(source, pattern) && counts(pattern, writable)) return true;
    if (covers(pattern, source) && pattern.components.length >= (deciding?.components.length ?? 0)) deciding = pattern;
  }
  return deciding !== undefined && counts(deciding, writable);
}

/**
 * Whether a container was given a sensitive path of the host: one of SENSITIVE_PATHS, or one of `extra`, which are
 * written like the table's and count with all that lies below them, read-only too (so `/` makes every bind mount
 * sensitive). The engine's own socket and data folder, where they are not at the usual place, belong in `extra`.
 *
 * Only mounts of type `bind` are looked at: their source is a path that somebody chose. A volume's is the engine's own
 * (`/var/lib/docker/volumes/<name>/_data`); that a volume of the local driver was made to be a bind mount (its options
 * `type=none,o=bind,device=/etc`) is not in the container's inspection and cannot be seen here, and neither can a
 * symbolic link on the host.
 */
export function sensitiveMount(mounts: readonly ContainerMount[], extra: readonly string[]): boolean {
  const added = compile(extra.map((path) => ({ path, below: true, when: "always" })));
  return mounts.some(({ type, source, mode }) => {
    if (type !== "bind") return false;
    const components = componentsOf(source);
    const writable = !mode.split(",").includes("ro");
    return isSensitive(BUILT_IN, components, writable) || isSensitive(added, components, writable);
  });
}
