/** Fields of the swarm service that an event is about. */
import { about, added, type Field, of } from "./field.ts";

const SERVICE_INSPECT = "`GET /services/{id}`: `Spec.TaskTemplate.ContainerSpec.";

const service = of(added(({ service }) => service));

export const serviceFields: readonly Field[] = [
  service.text(
    about("docker.service.image", "Image of the service that the event is about", `${SERVICE_INSPECT}Image\``, "bb:1"),
    (service) => service.image,
  ),
  service.texts(
    about(
      "docker.service.mounts",
      "Mounts of the service, each source:destination:mode",
      `${SERVICE_INSPECT}Mounts\``,
      "(/etc:/host:ro)",
    ),
    (service) => service.mounts?.map(({ source, destination, mode }) => `${source}:${destination}:${mode}`),
  ),
  service.texts(
    about(
      "docker.service.sensitivemounts",
      "Kinds of the sensitive paths of each node's host that the service's bind mounts give",
      `${SERVICE_INSPECT}Mounts\`; the list below and the setting \`sensitivemounts\``,
      "(etc)",
    ),
    (service) => service.sensitiveMounts,
  ),
  service.texts(
    about(
      "docker.service.capadd",
      "Capabilities that the service adds, each CAP_… or ALL",
      `${SERVICE_INSPECT}CapabilityAdd\``,
      "(CAP_NET_ADMIN)",
      "1.41",
    ),
    (service) => service.capAdd,
  ),
];
