/** How many files the connections to engines may keep open, so that questions of one leave none without its stream. */
import { readFileSync } from "node:fs";
import { CONNECTIONS_MAX, STREAMS_MAX } from "../docker/client.ts";
import { RAISE_FILES } from "../docker/engine_error.ts";
import type { Transport } from "../docker/transport.ts";

/** Files that the runtime has open beside connections: what the host gave it, and those of its files that are in use. */
const OWN = 64;
/** An engine whose questions have fewer connections than these is asked too slowly. */
const QUESTIONS_MIN = 2;

/**
 * How many files this process may have open. Bun raises the limit at its start to what the machine allows; the host keeps
 * its own. Where it cannot be read nothing is known to be too much.
 * @param limits what `/proc/self/limits` says
 */
export function openFilesMax(limits = readLimits()): number {
  const soft = /^Max open files\s+(\d+)\s/m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

function readLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "latin1");
  } catch {
    return "";
  }
}

/** What each engine may have. */
export interface Share {
  /** Connections for the questions of each engine. */
  readonly questions: number;
  /** What a person should know: that it does not suffice; undefined where it does. */
  readonly warning: string | undefined;
}

/** @param max files that may be open */
export function shareFiles(engines: readonly Pick<Transport, "filesEach">[], max = openFilesMax()): Share {
  let each = 0;
  for (const { filesEach = 1 } of engines) each += filesEach;
  const questions = Math.min(CONNECTIONS_MAX, Math.floor((max - OWN) / each) - STREAMS_MAX);
  const needed = OWN + each * (STREAMS_MAX + QUESTIONS_MIN);
  const warning =
    questions >= QUESTIONS_MIN
      ? undefined
      : `${engines.length} engines may need ${needed} open files, and there may be ${max}: connections may fail; ${RAISE_FILES}`;
  return { questions: Math.max(1, questions), warning };
}
