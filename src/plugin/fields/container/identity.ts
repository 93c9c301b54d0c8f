/** Fields that tell which container an event is about, what it runs, and whether that is known. */
import { containerIdOf } from "../../../docker/subject.ts";
import { type EnrichedEvent, uninspectedOf } from "../../../sensor/enrichment.ts";
import { about, type Field, of, shown, whole } from "../field.ts";
import { words } from "../words.ts";
import { container, INSPECT } from "./part.ts";

const isContainer = (event: EnrichedEvent): boolean => event.Type === "container";

const event = of(whole);

const ID = "2b8e2040fe1c…";

export const identityFields: readonly Field[] = [
  shown(
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
  ),
  shown(
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
  ),
  event.flag(
    about(
      "docker.container.inspected",
      "Whether the facts of the container are known; false where they could not be had in time",
      "our own",
      "true",
    ),
    ({ falco }) => falco?.inspected,
  ),
  container.text(
    about("docker.container.user", "User of the container; empty is root", `${INSPECT}\`Config.User\``, "1000:1000"),
    (container) => container.user,
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
  container.texts(
    about(
      "docker.container.words",
      "Words of entrypoint and arguments in lower case, however they are quoted; see below",
      `${INSPECT}\`Path\` and \`Args\``,
      "(sleep,60)",
    ),
    (container) => words(container.command)?.words,
  ),
  container.text(
    about("docker.container.image.id", "ID of its image", `${INSPECT}\`Image\``, "sha256:1222cbf60292…"),
    (container) => container.imageId,
  ),
  container.time(
    about("docker.container.created", "When it was created", `${INSPECT}\`Created\``, "1795427239366272498"),
    (container) => (container.created === undefined ? undefined : BigInt(container.created)),
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
  container.texts(
    about(
      "docker.container.cut",
      "Which of these fields do not hold all that the engine told: a list is cut at 32 Ki characters or 4,096 elements, a text at 4 Ki",
      "our own",
      "(command)",
    ),
    (container) => container.cut?.map((member) => member.toLowerCase()),
  ),
];
