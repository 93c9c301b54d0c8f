/** The fields that rules can use, and what of an event each is taken from. */
import { containerIdOf, execOf, healthOf, imageOf } from "../docker/subject.ts";
import { type ContainerPart, type EnrichedEvent, uninspectedOf } from "../sensor/enrichment.ts";

/** Falco's number of a value's type (falcosecurity/libs 0.23.2: ppm_events_public.h: PT_*). */
export const fieldTypes = { uint64: 8, string: 9, abstime: 21, bool: 25 } as const;

/** Reads something of an event that several fields are taken from; undefined where the event has nothing of it. */
export type Part = (event: EnrichedEvent) => object | undefined;

/** Takes a value from what the field's own part read; the type of that is known where the field is written down. */
type Take<T> = (part: never) => T | undefined;

export type Pairs = readonly (readonly [key: string, value: string])[];

/** Where a field's value is taken from. `like`: fields whose text is often the same one, and then is written once. */
export type Source =
  | { readonly kind: "attribute"; readonly key: string }
  | { readonly kind: "attributes" }
  | { readonly kind: "timestamp" }
  | { readonly kind: "text"; readonly part: Part; readonly take: Take<string>; readonly like: readonly string[] }
  | { readonly kind: "texts"; readonly part: Part; readonly take: Take<readonly string[]> }
  | { readonly kind: "pairs"; readonly part: Part; readonly take: Take<Pairs> }
  | { readonly kind: "number"; readonly part: Part; readonly take: Take<bigint> }
  | { readonly kind: "flag"; readonly part: Part; readonly take: Take<boolean> };

/**
 * A field that rules can use. `undefined` is absent in Falco (`<NA>`); an empty string is present and empty; a list is
 * never empty, as Falco cannot tell that from an absent one.
 */
export interface Field {
  readonly name: string;
  readonly type: keyof typeof fieldTypes;
  readonly list: boolean;
  /** What its required argument is called; undefined where it takes none. */
  readonly key: string | undefined;
  readonly desc: string;
  /** For readers: what the value is taken from. */
  readonly from: string;
  /** A value as a rule's output shows it; of a field with an argument, for the argument in `exampleKey`. */
  readonly example: string;
  readonly exampleKey?: string;
  /** The engine API that first has it: engines from 1.24 (Docker 1.12) on are spoken to. */
  readonly since: string;
  readonly source: Source;
}

/** A field as a rule writes it, with its argument. */
export const nameOf = ({ name, key }: Field): string => (key === undefined ? name : `${name}[${key}]`);

/** The type of a field's value, in words. */
export const typeOf = ({ type, list }: Field): string => (list ? `${type} list` : type);

type About = Pick<Field, "name" | "desc" | "from" | "example"> & { readonly since?: string };

function field(
  { since = "1.24", ...about }: About,
  type: Field["type"],
  source: Source,
  more: { list?: boolean; key?: string; exampleKey?: string } = {},
): Field {
  return { list: false, key: undefined, ...about, ...more, type, since, source };
}

const about = (name: string, desc: string, from: string, example: string, since = "1.24"): About => ({
  name,
  desc,
  from,
  example,
  since,
});

/** A field that is one attribute of the event. */
function attribute(name: string, key: string, desc: string, example: string, since?: string): Field {
  return field(about(name, desc, `attribute \`${key}\``, example, since), "string", { kind: "attribute", key });
}

/** Fields of one part of an event. */
function of<P extends object>(part: (event: EnrichedEvent) => P | undefined) {
  return {
    text: (what: About, take: (part: P) => string | undefined, like: readonly string[] = []) =>
      field(what, "string", { kind: "text", part, take, like }),
    texts: (what: About, take: (part: P) => readonly string[] | undefined) =>
      field(what, "string", { kind: "texts", part, take }, { list: true }),
    number: (what: About, take: (part: P) => bigint | undefined) =>
      field(what, "uint64", { kind: "number", part, take }),
    time: (what: About, take: (part: P) => bigint | undefined) =>
      field(what, "abstime", { kind: "number", part, take }),
    flag: (what: About, take: (part: P) => boolean | undefined) => field(what, "bool", { kind: "flag", part, take }),
  };
}

const isContainer = (event: EnrichedEvent): boolean => event.Type === "container";

/** Whether the event had `status` and `id` before API 1.52 took them away (moby 29.7.2: api/types/events, Message). */
const hadStatus = (event: EnrichedEvent): boolean => event.Type === "container" || event.Type === "image";

