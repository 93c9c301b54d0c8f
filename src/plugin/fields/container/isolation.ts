/** Fields of what separates a container from its host. */
import { spellingsOf } from "../../../docker/host_path.ts";
import { DEVICE_KINDS, deviceOf } from "../../../docker/inspect/devices.ts";
import type { ContainerPart } from "../../../sensor/enrichment.ts";
import { about, type Field, field, type Pairs } from "../field.ts";
import { container, containerPart, INSPECT } from "./part.ts";

/** Pairs of a device's path on the host, however a rule may write it, and the permissions. */
function devicesByPath({ devices }: ContainerPart): Pairs | undefined {
  return devices?.flatMap((device) => {
    const { host, permissions } = deviceOf(device);
    return host.startsWith("/") ? spellingsOf(host).map((path) => [path, permissions] as const) : [];
  });
}

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
  container.text(
    about(
      "docker.container.cgroupnsmode",
      "Control group namespace: host, private, or empty for the engine's default",
      `${INSPECT}\`HostConfig.CgroupnsMode\``,
      "private",
      "1.41",
    ),
    (container) => container.cgroupnsMode,
  ),
  container.text(
    about(
      "docker.container.cgroupparent",
      "Control group that its own lies in; empty for the engine's",
      `${INSPECT}\`HostConfig.CgroupParent\``,
      "/system.slice",
    ),
    (container) => container.cgroupParent,
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
  field(
    about(
      "docker.container.device",
      "What it may do with a device of the host, by that's path: of r, w and m",
      `${INSPECT}\`HostConfig.Devices\``,
      "rwm",
    ),
    "string",
    { kind: "pairs", part: containerPart, take: devicesByPath },
    { key: "PATH", exampleKey: "/dev/fuse" },
  ),
  container.texts(
    about(
      "docker.container.devicekinds",
      `Kinds of the devices it was given by any of the three ways: ${DEVICE_KINDS.join(", ")}`,
      `${INSPECT}\`HostConfig.Devices\`, \`DeviceCgroupRules\`, \`DeviceRequests\``,
      "(fuse)",
    ),
    (container) => container.deviceKinds,
  ),
  container.texts(
    about(
      "docker.container.devicecgrouprules",
      "Devices allowed by number, each type major:minor permissions",
      `${INSPECT}\`HostConfig.DeviceCgroupRules\``,
      "(c 10:200 rwm)",
      "1.28",
    ),
    (container) => container.deviceCgroupRules,
  ),
  container.texts(
    about(
      "docker.container.devicerequests",
      "Devices asked of drivers, each driver:devices:capabilities",
      `${INSPECT}\`HostConfig.DeviceRequests\`, never their options`,
      "(:all:gpu)",
      "1.40",
    ),
    (container) => container.deviceRequests,
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
  container.text(
    about(
      "docker.container.apparmor",
      "AppArmor profile, or unconfined; empty where the host has no AppArmor",
      `${INSPECT}\`AppArmorProfile\``,
      "docker-default",
    ),
    (container) => container.apparmor,
  ),
  container.text(
    about(
      "docker.container.seccomp",
      "Which system calls it may make: unconfined, default, custom",
      `${INSPECT}\`HostConfig.SecurityOpt\`, \`Privileged\`; else \`GET /info\`: \`SecurityOptions\``,
      "unconfined",
    ),
    (container) => container.seccomp,
  ),
  container.flag(
    about(
      "docker.container.nonewprivileges",
      "Whether no process of it gains rights by a program's setuid bit",
      `${INSPECT}\`HostConfig.SecurityOpt\`; else \`GET /info\`: \`SecurityOptions\`, which tells of it from API 1.43 on (before that absent where nothing is asked for; podman has no such default)`,
      "true",
    ),
    (container) => container.noNewPrivileges,
  ),
  container.flag(
    about(
      "docker.container.maskedpaths",
      "Whether paths such as /proc/kcore are hidden and such as /proc/sys read-only; false for systempaths=unconfined and where any was opened",
      `${INSPECT}\`HostConfig.MaskedPaths\`, \`ReadonlyPaths\`, \`Privileged\``,
      "true",
      "1.38",
    ),
    (container) => container.maskedPaths,
  ),
  field(
    about(
      "docker.container.sysctl",
      "A kernel setting of its own namespaces, by its name with dots",
      `${INSPECT}\`HostConfig.Sysctls\``,
      "65536",
    ),
    "string",
    { kind: "pairs", part: containerPart, take: ({ sysctls }: ContainerPart): Pairs | undefined => sysctls },
    { key: "KEY", exampleKey: "kernel.msgmax" },
  ),
  container.texts(
    about(
      "docker.container.groupadd",
      "Further groups of its first process, by name or number",
      `${INSPECT}\`HostConfig.GroupAdd\``,
      "(docker)",
    ),
    (container) => container.groupAdd,
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
