/** Fields of a container's networks and ports. */
import { about, type Field } from "../field.ts";
import { container, INSPECT } from "./part.ts";

export const networkFields: readonly Field[] = [
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
];
