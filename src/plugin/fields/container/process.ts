/** Fields of what a container runs, and how. */
import { about, type Field } from "../field.ts";
import { container, INSPECT } from "./part.ts";

/** A health check's test, as a person writes it; empty where it is turned off (moby 29.7.2: HealthConfig, Test). */
function healthcheckText([kind = "", ...test]: readonly string[]): string {
  return kind === "NONE" ? "" : kind === "CMD" || kind === "CMD-SHELL" ? test.join(" ") : [kind, ...test].join(" ");
}

export const processFields: readonly Field[] = [
  container.text(
    about(
      "docker.container.workingdir",
      "Folder that its command starts in; empty is /",
      `${INSPECT}\`Config.WorkingDir\``,
      "/app",
    ),
    (container) => container.workingDir,
  ),
  container.text(
    about("docker.container.hostname", "Its own host name", `${INSPECT}\`Config.Hostname\``, "ae0470fd7189"),
    (container) => container.hostname,
  ),
  container.flag(
    about("docker.container.tty", "Whether its command has a terminal", `${INSPECT}\`Config.Tty\``, "false"),
    (container) => container.tty,
  ),
  container.text(
    about(
      "docker.container.healthcheck",
      "Command of its health check; empty where it is turned off, absent where there is none",
      `${INSPECT}\`Config.Healthcheck.Test\``,
      "test -f /tmp/ok",
    ),
    (container) => container.healthcheck && healthcheckText(container.healthcheck),
  ),
];
