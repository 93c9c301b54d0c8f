/** Fields of a container's networks and ports. */
import { about, type Field } from "../field.ts";
import { container, INSPECT } from "./part.ts";

const PORTS = `${INSPECT}\`NetworkSettings.Ports\`; before the start \`HostConfig.PortBindings\``;

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
  container.numbers(
    about("docker.container.hostports", "The host's ports that lead into it", PORTS, "(22,8080)"),
    (container) => container.hostPorts,
  ),
  container.numbers(
    about(
      "docker.container.publicports",
      "Those of them that are bound to all of the host's addresses; before the start also where the engine chooses the address",
      PORTS,
      "(8080)",
    ),
    (container) => container.publicPorts,
  ),
  container.numbers(
    about("docker.container.privilegedports", "Those of them below 1024", PORTS, "(22)"),
    ({ hostPorts }) => hostPorts?.filter((port) => port < 1024),
  ),
  container.flag(
    about(
      "docker.container.publishallports",
      "Whether all exposed ports are published, at ports that the engine chooses",
      `${INSPECT}\`HostConfig.PublishAllPorts\``,
      "false",
    ),
    (container) => container.publishAllPorts,
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
  container.text(
    about(
      "docker.container.ip",
      "Its address in the network that networkmode names, else in the first by name",
      `${INSPECT}\`NetworkSettings.Networks\``,
      "172.17.0.2",
    ),
    (container) => container.ip,
  ),
];
