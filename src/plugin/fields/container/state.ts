/** Fields of a container's life: the engine's own word, which no label can forge. */
import { about, type Field } from "../field.ts";
import { container, INSPECT } from "./part.ts";

export const stateFields: readonly Field[] = [
  container.number(
    about(
      "docker.container.pid",
      "Its first process on the engine's host, as of its last start",
      `${INSPECT}\`State.Pid\``,
      "16154",
    ),
    ({ pid }) => (pid === undefined ? undefined : BigInt(pid)),
  ),
  container.time(
    about(
      "docker.container.startedat",
      "When it was started last",
      `${INSPECT}\`State.StartedAt\``,
      "1795427243952833569",
    ),
    ({ startedAt }) => (startedAt === undefined ? undefined : BigInt(startedAt)),
  ),
  container.number(
    about(
      "docker.container.restartcount",
      "How often its restart policy started it again since somebody did",
      `${INSPECT}\`RestartCount\``,
      "0",
    ),
    ({ restartCount }) => (restartCount === undefined ? undefined : BigInt(restartCount)),
  ),
  container.flag(
    about(
      "docker.container.autoremove",
      "Whether the engine removes it when it ends",
      `${INSPECT}\`HostConfig.AutoRemove\``,
      "false",
      "1.25",
    ),
    (container) => container.autoRemove,
  ),
];
