import type { Loss } from "../docker/stream/stream.ts";

const iso = (nano: bigint): string =>
  `${new Date(Number(nano / 1_000_000_000n) * 1000).toISOString().slice(0, 19)}.${String(nano % 1_000_000_000n).padStart(9, "0")}Z`;

/**
 * The line of the event that says in the stream itself that events were lost, in the engine's own form, so that a rule
 * can alert on it: `docker.type = plugin and docker.action = events_lost`.
 * @param now the engine's clock, ns since 1970
 */
export function lossLine(loss: Loss, engine: string, now: bigint): string {
  const attributes = {
    name: "docker",
    reason: loss.reason,
    since: iso(loss.since),
    until: iso(loss.until),
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
