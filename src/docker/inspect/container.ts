/**
 * What inspecting a container tells: from the engine's answer to a compact object. Pure functions; nothing here asks an
 * engine. Environment variables are never taken: they hold secrets.
 *
 * The shapes are moby's (api/types/container: container.go, hostconfig.go, network_settings.go, exec.go), the remarks
 * on values were checked against dockerd 20.10.24 (API 1.41).
 */
import * as v from "valibot";
import { bool, compact, isMap, listOf, map, nanosecondsText, part, text, texts } from "../../base/lenient.ts";
import { nanoseconds } from "../../base/time.ts";
import { commandOf } from "./command.ts";

/** A mount of a container. A text that the engine does not give is empty. */
export const containerMount = v.object({
  /** The path on the engine's host; for a volume where it is stored, for a tmpfs empty. */
  source: v.string(),
  /** The path in the container. */
  destination: v.string(),
  /** `ro` or `rw`; where the engine does not say which, the options it lists instead (`z,ro`). */
  mode: v.string(),
  /** `bind`, `volume`, `tmpfs`, `npipe`, `cluster` or `image` (api/types/mount). */
  type: v.string(),
});

export type ContainerMount = Readonly<v.InferOutput<typeof containerMount>>;

/**
 * What `GET /containers/{id}/json` tells, made small. A text is empty where the engine gives it so (mostly: its
 * default); a member is absent where the engine gives none or one of a wrong type. A list is never empty: Falco cannot
 * tell an empty list from an absent one.
 */
export const containerInspection = v.object({
  /** Without the engine's leading slash. */
  name: text,
  /** Nanoseconds since 1970 in decimal digits, exact: 0 to 2^64-1. */
  created: nanosecondsText,
  /** The image's id as the engine writes it: `sha256:` and 64 hex digits; podman leaves `sha256:` out. */
  imageId: text,
  /** The entrypoint and its arguments. */
  command: texts,
  /**
   * `user`, `uid`, `user:group` …, from the command or else from the image (moby 28.5.2: daemon/commit.go, merge). Empty:
   * neither names one, which means root.
   */
  user: text,
  privileged: bool,
  /** `host`, `container:<id>`, or empty: one of its own. */
  pidMode: text,
  /** `none`, `private`, `shareable`, `host`, `container:<id>`. */
  ipcMode: text,
  /** `host`, or empty: one of its own. */
  utsMode: text,
  /** `host`, or empty: the engine's setting. */
  usernsMode: text,
  /** `none`, `host`, `bridge`, `default`, `container:<id>`, or a network's name. */
  networkMode: text,
  /** `CAP_SYS_ADMIN` …, or `ALL`; always written so, however it was asked for. */
  capAdd: texts,
  capDrop: texts,
  /** `host:container:permissions`, permissions out of `rwm`; a part that was not given is empty. */
  devices: texts,
  /** `seccomp=unconfined`, `no-new-privileges` …; always with `=`. A seccomp profile of one's own is here as a whole. */
  securityOpt: texts,
  /**
   * `0.0.0.0:8080->80/tcp`, `[::]:8080->80/tcp`; `80/tcp` is exposed only. What a running container has, else what it
   * is to have: then `8080->80/tcp` lets the engine choose the address, and port 0 lets it choose the port.
   */
  ports: texts,
  /** Names of the networks it is connected to. */
  networks: texts,
  /** By destination. */
  mounts: listOf(containerMount),
  readonlyRootfs: bool,
  /** `runc`, or what the engine was set up with. */
  runtime: text,
  /** `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:3` (at most 3 times). */
  restartPolicy: text,
});

export type ContainerInspection = Readonly<v.InferOutput<typeof containerInspection>>;

// Not v.record: it leaves out the keys `constructor` and `prototype`, and a network may be called so.
const keys = part(v.pipe(map, v.transform(Object.keys)));

/** network_settings.go and nat's PortMap: `80/tcp` to where it is published; null where it is exposed only. */
const portMap = part(
  v.pipe(
    map,
    v.transform((ports) => Object.entries(ports)),
    v.array(v.tuple([v.string(), listOf(v.object({ HostIp: text, HostPort: text }))])),
  ),
);

/** The parts that are read of `GET /containers/{id}/json`. */
const containerAnswer = v.object({
  Name: text,
  Created: text,
  Image: text,
  Path: text,
  Args: texts,
  State: part(v.object({ Running: bool })),
  Mounts: listOf(v.object({ Type: text, Source: text, Destination: v.string(), Mode: text, RW: bool })),
  Config: part(v.object({ User: text, ExposedPorts: keys })),
  HostConfig: part(
    v.object({
      Privileged: bool,
      PidMode: text,
      IpcMode: text,
      UTSMode: text,
      UsernsMode: text,
      NetworkMode: text,
      CapAdd: texts,
      CapDrop: texts,
      SecurityOpt: texts,
      Devices: listOf(v.object({ PathOnHost: v.string(), PathInContainer: text, CgroupPermissions: text })),
      PortBindings: portMap,
      PublishAllPorts: bool,
      ReadonlyRootfs: bool,
      Runtime: text,
      RestartPolicy: part(v.object({ Name: text, MaximumRetryCount: part(v.number()) })),
    }),
  ),
  NetworkSettings: part(v.object({ Ports: portMap, Networks: keys })),
});

