/**
 * How a container lives and ended: what its inspection says in `State` (moby 29.7.2: api/types/container/state.go, checked
 * against dockerd 20.10.24 and 29.7.2, podman 5.8.6).
 */
import * as v from "valibot";
import { bool, compact, count, type Json, nanosecondsText, part, text } from "../../base/lenient.ts";
import { nanoseconds } from "../../base/time.ts";

/** What of a container's state is a fact of its life, and stays told when it is over. */
export const stateFacts = {
  /** Its first process on the engine's host; absent where it does not run. */
  pid: count,
  /** When it was started last, ns since 1970 in decimal digits; absent where it never was. */
  startedAt: nanosecondsText,
  /** How often the engine started it again, by its restart policy, since somebody started it. */
  restartCount: count,
  /** `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:3` (at most 3 times). */
  restartPolicy: text,
  /** Whether the engine removes it when it ends. */
  autoRemove: bool,
} as const;

const stateFactsSchema = v.object(stateFacts);

export type StateFacts = Readonly<v.InferOutput<typeof stateFactsSchema>>;

/** A container's state as the engine tells it at one moment. A member is absent where the engine gives none. */
export interface ContainerState {
  /** Whether it runs; a paused one does, too. */
  readonly running?: boolean;
  /** Its first process on the engine's host; absent where it does not run (the engine says 0). */
  readonly pid?: number;
  /** Of its last end, 0 to 255 on Linux; while it runs, what the engine last knew (0 at first): see `finishedAt`. */
  readonly exitCode?: number;
  /** Whether the kernel killed one of its processes for want of memory since it was started last. */
  readonly oomKilled?: boolean;
  /** Ns since 1970 in decimal digits; absent where it never was started. */
  readonly startedAt?: string;
  /** When it ended last, as `startedAt`; absent where it never did. A start leaves it as it is. */
  readonly finishedAt?: string;
}

const stateAnswer = v.object({
  State: part(
    v.object({ Running: bool, Pid: count, ExitCode: count, OOMKilled: bool, StartedAt: text, FinishedAt: text }),
  ),
});

const timeOf = (time: string | undefined): string | undefined => (time === undefined ? undefined : nanoseconds(time));

/** What an answer says, which is asked for its facts and for the state itself. */
const read = new WeakMap<Json, ContainerState>();

/** Reads `State` of the parsed JSON of `GET /containers/{id}/json`; empty where there is none. */
export function inspectState(json: Json): ContainerState {
  const known = read.get(json);
  if (known !== undefined) return known;
  const state = readState(json);
  read.set(json, state);
  return state;
}

function readState(json: Json): ContainerState {
  const { State: state } = v.parse(stateAnswer, json);
  return compact<ContainerState>({
    running: state?.Running,
    pid: state?.Pid || undefined,
    exitCode: state?.ExitCode,
    oomKilled: state?.OOMKilled,
    startedAt: timeOf(state?.StartedAt),
    finishedAt: timeOf(state?.FinishedAt),
  });
}

const lifeAnswer = v.object({
  RestartCount: count,
  HostConfig: part(
    v.object({
      AutoRemove: bool,
      RestartPolicy: part(v.object({ Name: text, MaximumRetryCount: count })),
    }),
  ),
});

type HostConfig = v.InferOutput<typeof lifeAnswer>["HostConfig"];

function restartPolicyOf(host: HostConfig): string | undefined {
  const { Name, MaximumRetryCount = 0 } = host?.RestartPolicy ?? {};
  // An empty name means no (RestartPolicy in the API's description); Swarm's tasks have it.
  if (Name === "") return "no";
  return Name === "on-failure" && MaximumRetryCount > 0 ? `${Name}:${MaximumRetryCount}` : Name;
}

/** The facts of a container's life, of the parsed JSON of `GET /containers/{id}/json`. */
export function stateFactsOf(json: Json): StateFacts {
  const { RestartCount, HostConfig: host } = v.parse(lifeAnswer, json);
  const { pid, startedAt } = inspectState(json);
  return compact<StateFacts>({
    pid,
    startedAt,
    restartCount: RestartCount,
    restartPolicy: restartPolicyOf(host),
    autoRemove: host?.AutoRemove,
  });
}
