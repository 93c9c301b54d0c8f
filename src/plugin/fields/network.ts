/** Fields of the network that an event is about. */
import { about, added, type Field, of } from "./field.ts";

const NETWORK_INSPECT = "`GET /networks/{id}`: ";

const network = of(added(({ network }) => network));

export const networkEventFields: readonly Field[] = [
  network.text(
    about(
      "docker.network.driver",
      "Driver of the network that the event is about",
      `${NETWORK_INSPECT}\`Driver\``,
      "bridge",
    ),
    (network) => network.driver,
  ),
  network.flag(
    about(
      "docker.network.internal",
      "Whether nothing outside can be reached from the network",
      `${NETWORK_INSPECT}\`Internal\``,
      "false",
    ),
    (network) => network.internal,
  ),
  network.flag(
    about(
      "docker.network.encrypted",
      "Whether the network is an overlay that encrypts what goes from node to node",
      `${NETWORK_INSPECT}\`Options\``,
      "false",
    ),
    (network) => network.encrypted,
  ),
];
