/** Fields of what separates a container from its host. */
import { about, type Field } from "../field.ts";
import { container, INSPECT } from "./part.ts";

export const isolationFields: readonly Field[] = [
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
];
