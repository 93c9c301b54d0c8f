/** What a field is: its name, its type, and what of an event its value is taken from. */
import type { EnrichedEvent, Enrichment } from "../../sensor/enrichment.ts";

/** Falco's number of a value's type (falcosecurity/libs 0.23.2: ppm_events_public.h: PT_*). */
export const fieldTypes = { uint64: 8, string: 9, abstime: 21, bool: 25 } as const;

/** Reads something of an event that several fields are taken from; undefined where the event has nothing of it. */
export type Part = (event: EnrichedEvent) => object | undefined;

const sharedParts = new Set<Part>();

/**
 * Marks a part that is one and the same object for many events and never changes: what its fields are in a record is
 * then made once and copied. They must be taken from nothing but the part.
 */
export function shared<P extends Part>(part: P): P {
  sharedParts.add(part);
  return part;
}

export const isShared = (part: Part): boolean => sharedParts.has(part);

const addedParts = new Set<Part>();

/** A part of what we add to an event: where nothing is added, which most events of a flood are, nobody looks for it. */
export function added<P extends object>(
  take: (addition: Enrichment) => P | undefined,
): (event: EnrichedEvent) => P | undefined {
  const part = ({ falco }: EnrichedEvent) => (falco === undefined ? undefined : take(falco));
  addedParts.add(part);
  return part;
}

export const isAdded = (part: Part): boolean => addedParts.has(part);

/** The event itself. */
export const whole = (event: EnrichedEvent): EnrichedEvent => event;

/** Takes a value from what the field's own part read; the type of that is known where the field is written down. */
type Take<T> = (part: never) => T | undefined;

export type Pairs = readonly (readonly [key: string, value: string])[];

/** Where a field's value is taken from. `like`: fields whose text is often the same one, and then is written once. */
export type Source =
  | { readonly kind: "attribute"; readonly key: string }
  | { readonly kind: "attributes" }
  | { readonly kind: "timestamp" }
  /** The container's labels: those among the attributes, and those that we add. */
  | { readonly kind: "labels" }
  | { readonly kind: "text"; readonly part: Part; readonly take: Take<string>; readonly like: readonly string[] }
  | { readonly kind: "texts"; readonly part: Part; readonly take: Take<readonly string[]> }
  | { readonly kind: "pairs"; readonly part: Part; readonly take: Take<Pairs> }
  | { readonly kind: "numbers"; readonly part: Part; readonly take: Take<readonly number[]> }
  | { readonly kind: "number"; readonly part: Part; readonly take: Take<bigint> }
  | { readonly kind: "flag"; readonly part: Part; readonly take: Take<boolean> };

/**
 * A field that rules can use. `undefined` is absent in Falco (`<NA>`); an empty string is present and empty; a list is
 * never empty, as Falco cannot tell that from an absent one.
 */
export interface Field {
  readonly name: string;
  readonly type: keyof typeof fieldTypes;
  readonly list: boolean;
  /** What its required argument is called; undefined where it takes none. */
  readonly key: string | undefined;
  readonly desc: string;
  /** For readers: what the value is taken from. */
  readonly from: string;
  /** A value as a rule's output shows it; of a field with an argument, for the argument in `exampleKey`. */
  readonly example: string;
  readonly exampleKey?: string;
  /** The engine API that first has it: engines from 1.24 (Docker 1.12) on are spoken to. */
  readonly since: string;
  /** Whether Falco (0.41 and newer) shows it behind each rule's output, unless it is set up otherwise. */
  readonly addOutput?: true;
  readonly source: Source;
}

/** A field as a rule writes it, with its argument. */
export const nameOf = ({ name, key }: Field): string => (key === undefined ? name : `${name}[${key}]`);

/** The type of a field's value, in words. */
export const typeOf = ({ type, list }: Field): string => (list ? `${type} list` : type);

export type About = Pick<Field, "name" | "desc" | "from" | "example"> & { readonly since?: string };

export function field(
  { since = "1.24", ...about }: About,
  type: Field["type"],
  source: Source,
  more: { list?: boolean; key?: string; exampleKey?: string } = {},
): Field {
  return { list: false, key: undefined, ...about, ...more, type, since, source };
}

export const about = (name: string, desc: string, from: string, example: string, since = "1.24"): About => ({
  name,
  desc,
  from,
  example,
  since,
});

/** A field that Falco is to show behind each rule's output. */
export const shown = (field: Field): Field => ({ ...field, addOutput: true });

/** A field that is one attribute of the event. */
export function attribute(name: string, key: string, desc: string, example: string, since?: string): Field {
  return field(about(name, desc, `attribute \`${key}\``, example, since), "string", { kind: "attribute", key });
}

/** Fields of one part of an event. */
export function of<P extends object>(part: (event: EnrichedEvent) => P | undefined) {
  return {
    text: (what: About, take: (part: P) => string | undefined, like: readonly string[] = []) =>
      field(what, "string", { kind: "text", part, take, like }),
    texts: (what: About, take: (part: P) => readonly string[] | undefined) =>
      field(what, "string", { kind: "texts", part, take }, { list: true }),
    numbers: (what: About, take: (part: P) => readonly number[] | undefined) =>
      field(what, "uint64", { kind: "numbers", part, take }, { list: true }),
    number: (what: About, take: (part: P) => bigint | undefined) =>
      field(what, "uint64", { kind: "number", part, take }),
    time: (what: About, take: (part: P) => bigint | undefined) =>
      field(what, "abstime", { kind: "number", part, take }),
    flag: (what: About, take: (part: P) => boolean | undefined) => field(what, "bool", { kind: "flag", part, take }),
  };
}
