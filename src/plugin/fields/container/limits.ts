/** Fields of what a container may use of its host. */
import { about, type Field } from "../field.ts";
import { container, INSPECT } from "./part.ts";

const bigint = (number: number | undefined): bigint | undefined => (number === undefined ? undefined : BigInt(number));

export const limitFields: readonly Field[] = [
  container.number(
    about(
      "docker.container.memory",
      "Bytes of memory that it may use; 0 is no limit",
      `${INSPECT}\`HostConfig.Memory\``,
      "16777216",
    ),
    (container) => bigint(container.memory),
  ),
  container.number(
    about(
      "docker.container.cpus",
      "Thousandths of a CPU that it may use, so 1500 for --cpus 1.5; 0 is no limit",
      `${INSPECT}\`HostConfig.NanoCpus\`, else \`CpuQuota\` and \`CpuPeriod\``,
      "1500",
    ),
    (container) => bigint(container.cpus),
  ),
  container.number(
    about(
      "docker.container.pidslimit",
      "Processes and threads that it may have; 0 is no limit",
      `${INSPECT}\`HostConfig.PidsLimit\``,
      "2048",
    ),
    (container) => bigint(container.pidsLimit),
  ),
  container.flag(
    about(
      "docker.container.oomkilldisable",
      "Whether the kernel may not kill it for want of memory",
      `${INSPECT}\`HostConfig.OomKillDisable\``,
      "false",
    ),
    (container) => container.oomKillDisable,
  ),
  container.texts(
    about(
      "docker.container.ulimits",
      "Limits of each process, each name=soft:hard, -1 for none",
      `${INSPECT}\`HostConfig.Ulimits\``,
      "(nofile=100:200)",
    ),
    (container) => container.ulimits,
  ),
  container.text(
    about(
      "docker.container.logdriver",
      "Where its output goes; none for nowhere",
      `${INSPECT}\`HostConfig.LogConfig.Type\`, never its options`,
      "json-file",
    ),
    (container) => container.logDriver,
  ),
];
