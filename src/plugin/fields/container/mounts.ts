/** Fields of what of the host is mounted into a container. */
import type { ContainerPart } from "../../../sensor/enrichment.ts";
import { about, type Field, field, type Pairs } from "../field.ts";
import { container, containerPart, INSPECT } from "./part.ts";

const mountsOf = (part: ContainerPart): Pairs | undefined =>
  part.mounts?.map(({ destination, source }) => [destination, source]);

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
  field(
    about("docker.container.mount", "Source of the mount at a path in the container", `${INSPECT}\`Mounts\``, "/"),
    "string",
    { kind: "pairs", part: containerPart, take: mountsOf },
    { key: "DESTINATION", exampleKey: "/host" },
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
];
