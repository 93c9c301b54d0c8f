/** Which events of an engine are wanted: what the engine is asked for, and what we leave out of what it sends. */
import type { DockerEvent } from "./event.ts";

/**
 * What `GET /events` can be narrowed down to (moby v28.5.2: daemon/events/filter.go; podman 5.8: `pod`). moby ignores all
 * other keys without a word, and so would send everything.
 */
export const FILTER_KEYS = [
  ...["config", "container", "daemon", "event", "image", "label", "network", "node"],
  ...["plugin", "pod", "scope", "secret", "service", "type", "volume"],
] as const;

export type FilterKey = (typeof FILTER_KEYS)[number];

/** The values of each key: any of them will do (`label`: all of them), and each key has to. */
export type Filters = Readonly<Partial<Record<FilterKey, readonly string[]>>>;

export const isFilterKey = (key: string): key is FilterKey => FILTER_KEYS.some((known) => known === key);

/** The types that engines are known to have events of (moby 28.5.2: api/types/events; podman 5: libpod/events). */
export const TYPES: ReadonlySet<string> = new Set([
  ...["builder", "config", "container", "daemon", "image", "network", "node", "plugin", "secret", "service", "volume"],
  ...["pod", "system"],
]);

/** The keys that narrow something down. */
const entriesOf = (filters: Filters): [FilterKey, readonly string[]][] =>
  FILTER_KEYS.flatMap((key) => (filters[key]?.length ? [[key, filters[key]]] : []));

/**
 * The filters as a part of a query, `filters=…`; empty where there are none. In the form that docker's own client
 * writes, a set a key, which podman takes too (moby v28.5.2: api/types/filters, Args.MarshalJSON).
 */
export function filterQuery(filters: Filters): string {
  const sets = entriesOf(filters).map(([key, values]) => [
    key,
    Object.fromEntries(values.map((value) => [value, true])),
  ]);
  return sets.length === 0 ? "" : `filters=${encodeURIComponent(JSON.stringify(Object.fromEntries(sets)))}`;
}

/** An image's name without tag and digest, and without what the CLI leaves out of it. */
const bareName = (image: string): string =>
  image
    .replace(/@[^@/]*$/, "")
    .replace(/:[^:/]*$/, "")
    .replace(/^docker\.io\/(library\/)?/, "");

function fits(key: FilterKey, value: string, { Type, Action, Actor, scope }: DockerEvent): boolean {
  const { ID, Attributes } = Actor;
  switch (key) {
    case "type":
      return Type === value;
    case "event":
      return Action === value || Action.startsWith(`${value}: `);
    case "scope":
      return scope === value;
    case "label": {
      const equals = value.indexOf("=");
      if (equals < 0) return Object.hasOwn(Attributes, value);
      return Attributes[value.slice(0, equals)] === value.slice(equals + 1);
    }
    case "image": {
      const name = (Type === "image" ? Attributes.name : Attributes.image) ?? "";
      return [ID, name, bareName(ID), bareName(name)].includes(value);
    }
    default:
      // The engine compares what is about anything with the name; here only what is of that type is meant.
      return Type === key && (ID.startsWith(value) || (Attributes.name ?? "").startsWith(value));
  }
}

/** Whether changes of containers and of their networks may be among what the engine does not send. */
export const hidesChanges = ({ type, ...others }: Filters): boolean =>
  entriesOf(others).length > 0 || (type?.length ? !(type.includes("container") && type.includes("network")) : false);

/** Whether what changes volumes is among the events that the engine does not send. */
export const hidesVolumes = ({ type, ...others }: Filters): boolean =>
  entriesOf(others).length > 0 || (type?.length ? !type.includes("volume") : false);

/** Whether a container is wanted that runs already, by the event that would tell of it, which is none of the engine's. */
export function includesRunning({ event: _, scope: __, ...filters }: Filters): (event: DockerEvent) => boolean {
  const entries = entriesOf(filters);
  return (event) =>
    entries.every(([key, values]) =>
      key === "label"
        ? values.every((value) => fits(key, value, event))
        : values.some((value) => fits(key, value, event)),
    );
}

/** Whether an event is one of those that are left out: it fits any value of any key. */
export function excludes(filters: Filters): (event: DockerEvent) => boolean {
  const entries = entriesOf(filters);
  return (event) => entries.some(([key, values]) => values.some((value) => fits(key, value, event)));
}
