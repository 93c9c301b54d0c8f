/** Fields of an exec: a process that is started in a container that runs. */
import { execOf } from "../../docker/subject.ts";
import type { EnrichedEvent } from "../../sensor/enrichment.ts";
import { healthcheckOf } from "../../sensor/healthcheck.ts";
import { about, added, type Field, of, shared } from "./field.ts";
import { words } from "./words.ts";

const execPart = (event: EnrichedEvent) => execOf(event, event.falco?.exec?.command);
const exec = of(execPart);
const execWords = of(shared((event: EnrichedEvent) => words(execPart(event)?.line)));
const healthcheck = of(healthcheckOf);
const execAsked = of(added(({ exec }) => exec));

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
  execAsked.number(
    about(
      "docker.exec.pid",
      "Process of an exec on the engine's host: from shortly after its start on, so mostly at its end; no event waits for it",
      `${EXEC_INSPECT}\`Pid\``,
      "19608",
    ),
    (exec) => (exec.pid === undefined ? undefined : BigInt(exec.pid)),
  ),
  execAsked.texts(
    about(
      "docker.exec.args",
      "Program and arguments of an exec, one by one",
      `${EXEC_INSPECT}\`ProcessConfig.entrypoint\`, \`ProcessConfig.arguments\``,
      "(sh,-c,id)",
    ),
    (exec) => exec.command,
  ),
  execWords.texts(
    about(
      "docker.exec.words",
      "Words of an exec's command in lower case, however they are quoted; see below",
      "as `docker.exec.args`; where that is not known as `docker.exec.command`",
      "(sh,-c,cat,/etc/shadow,shadow,etc/shadow,/etc)",
    ),
    ({ words }) => words,
  ),
  healthcheck.flag(
    about(
      "docker.exec.healthcheck",
      "Whether an exec is the health check of its container; see below",
      `\`GET /containers/{id}/json\`: \`Config.Healthcheck.Test\` beside the exec's command; attribute \`execType\` where no label bears that name`,
      "true",
    ),
    ({ is }) => is,
  ),
];
