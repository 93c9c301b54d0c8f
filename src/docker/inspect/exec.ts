/** What inspecting an exec tells: from the engine's answer to a compact object (moby 28.5.2: api/types/container/exec.go). */
import * as v from "valibot";
import { bool, compact, count, isMap, part, text, texts } from "../../base/lenient.ts";
import { commandOf } from "./command.ts";

/** What `GET /exec/{id}/json` tells, made small. Absent as in a container's. */
export const execInspection = v.object({
  /** 64 hex digits. */
  containerId: text,
  /** Where the exec names none, the engine puts the container's (moby 28.5.2: daemon/exec.go): empty only if that is empty. */
  user: text,
  /** Whether the exec was asked to be privileged. An exec in a privileged container is so without asking. */
  privileged: bool,
  tty: bool,
  /** The program and its arguments. */
  command: texts,
  /** Its process on the engine's host; absent before that is there (the engine says 0). */
  pid: count,
});

export type ExecInspection = Readonly<v.InferOutput<typeof execInspection>>;

/** The parts that are read of `GET /exec/{id}/json`. */
const execAnswer = v.object({
  ContainerID: text,
  Pid: count,
  ProcessConfig: part(
    v.object({
      // The engine leaves an empty user out (exec.go, omitempty): a missing one is an empty one.
      user: v.fallback(v.optional(v.undefinedable(v.string()), ""), undefined),
      privileged: bool,
      tty: bool,
      entrypoint: text,
      arguments: texts,
    }),
  ),
});

/** Reads the parsed JSON of `GET /exec/{id}/json`; undefined where it is no object. */
export function inspectExec(json: unknown): ExecInspection | undefined {
  if (!isMap(json)) return undefined;
  const { ContainerID, Pid, ProcessConfig: process } = v.parse(execAnswer, json);
  return compact<ExecInspection>({
    containerId: ContainerID,
    user: process?.user,
    privileged: process?.privileged,
    tty: process?.tty,
    command: commandOf(process?.entrypoint, process?.arguments),
    pid: Pid || undefined,
  });
}
