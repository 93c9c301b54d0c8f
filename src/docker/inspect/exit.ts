/** How a container ended, where its inspection is about the very end that an event tells of. */
import * as v from "valibot";
import { bool, compact, count, isMap } from "../../base/lenient.ts";
import { inspectState } from "./state.ts";

/** The engine's own word, which no label replaces as it does an event's attribute. */
export const exitFacts = v.object({
  /** 0 to 255; 128 and a signal's number where one ended it. */
  code: count,
  /** Whether the kernel killed one of its processes for want of memory. */
  oomKilled: bool,
});

export type ExitFacts = Readonly<v.InferOutput<typeof exitFacts>>;

/**
 * What an inspection that was asked for after an event of a container's end tells of that end; undefined where it is
 * about another end, or about none. The engine writes the end down before it tells of it (moby 29.7.2: daemon/monitor.go), so
 * an end that comes after the event is another one's, and a start that comes after the end has overwritten its code.
 *
 * Out of memory is told of before the end: there, an end counts that comes after it in the same run, and where there is
 * none yet, that a process was killed.
 * @param action of the event
 * @param time of the event, ns since 1970
 */
export function exitOf(json: unknown, action: string, time: bigint): ExitFacts | undefined {
  if (!isMap(json)) return undefined;
  const { startedAt, finishedAt, exitCode, oomKilled } = inspectState(json);
  if (startedAt === undefined || BigInt(startedAt) > time) return undefined;
  // One that waits to be started again counts as running.
  const isOver = finishedAt !== undefined && BigInt(finishedAt) >= BigInt(startedAt);
  if (action === "oom" && !isOver) return oomKilled === true ? { oomKilled } : undefined;
  if (!isOver || (action !== "oom" && BigInt(finishedAt) > time)) return undefined;
  return compact<ExitFacts>({ code: exitCode, oomKilled });
}
