/** Fields of an exec: a process that is started in a container that runs. */
import { execOf } from "../../docker/subject.ts";
import { about, type Field, of } from "./field.ts";

const exec = of((event) => execOf(event, event.falco?.exec?.command));
const execAsked = of((event) => event.falco?.exec);

const ID = "2b8e2040fe1c…";
const EXEC_INSPECT = "`GET /exec/{id}/json`: ";

export const execFields: readonly Field[] = [
  exec.text(
    about(
      "docker.exec.command",
      "Program and arguments of an exec, with spaces between them",
      "`Action` behind `exec_create: ` and `exec_start: `; of the end of an exec what its inspection said",
      "sh -c id",
    ),
    (exec) => exec.command,
  ),
  exec.text(about("docker.exec.id", "ID of an exec", "attribute `execID`", ID), (exec) => exec.id),
  exec.number(
    about(
      "docker.exec.exitcode",
      "Exit code of an exec",
      "attribute `exitCode` of `exec_die` (podman: `containerExitCode` of `exec_died`)",
      "0",
      "1.36",
    ),
    (exec) => exec.exitCode,
  ),
  execAsked.text(
    about("docker.exec.user", "User of an exec; empty is root", `${EXEC_INSPECT}\`ProcessConfig.user\``, "root"),
    (exec) => exec.user,
  ),
  execAsked.flag(
    about(
      "docker.exec.privileged",
      "Whether an exec was asked to be privileged",
      `${EXEC_INSPECT}\`ProcessConfig.privileged\``,
      "false",
    ),
    (exec) => exec.privileged,
  ),
  execAsked.flag(
    about("docker.exec.tty", "Whether an exec has a terminal", `${EXEC_INSPECT}\`ProcessConfig.tty\``, "true"),
    (exec) => exec.tty,
  ),
];
