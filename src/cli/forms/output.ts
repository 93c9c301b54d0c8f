/** An event as a rule's output has it: `--output FORMAT`. */
import { didYouMean } from "../../base/nearest.ts";
import { printable } from "../../base/text.ts";
import type { Value } from "../../ipc/record_reader.ts";
import type { Field } from "../../plugin/fields/field.ts";
import { fields } from "../../plugin/fields.ts";
import { info } from "../../plugin/info.ts";
import { BadUsage } from "../args.ts";
import { fieldNamed, type View } from "../view.ts";
import { dateTime, timeOfDay } from "./times.ts";

/** A field of a format, with its argument. */
export interface Asked {
  readonly field: Field;
  readonly key: string | undefined;
}

/** What stands in a format: text, or what is taken of an event. */
type Part = string | ((view: View) => string);

/** What the plugin's `event_to_string` puts together (ffi/host/plugin.c). */
const INFO: readonly (readonly [name: string, label: string])[] = [
  ["docker.type", ""],
  ["docker.action", ""],
  ["docker.attributes.name", "name="],
  ["docker.from", "from="],
  ["docker.id", "id="],
  ["docker.scope", "scope="],
];

function infoOf(view: View): string {
  const parts = INFO.map(([name, label]) => [label, view.value(fieldNamed(name))] as const);
  const text = parts.flatMap(([label, value]) => (value === undefined ? [] : [`${label}${String(value)}`])).join(" ");
  // A space for each byte that could act on a terminal (ffi/shared/log.c, log_clean).
  return text.replace(/\p{Cc}/gu, (c) => (c > "\x7f" ? "  " : " "));
}

/**
 * Fields that each event of Falco's has, as far as they make sense without it; test/sinsp/tool.test.ts compares them
 * with what sysdig prints.
 */
const EVENT_FIELDS: Readonly<Record<string, (view: View) => string>> = {
  "evt.num": ({ number }) => String(number),
  "evt.time": ({ timeNano }) => timeOfDay(timeNano),
  "evt.datetime": ({ timeNano }) => dateTime(timeNano),
  "evt.rawtime": ({ timeNano }) => String(timeNano),
  "evt.source": () => info.eventSource,
  "evt.pluginname": () => info.name,
  "evt.plugininfo": infoOf,
};

const NAMES = [...fields.map(({ name }) => name), ...Object.keys(EVENT_FIELDS)];

/** What can stand around a field of one text; what Falco has beside is for bytes and for conditions. */
const TRANSFORMERS: Readonly<Record<string, (text: string) => string>> = {
  toupper: (text) => text.toUpperCase(),
  tolower: (text) => text.toLowerCase(),
};

/** `%name`, `%name[argument]`, `%transformer(name)`, as Falco reads it. */
const FIELD = /%((?:[a-z0-9]+\()*)([a-z][a-z0-9_.]*[a-z0-9])(?:\[([^\]]*)\])?(\)*)/g;

/** A value as Falco prints it (test/sinsp/tool.test.ts): times are nanoseconds since 1970. */
export function valueText(value: Value | undefined): string {
  if (value === undefined) return "<NA>";
  return Array.isArray(value) ? `(${value.join(",")})` : String(value);
}

/**
 * The field that a person named.
 * @param where what the name stands in, for errors
 * @throws BadUsage where there is none, or its argument is missing or too much
 */
export function fieldAsked(where: string, name: string, key: string | undefined): Asked {
  const field = fields.find((each) => each.name === name);
  if (field === undefined)
    throw new BadUsage(
      `${where}: there is no field ${printable(name)}${didYouMean(name, NAMES) || "; docker-plugin --fields lists all"}`,
    );
  if (field.key !== undefined && key === undefined)
    throw new BadUsage(`${where}: ${name} needs an argument: ${name}[${field.key}]`);
  if (field.key === undefined && key !== undefined) throw new BadUsage(`${where}: ${name} takes no argument`);
  return { field, key };
}

/** A rule's output format: text with fields, each written `%name` or `%name[argument]`. */
export class OutputFormat {
  readonly #parts: Part[] = [];

  /** @throws BadUsage that names a field that does not exist, or whose argument is missing or too much */
  constructor(format: string) {
    let end = 0;
    for (const match of format.matchAll(FIELD)) {
      const [text, around = "", name = "", key, closing = ""] = match;
      const names = around.split("(").slice(0, -1);
      if (closing.length < names.length) throw new BadUsage(`--output: ${text} has no closing parenthesis`);
      const own = key === undefined && names.length === 0 ? EVENT_FIELDS[name] : undefined;
      this.#parts.push(format.slice(end, match.index), own ?? this.#field(name, key, names));
      // Further parentheses are text.
      end = match.index + text.length - (closing.length - names.length);
    }
    this.#parts.push(format.slice(end));
  }

  /** The line of an event, with `<NA>` for what is absent, as Falco prints it; what could act on a terminal is escaped. */
  line(view: View): string {
    return this.#parts.map((part) => (typeof part === "string" ? part : printable(part(view)))).join("");
  }

  #field(name: string, argument: string | undefined, around: readonly string[]): Part {
    const { field, key } = fieldAsked("--output", name, argument);
    const transformers = around.toReversed().map((each) => transformerOf(each, field));
    return (view) => {
      const value = view.value(field, key);
      if (typeof value !== "string") return valueText(value);
      return transformers.reduce((text, transform) => transform(text), value);
    };
  }
}

/** @throws BadUsage where there is none of that name, or it is not for such a field */
function transformerOf(name: string, field: Field): (text: string) => string {
  const transform = TRANSFORMERS[name];
  const known = Object.keys(TRANSFORMERS);
  if (transform === undefined)
    throw new BadUsage(
      `--output: there is no transformer ${name}${didYouMean(name, known) || `; known are ${known.join(", ")}`}`,
    );
  if (field.type !== "string" || field.list)
    throw new BadUsage(`--output: ${name} is for texts, and ${field.name} is none`);
  return transform;
}
