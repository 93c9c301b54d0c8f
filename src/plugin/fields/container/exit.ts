/** Fields of how a container ended, by the engine's own word. */
import { about, added, type Field, of } from "../field.ts";
import { INSPECT } from "./part.ts";

const exit = of(added(({ exit }) => exit));

export const exitFields: readonly Field[] = [
  exit.number(
    about(
      "docker.container.exitcode",
      "Exit code of the container, at `die`, `stop` and `oom`, which no label can replace; absent where it runs again already",
      `${INSPECT}\`State.ExitCode\`, where \`State.FinishedAt\` fits the event`,
      "137",
    ),
    (exit) => (exit.code === undefined ? undefined : BigInt(exit.code)),
  ),
  exit.flag(
    about(
      "docker.container.oomkilled",
      "Whether the kernel killed a process of the container for want of memory, at `die`, `stop` and `oom`",
      `${INSPECT}\`State.OOMKilled\`, as above`,
      "true",
    ),
    (exit) => exit.oomKilled,
  ),
];
