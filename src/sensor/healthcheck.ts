/** Whether the exec that an event is about is the container's own health check. */
import { isProbe, readsAsProbe } from "../docker/healthcheck.ts";
import { isExec, saidCommandOf } from "../docker/subject.ts";
import type { EnrichedEvent } from "./enrichment.ts";

export interface Healthcheck {
  readonly is: boolean;
  /** Whether that is certain; else the event's text alone says so, which does not tell where an argument begins. */
  readonly exact: boolean;
}

/** What the engine itself says of an exec (moby: pull request 53682); a label of this name makes it worth nothing. */
const SAID: Readonly<Record<string, Healthcheck>> = {
  healthcheck: { is: true, exact: true },
  exec: { is: false, exact: true },
};

/** Undefined where the event is about no exec, or where that cannot be told. */
export function healthcheckOf(event: EnrichedEvent): Healthcheck | undefined {
  const { container, exec, labels = {} } = event.falco ?? {};
  if (container === undefined || !isExec(event)) return undefined;
  const { execType = "" } = event.Actor.Attributes;
  if (event.falco?.labels !== undefined && !Object.hasOwn(labels, "execType") && Object.hasOwn(SAID, execType))
    return SAID[execType];
  if (exec?.command !== undefined) return { is: isProbe(container, exec), exact: true };
  const said = saidCommandOf(event);
  return said === undefined ? undefined : { is: readsAsProbe(container, said), exact: false };
}
