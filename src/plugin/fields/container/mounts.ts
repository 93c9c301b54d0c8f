/** Fields of what of the host is mounted into a container. */
import { spellingsOf } from "../../../docker/host_path.ts";
import type { ContainerPart } from "../../../sensor/enrichment.ts";
import { type About, about, type Field, field, type Pairs } from "../field.ts";
import { container, containerPart, INSPECT } from "./part.ts";

type Mount = NonNullable<ContainerPart["mounts"]>[number];

/** Pairs of a mount's destination and something of it. */
const byDestination =
  (take: (mount: Mount) => string | undefined) =>
  (part: ContainerPart): Pairs | undefined =>
    part.mounts?.flatMap((mount) => {
      const value = take(mount);
      return value === undefined ? [] : [[mount.destination, value] as const];
    });

/** Pairs of a source, however a rule may write it, and the destination; what is on no path of the host has none. */
function bySource(part: ContainerPart): Pairs | undefined {
  return part.mounts?.flatMap(({ source, destination }) =>
    source.startsWith("/") ? spellingsOf(source).map((path) => [path, destination] as const) : [],
  );
}

const keyed = (what: About, key: string, exampleKey: string, take: (part: ContainerPart) => Pairs | undefined): Field =>
  field(what, "string", { kind: "pairs", part: containerPart, take }, { key, exampleKey });

export const mountFields: readonly Field[] = [
  container.texts(
    about(
      "docker.container.mounts",
      "Mounts, each source:destination:mode",
      `${INSPECT}\`Mounts\``,
      "(/var/run/docker.sock:/var/run/docker.sock:rw)",
    ),
    (container) => container.mounts?.map(({ source, destination, mode }) => `${source}:${destination}:${mode}`),
  ),
  keyed(
    about("docker.container.mount", "Source of the mount at a path in the container", `${INSPECT}\`Mounts\``, "/"),
    "DESTINATION",
    "/host",
    byDestination(({ source }) => source),
  ),
  keyed(
    about(
      "docker.container.mountsource",
      "Path in the container of the mount of a path of the host, by all its names (/run, /var/run); of several the first",
      `${INSPECT}\`Mounts\``,
      "/host",
    ),
    "SOURCE",
    "/",
    bySource,
  ),
  keyed(
    about(
      "docker.container.mountmode",
      "ro or rw: what may be done with the mount at a path in the container",
      `${INSPECT}\`Mounts\``,
      "ro",
    ),
    "DESTINATION",
    "/host",
    byDestination(({ mode }) => mode),
  ),
  keyed(
    about(
      "docker.container.mountpropagation",
      "Which later mounts host and container share below a path in the container: rprivate, rslave, rshared …",
      `${INSPECT}\`Mounts[].Propagation\``,
      "rslave",
    ),
    "DESTINATION",
    "/host",
    byDestination(({ propagation }) => propagation),
  ),
  container.texts(
    about(
      "docker.container.volumesfrom",
      "Containers whose mounts it has, each a name or name:ro",
      `${INSPECT}\`HostConfig.VolumesFrom\``,
      "(database:ro)",
    ),
    (container) => container.volumesFrom,
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
  keyed(
    about(
      "docker.container.volumedevice",
      "What the volume at a path in the container leads to, where it is of the local driver and made to lead somewhere",
      "`GET /volumes/{name}`: `Options.device`",
      "/etc",
    ),
    "DESTINATION",
    "/data",
    (container) => container.volumeDevices,
  ),
  container.texts(
    about(
      "docker.container.sensitivemounts",
      "Kinds of the sensitive paths that it was given; custom is the setting's",
      `${INSPECT}\`Mounts\`; the list below and the setting \`sensitivemounts\``,
      "(engine_socket)",
    ),
    (container) => container.sensitiveMounts,
  ),
];
