/** The event of our own that tells of events that were lost. */
import { isoTime } from "../base/time.ts";
import type { DockerEvent } from "../docker/event.ts";
import type { Loss } from "../docker/stream/reader.ts";

/**
 * The event that says in the stream itself that events were lost, in the engine's own form, so that a rule can alert on
 * it: `docker.type = plugin and docker.action = events_lost`.
 * @param engine its address
 * @param now the engine's clock, ns since 1970
 */
export function lossEvent({ reason, since, until, count }: Loss, engine: string, now: bigint): DockerEvent {
  const attributes = {
    name: "docker",
    reason,
    since: isoTime(since),
    until: isoTime(until),
    ...(count === undefined ? {} : { count: String(count) }),
    engine,
  };
  return {
    Type: "plugin",
    Action: "events_lost",
    Actor: { ID: "falco-docker-plugin", Attributes: attributes },
    scope: "local",
    time: Number(now / 1_000_000_000n),
    timeNano: now,
  };
}

/** What a person is told of a loss. */
export const lossText = ({ reason, since, until, count }: Loss): string =>
  `${count ?? "events may have been"} lost between ${isoTime(since)} and ${isoTime(until)}: ${reason}`;