const event = of((event) => event);
const exec = of((event) => execOf(event, event.falco?.exec?.command));
const image = of(imageOf);
const added = of((event) => event.falco);
const engine = of((event) => event.falco?.engine);
const containerPart = (event: EnrichedEvent): ContainerPart | undefined => event.falco?.container;
const container = of(containerPart);
const execAsked = of((event) => event.falco?.exec);

const mountsOf = (part: ContainerPart): Pairs | undefined =>
  part.mounts?.map(({ destination, source }) => [destination, source]);

const SWARM = "1.24";
const ID = "2b8e2040fe1c…";
const INSPECT = "`GET /containers/{id}/json`: ";
const EXEC_INSPECT = "`GET /exec/{id}/json`: ";

/**
 * All fields; a field's id is its place here.
 *
 * The engine mixes a container's labels into the attributes of its events, so a label named `exitCode`, `signal` or
 * `execID` replaces the engine's own value there (moby 28.5.2: daemon/events.go, copyAttributes). The fields keep what the
 * event says.
 */
export const fields: readonly Field[] = [
  event.text(
    about(
      "docker.status",
      "Status of the event",
      "`status`; where missing, `Action` for container and image events",
      "start",
    ),
    (event) => event.status ?? (hadStatus(event) ? event.Action : undefined),
  ),
  event.text(
    about("docker.id", "ID of the event", "`id`; where missing, `Actor.ID` for container and image events", ID),
    (event) => event.id ?? (hadStatus(event) ? event.Actor.ID : undefined),
  ),
  event.text(
    about(
      "docker.from",
      "From of the event (deprecated)",
      "`from`; where missing, the attribute `image` for container events",
      "alpine:3.18",
    ),
    (event) => event.from ?? (isContainer(event) ? event.Actor.Attributes.image : undefined),
    ["docker.attributes.image"],
  ),
  event.text(about("docker.type", "Type of the event", "`Type`", "container"), (event) => event.Type),
  event.text(about("docker.action", "Action of the event", "`Action`", "start"), (event) => event.Action, [
    "docker.status",
  ]),
  attribute("docker.stack.namespace", "com.docker.stack.namespace", "Stack Namespace", "shop", SWARM),
  attribute("docker.node.id", "com.docker.swarm.node.id", "Swarm Node ID", "d4bnbn967bmxae69jct6aglsc", SWARM),
  attribute("docker.swarm.task", "com.docker.swarm.task", "Swarm Task", "", SWARM),
  attribute("docker.swarm.taskid", "com.docker.swarm.task.id", "Swarm Task ID", "y0kw2b2cw2qqdpc8v9oxp5nmx", SWARM),
  attribute("docker.swarm.taskname", "com.docker.swarm.task.name", "Swarm Task Name", "shop_web.1.y0kw2b2cw2qq", SWARM),
  attribute("docker.swarm.servicename", "com.docker.swarm.service.name", "Swarm Service Name", "shop_web", SWARM),
  attribute("docker.node.statenew", "state.new", "Node New State", "down", "1.30"),
  attribute("docker.node.stateold", "state.old", "Node Old State", "ready", "1.30"),
  attribute("docker.attributes.container", "container", "Attribute Container", ID),
  attribute("docker.attributes.image", "image", "Attribute Image", "alpine:3.18"),
  attribute("docker.attributes.name", "name", "Attribute Name", "pensive_haibt"),
  attribute("docker.attributes.type", "type", "Attribute Type", "bridge"),
  attribute("docker.attributes.exitcode", "exitCode", "Attribute Exit Code", "137"),
  attribute("docker.attributes.signal", "signal", "Attribute Signal", "9"),
  event.text(about("docker.scope", "Scope", "`scope`", "local", "1.30"), (event) => event.scope),

  event.text(about("docker.actor.id", "ID of what the event is about", "`Actor.ID`", ID), (event) => event.Actor.ID, [
    "docker.id",
  ]),
  field(about("docker.time", "Time of the event", "`timeNano`", "1795427240090068681"), "abstime", {
    kind: "timestamp",
  }),
  field(
    about(
      "docker.attributes",
      "An attribute of the event by its name, the container's labels among them",
      "`Actor.Attributes`",
      "web",
    ),
    "string",
    { kind: "attributes" },
    { key: "KEY", exampleKey: "tier" },
  ),
  exec.text(
    about(
      "docker.exec.command",
      "Program and arguments of an exec, with spaces between them",
      "`Action` behind `exec_create: ` and `exec_start: `; of the end of an exec what its inspection said",
      "sh -c id",
    ),
    (exec) => exec.command,
  ),
  exec.text(about("docker.exec.id", "ID of an exec", "attribute `execID`", ID), (exec) => exec.id),
  exec.number(
    about(
      "docker.exec.exitcode",
      "Exit code of an exec",
      "attribute `exitCode` of `exec_die` (podman: `containerExitCode` of `exec_died`)",
      "0",
      "1.36",
    ),
    (exec) => exec.exitCode,
  ),
  event.text(
    about(
      "docker.health.status",
      "Result of a health check",
      "`Action` behind `health_status: ` (podman: `HealthStatus`)",
      "unhealthy",
    ),
    healthOf,
  ),
  image.text(
    about(
      "docker.image.registry",
      "Registry of the image, as a pull resolves it",
      "attribute `image` of container events; `Actor.ID` or attribute `name` of image events; absent for a bare id",
      "docker.io",
    ),
    (image) => image.registry,
  ),
  image.text(
    about("docker.image.repository", "Repository of the image at its registry", "as above", "library/alpine"),
    (image) => image.repository,
  ),
  image.text(
    about("docker.image.tag", "Tag of the image; latest where neither tag nor digest is given", "as above", "3.18"),
    (image) => image.tag,
  ),
  image.text(
    about("docker.image.digest", "Digest of the image, where it is named by one", "as above", "sha256:70190f168ab8…"),
    (image) => image.digest,
  ),
  engine.text(
    about("docker.engine.host", "Address of the engine", "our own, where the payload says it", "tcp://10.0.0.5:2375"),
    (engine) => engine.host,
  ),
  engine.text(
    about(
      "docker.engine.name",
      "Name of the engine's machine",
      "`GET /info`: `Name`, where the payload says it",
      "node-1",
    ),
    (engine) => engine.name,
  ),
  engine.text(
    about("docker.engine.version", "Version of the engine", "`GET /version`, where the payload says it", "28.5.2"),
    (engine) => engine.version,
  ),
  event.text(
    about(
      "docker.container.id",
      "ID of the container that the event is about",
      "`Actor.ID` of container events (podman: of a network's `connect` and `disconnect` too); attribute `container` of network and volume events",
      ID,
    ),
    containerIdOf,
    ["docker.id", "docker.attributes.container", "docker.actor.id"],
  ),
  event.text(
    about(
      "docker.container.name",
      "Name of the container that the event is about",
      `attribute \`name\` of container events; else ${INSPECT}\`Name\``,
      "pensive_haibt",
    ),
    (event) => (isContainer(event) ? event.Actor.Attributes.name : undefined) ?? event.falco?.container?.name,
    ["docker.attributes.name"],
  ),
  added.flag(
    about(
      "docker.container.inspected",
      "Whether the facts of the container are known; false where they could not be had in time",
      "our own",
      "true",
    ),
    (added) => added.inspected,
  ),
  container.flag(
    about(
      "docker.container.privileged",
      "Whether the container has all rights on the host",
      `${INSPECT}\`HostConfig.Privileged\``,
      "false",
    ),
    (container) => container.privileged,
  ),
  container.text(
    about("docker.container.user", "User of the container; empty is root", `${INSPECT}\`Config.User\``, "1000:1000"),
    (container) => container.user,
  ),
  container.text(
    about(
      "docker.container.pidmode",
      "PID namespace: host, container:ID, or empty for its own",
      `${INSPECT}\`HostConfig.PidMode\``,
      "host",
    ),
    (container) => container.pidMode,
  ),
  container.text(
    about(
      "docker.container.ipcmode",
      "IPC namespace: none, private, shareable, host, container:ID",
      `${INSPECT}\`HostConfig.IpcMode\``,
      "private",
    ),
    (container) => container.ipcMode,
  ),
  container.text(
    about(
      "docker.container.utsmode",
      "UTS namespace: host, or empty for its own",
      `${INSPECT}\`HostConfig.UTSMode\``,
      "host",
    ),
    (container) => container.utsMode,
  ),
  container.text(
    about(
      "docker.container.usernsmode",
      "User namespace: host, or empty for the engine's setting",
      `${INSPECT}\`HostConfig.UsernsMode\``,
      "host",
    ),
    (container) => container.usernsMode,
  ),
  container.text(
    about(
      "docker.container.networkmode",
      "Network: none, host, bridge, default, container:ID, or a network's name",
      `${INSPECT}\`HostConfig.NetworkMode\``,
      "bridge",
    ),
    (container) => container.networkMode,
  ),
  container.texts(
    about(
      "docker.container.capadd",
      "Capabilities added, each CAP_… or ALL",
      `${INSPECT}\`HostConfig.CapAdd\``,
      "(CAP_SYS_ADMIN,CAP_NET_ADMIN)",
    ),
    (container) => container.capAdd,
  ),
  container.texts(
    about(
      "docker.container.capdrop",
      "Capabilities dropped, each CAP_… or ALL",
      `${INSPECT}\`HostConfig.CapDrop\``,
      "(ALL)",
    ),
    (container) => container.capDrop,
  ),
  container.texts(
    about(
      "docker.container.devices",
      "Devices of the host, each host:container:permissions",
      `${INSPECT}\`HostConfig.Devices\``,
      "(/dev/fuse:/dev/fuse:rwm)",
    ),
    (container) => container.devices,
  ),
  container.texts(
    about(
      "docker.container.securityopt",
      "Security options, each name=value or a bare name",
      `${INSPECT}\`HostConfig.SecurityOpt\``,
      "(seccomp=unconfined)",
    ),
    (container) => container.securityOpt,
  ),
  container.texts(
    about(
      "docker.container.ports",
      "Ports, each address:port->port/protocol; port/protocol where it is only exposed",
      `${INSPECT}\`NetworkSettings.Ports\`; before the start \`HostConfig.PortBindings\` and \`Config.ExposedPorts\``,
      "(0.0.0.0:8080->80/tcp)",
    ),
    (container) => container.ports,
  ),
  container.texts(
    about(
      "docker.container.networks",
      "Names of the networks it is connected to",
      `${INSPECT}\`NetworkSettings.Networks\``,
      "(bridge,backend)",
    ),
    (container) => container.networks,
  ),
  container.texts(
    about(
      "docker.container.mounts",
      "Mounts, each source:destination:mode",
      `${INSPECT}\`Mounts\``,
      "(/var/run/docker.sock:/var/run/docker.sock:rw)",
    ),
    (container) => container.mounts?.map(({ source, destination, mode }) => `${source}:${destination}:${mode}`),
  ),
  field(
    about("docker.container.mount", "Source of the mount at a path in the container", `${INSPECT}\`Mounts\``, "/"),
    "string",
    { kind: "pairs", part: containerPart, take: mountsOf },
    { key: "DESTINATION", exampleKey: "/host" },
  ),
  container.flag(
    about(
      "docker.container.readonlyrootfs",
      "Whether its root file system is read-only",
      `${INSPECT}\`HostConfig.ReadonlyRootfs\``,
      "false",
    ),
    (container) => container.readonlyRootfs,
  ),
  container.text(
    about("docker.container.runtime", "Its OCI runtime", `${INSPECT}\`HostConfig.Runtime\``, "runc"),
    (container) => container.runtime,
  ),
  container.text(
    about(
      "docker.container.restartpolicy",
      "no, always, unless-stopped, on-failure, on-failure:TIMES",
      `${INSPECT}\`HostConfig.RestartPolicy\``,
      "unless-stopped",
    ),
    (container) => container.restartPolicy,
  ),
  container.text(
    about(
      "docker.container.command",
      "Entrypoint and arguments, with spaces between them",
      `${INSPECT}\`Path\` and \`Args\``,
      "sleep 60",
    ),
    (container) => container.command?.join(" "),
  ),
  container.text(
    about("docker.container.image.id", "ID of its image", `${INSPECT}\`Image\``, "sha256:1222cbf60292…"),
    (container) => container.imageId,
  ),
  container.time(
    about("docker.container.created", "When it was created", `${INSPECT}\`Created\``, "1795427239366272498"),
    (container) => (container.created === undefined ? undefined : BigInt(container.created)),
  ),
  container.flag(
    about(
      "docker.container.sensitivemount",
      "Whether it was given a sensitive path of the host",
      `${INSPECT}\`Mounts\`; the list below and the setting \`sensitivemounts\``,
      "true",
    ),
    (container) => container.sensitiveMount,
  ),
  execAsked.text(
    about("docker.exec.user", "User of an exec; empty is root", `${EXEC_INSPECT}\`ProcessConfig.user\``, "root"),
    (exec) => exec.user,
  ),
  execAsked.flag(
    about(
      "docker.exec.privileged",
      "Whether an exec was asked to be privileged",
      `${EXEC_INSPECT}\`ProcessConfig.privileged\``,
      "false",
    ),
    (exec) => exec.privileged,
  ),
  execAsked.flag(
    about("docker.exec.tty", "Whether an exec has a terminal", `${EXEC_INSPECT}\`ProcessConfig.tty\``, "true"),
    (exec) => exec.tty,
  ),
  event.text(
    about(
      "docker.container.uninspected",
      "Why the facts of the container are not known: late, refused, gone, huge, or off where nobody asks",
      "our own",
      "late",
    ),
    uninspectedOf,
  ),
];
