/** The execs of one engine, as far as their events need them. */
import { RateLimit } from "../base/rate_limit.ts";
import type { DockerEvent } from "../docker/event.ts";
import { shortened } from "../docker/inspect/bounds.ts";
import { inspectExec } from "../docker/inspect/exec.ts";
import { execIdOf } from "../docker/subject.ts";
import type { ExecPart } from "./enrichment.ts";
import { Lookup } from "./lookup.ts";
import type { Questions } from "./questions.ts";

/**
 * When an exec is asked for its process, ms after its start was told: moby tells it before the process is there (moby 29.7.2:
 * daemon/exec.go, ContainerExecStart). Events do not wait for it.
 */
const PID_AFTER_MS = [50, 500];
/** Execs a second that are asked so: health checks of many containers must not double what the engine has to answer. */
const PIDS_PER_SECOND = 20;

/** Characters that are kept of them. */
const CHARS_MAX = 16 * 1024 * 1024;

/** An id as moby makes them; nothing else gets into a request's path, as a label can pose as one. */
const ID = /^[0-9a-f]{64}$/;

interface Exec {
  readonly containerId: string | undefined;
  readonly part: ExecPart;
}

function readExec(json: unknown): Exec | undefined {
  const inspected = inspectExec(json);
  if (inspected === undefined) return undefined;
  const { containerId, ...part } = shortened(inspected);
  return { containerId, part };
}

export class Execs {
  readonly #execs: Lookup<Exec>;
  readonly #pids = new RateLimit(PIDS_PER_SECOND, 1_000);
  readonly #timers = new Set<Timer>();

  constructor(questions: Questions) {
    this.#execs = new Lookup(questions, {
      name: "execs",
      fields: "docker.exec.user and what else is asked of one",
      chars: CHARS_MAX,
      path: (id) => `/exec/${id}/json`,
      read: readExec,
    });
  }

  /** Asks for the exec of an event, where it is about one. Returns what the event waits for. */
  ask(event: DockerEvent): Promise<void> | undefined {
    const id = execIdOf(event);
    if (id === undefined || !ID.test(id)) return undefined;
    if (event.Action.startsWith("exec_start") && this.#pids.allows()) this.#askPid(id, PID_AFTER_MS);
    return this.#execs.ask(id);
  }

  /** What is known of an event's exec. A label can pose as the id of an exec, of another container's too. */
  describe(event: DockerEvent, containerId: string): ExecPart | undefined {
    const id = execIdOf(event);
    if (id === undefined) return undefined;
    const exec = this.#execs.known(id);
    // It tells of itself no more: health checks must not push out what is known of a shell that stays open.
    if (event.Action === "exec_die") this.#execs.forget(id);
    return exec?.containerId === containerId ? exec.part : undefined;
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #askPid(id: string, [after, ...later]: readonly number[]): void {
    if (after === undefined) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#execs.known(id) === undefined) return;
      void this.#execs.askAgain(id)?.then(() => {
        if (this.#execs.known(id)?.part.pid === undefined) this.#askPid(id, later);
      });
    }, after);
    this.#timers.add(timer);
  }
}