type ContainerAnswer = v.InferOutput<typeof containerAnswer>;
type MountPoint = NonNullable<ContainerAnswer["Mounts"]>[number];
type PortMap = NonNullable<v.InferOutput<typeof portMap>>;
type PortBinding = NonNullable<PortMap[number][1]>[number];

/** Where a port is published, as `docker ps` writes it. */
function bindingText({ HostIp = "", HostPort = "" }: PortBinding): string {
  const address = HostIp === "" ? "" : `${HostIp.includes(":") ? `[${HostIp}]` : HostIp}:`;
  return `${address}${HostPort === "" ? "0" : HostPort}`;
}

function portTexts(ports: PortMap): string[] {
  return ports.flatMap(([port, bindings = []]) =>
    bindings.length === 0 ? [port] : bindings.map((binding) => `${bindingText(binding)}->${port}`),
  );
}

/** What a container that does not run is to publish. */
function configuredPorts({ Config, HostConfig }: ContainerAnswer): PortMap {
  const chosenByEngine = HostConfig?.PublishAllPorts === true ? [{ HostIp: "", HostPort: "" }] : undefined;
  const exposed = (Config?.ExposedPorts ?? []).map((port) => [port, chosenByEngine] as const);
  return [...new Map([...exposed, ...(HostConfig?.PortBindings ?? [])])];
}

/** The engine fills NetworkSettings.Ports in when the container starts and empties it when it stops. */
function portsOf(answer: ContainerAnswer): string[] {
  return portTexts(answer.State?.Running === true ? (answer.NetworkSettings?.Ports ?? []) : configuredPorts(answer));
}

function mountOf({ Type = "", Source = "", Destination, Mode = "", RW }: MountPoint): ContainerMount {
  // RW decides: `--mount …,readonly` leaves Mode empty, and Mode may hold anything else (`z`, `rslave`).
  const mode = RW === undefined ? Mode : RW ? "rw" : "ro";
  return { source: Source, destination: Destination, mode, type: Type };
}

/** By code units, the same on each machine. */
function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By destination: the engine keeps mounts in a Go map and lists them in another order each time. */
function mountsOf(points: readonly MountPoint[] = []): ContainerMount[] {
  return points.map(mountOf).sort((a, b) => compareTexts(a.destination, b.destination));
}

function restartPolicyOf(hostConfig: ContainerAnswer["HostConfig"]): string | undefined {
  const { Name, MaximumRetryCount = 0 } = hostConfig?.RestartPolicy ?? {};
  // An empty name means no (RestartPolicy in the API's description); Swarm's tasks have it.
  if (Name === "") return "no";
  return Name === "on-failure" && MaximumRetryCount > 0 ? `${Name}:${MaximumRetryCount}` : Name;
}

/**
 * A capability's one name. The docker command sends it so, but the engine takes `sys_admin` and `all` from others, lists
 * them as they came and means the same (moby 29.7.2: daemon/pkg/oci/caps/utils.go): a rule must not be evaded by that.
 */
function capability(given: string): string {
  const name = given.toUpperCase();
  return name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`;
}

/** A security option's one form: the engine still takes `seccomp:unconfined` (moby 28.5.2: daemon/daemon_unix.go). */
function securityOption(given: string): string {
  return given.includes("=") ? given : given.replace(":", "=");
}

/** Reads the parsed JSON of `GET /containers/{id}/json`; undefined where it is no object. */
export function inspectContainer(json: unknown): ContainerInspection | undefined {
  if (!isMap(json)) return undefined;
  const answer = v.parse(containerAnswer, json);
  const { Config: config, HostConfig: host } = answer;
  return compact<ContainerInspection>({
    name: answer.Name?.replace(/^\//, ""),
    created: answer.Created === undefined ? undefined : nanoseconds(answer.Created),
    imageId: answer.Image,
    command: commandOf(answer.Path, answer.Args),
    user: config?.User,
    privileged: host?.Privileged,
    pidMode: host?.PidMode,
    ipcMode: host?.IpcMode,
    utsMode: host?.UTSMode,
    usernsMode: host?.UsernsMode,
    networkMode: host?.NetworkMode,
    capAdd: host?.CapAdd?.map(capability),
    capDrop: host?.CapDrop?.map(capability),
    devices: host?.Devices?.map(
      ({ PathOnHost, PathInContainer = "", CgroupPermissions = "" }) =>
        `${PathOnHost}:${PathInContainer}:${CgroupPermissions}`,
    ),
    securityOpt: host?.SecurityOpt?.map(securityOption),
    ports: portsOf(answer),
    networks: answer.NetworkSettings?.Networks,
    mounts: mountsOf(answer.Mounts),
    readonlyRootfs: host?.ReadonlyRootfs,
    runtime: host?.Runtime,
    restartPolicy: restartPolicyOf(host),
  });
}
