/** Fields of a container's labels, told apart from what the engine says. */
import { forgeriesIn, type Labels } from "../../../docker/labels.ts";
import type { EnrichedEvent } from "../../../sensor/enrichment.ts";
import { about, type Field, field, of, whole } from "../field.ts";
import { INSPECT } from "./part.ts";

const event = of(whole);

/** A label that no engine sets an attribute of: an event of the container shows it, another one's addition does. */
function labelOf({ Type, Actor, falco }: EnrichedEvent, dockers: string, podmans: string): string | undefined {
  const labels: Labels | undefined = Type === "container" ? Actor.Attributes : falco?.labels;
  return labels?.[dockers] ?? labels?.[podmans];
}

export const labelFields: readonly Field[] = [
  field(
    about(
      "docker.container.label",
      "A label of the container by its name, whatever the event's attributes say",
      `${INSPECT}\`Config.Labels\``,
      "web",
    ),
    "string",
    { kind: "labels" },
    { key: "KEY", exampleKey: "tier" },
  ),
  event.flag(
    about(
      "docker.event.forged",
      "Whether a label of the container stands where the engine says something of this event, such as the exit code of die",
      `${INSPECT}\`Config.Labels\` beside the attributes that the engine sets for the action`,
      "true",
    ),
    (event) => (event.falco?.labels === undefined ? undefined : forgeriesIn(event, event.falco.labels).length > 0),
  ),
  event.text(
    about(
      "docker.compose.project",
      "Project of the compose file that the container is of",
      "label `com.docker.compose.project`, else podman-compose's `io.podman.compose.project`",
      "shop",
    ),
    (event) => labelOf(event, "com.docker.compose.project", "io.podman.compose.project"),
  ),
  event.text(
    about(
      "docker.compose.service",
      "Service of the compose file that the container is of",
      "label `com.docker.compose.service`, else podman-compose's `io.podman.compose.service`",
      "web",
    ),
    (event) => labelOf(event, "com.docker.compose.service", "io.podman.compose.service"),
  ),
];
