/** The event of our own that tells of events that were lost. */
import { isoTime } from "../base/time.ts";
import type { Loss } from "../docker/stream/stream.ts";

/**
 * The line of the event that says in the stream itself that events were lost, in the engine's own form, so that a rule
 * can alert on it: `docker.type = plugin and docker.action = events_lost`.
 * @param now the engine's clock, ns since 1970
 */
export function lossLine(loss: Loss, engine: string, now: bigint): string {
  const attributes = {
    name: "docker",
    reason: loss.reason,
    since: isoTime(loss.since),
    until: isoTime(loss.until),
    ...(loss.count === undefined ? {} : { count: String(loss.count) }),
    engine,
  };
  const event = {
    Type: "plugin",
    Action: "events_lost",
    Actor: { ID: "falco-docker-plugin", Attributes: attributes },
    scope: "local",
    time: Number(now / 1_000_000_000n),
  };
  // The digits of timeNano are more than a number holds.
  return `${JSON.stringify(event).slice(0, -1)},"timeNano":${now}}`;
}
