/** Events about containers and other objects, and an engine's answers about them. */
import type { Json } from "../../src/base/lenient.ts";
import { fields } from "../../src/plugin/fields.ts";
import type { Behaviour } from "./engine.ts";
import type { Ask, HostEvent, Instance, State, Value } from "./host.ts";
import { inspectionOf } from "./recordings.ts";

export const ID = "7".repeat(64);
export const OTHER = "8".repeat(64);

/** The recorded answer about a container (dockerd 20.10.24), with what differs. */
export const container = (more: Json = {}, name = "plain", id = ID): Json => ({
  ...inspectionOf("docker-20.10.24", name),
  Id: id,
  ...more,
});

/** A mount of a volume of the local driver, as an inspection lists it. */
export const volumeMount = (Name: string, Destination: string) => ({
  Type: "volume",
  Name,
  Driver: "local",
  Source: `/var/lib/docker/volumes/${Name}/_data`,
  Destination,
  Mode: "z",
  RW: true,
});

/** Answers in place of the engine's own, by path. */
export const answering = (answers: Record<string, unknown>): NonNullable<Behaviour["answers"]> =>
  Object.fromEntries(
    Object.entries(answers).map(([path, json]) => [path, { status: 200, body: JSON.stringify(json) }]),
  );

let tick = 0;

/** The line of an event that happens now. */
export function line(
  Action: string,
  { id = ID, Type = "container", attributes = {} as Record<string, string> } = {},
): string {
  const nano = BigInt(Date.now()) * 1_000_000n + BigInt(tick++);
  const own = Type === "container" ? { image: "bb:1", name: "web" } : {};
  const event = { Type, Action, Actor: { ID: id, Attributes: { ...own, ...attributes } } };
  return `${JSON.stringify(event).slice(0, -1)},"scope":"local","time":1,"timeNano":${nano}}`;
}

export const config = (more: object = {}) =>
  JSON.stringify({ statefile: "", snapshot: false, inspecttimeout: 10_000, ...more });

/** Every field; those with an argument with a given one. */
const everything = (key: string): Ask[] =>
  fields.map(({ name, key: argument }) => (argument === undefined ? name : [name, key]));

/** Takes events, asks each for fields at once, and asks for all again of a replayed copy. Each begins with its action. */
export function take(state: State, instance: Instance, count: number, asks: Ask[], key = "/data"): Value[][] {
  return instance.take(count, (event: HostEvent) => {
    const replayed = state.foreign(event.payload);
    replayed.bytes.writeBigUInt64LE(event.ts, 0);
    const [live, again] = [state.extract(event, everything(key)), state.extract(replayed, everything(key))];
    if (!Bun.deepEquals(live, again)) throw new Error(`live and replayed differ: ${live} ${again}`);
    return [JSON.parse(event.payload).Action, ...state.extract(event, asks)];
  });
}
