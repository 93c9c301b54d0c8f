/** An event as a line, in the form of a rule's output. */
import { printable } from "../base/text.ts";
import type { RecordReader, Value } from "../ipc/record_reader.ts";
import type { Field } from "../plugin/fields/field.ts";
import { fields } from "../plugin/fields.ts";

/** The output of the rule in rules/docker_rules.yaml. */
export const DEFAULT_OUTPUT =
  "status=%docker.status from=%docker.from type=%docker.type action=%docker.action name=%docker.attributes.name";

export class BadFormat extends Error {}

/** A field of a format, with its argument. */
interface Asked {
  readonly field: Field;
  readonly key: string | undefined;
}

/** `%name` or `%name[argument]`, as Falco reads it. */
const FIELD = /%([a-z][a-z0-9_.]*[a-z0-9])(?:\[([^\]]*)\])?/g;

/** A value as Falco prints it (falcosecurity/libs 0.23.2: sinsp_filtercheck.cpp, tostring): times are nanoseconds since 1970. */
function valueText(value: Value | undefined): string {
  if (value === undefined) return "<NA>";
  return Array.isArray(value) ? `(${value.join(",")})` : String(value);
}

/** A rule's output format: text with fields, each written `%name` or `%name[argument]`. */
export class OutputFormat {
  readonly #parts: (string | Asked)[] = [];

  /** @throws BadFormat that names a field that does not exist, or whose argument is missing or too much */
  constructor(format: string) {
    let end = 0;
    for (const match of format.matchAll(FIELD)) {
      const [text, name = "", key] = match;
      this.#parts.push(format.slice(end, match.index), { field: fieldOf(name, key), key });
      end = match.index + text.length;
    }
    this.#parts.push(format.slice(end));
  }

  /** The line for the record at `base`, with `<NA>` for what is absent, as Falco prints it. */
  line(reader: RecordReader, base: number): string {
    return this.#parts
      .map((part) => (typeof part === "string" ? part : printable(valueText(reader.value(base, part.field, part.key)))))
      .join("");
  }
}

function fieldOf(name: string, key: string | undefined): Field {
  const field = fields.find((each) => each.name === name);
  if (field === undefined)
    throw new BadFormat(`--output: there is no field ${name}; known are ${fields.map(({ name }) => name).join(" ")}`);
  if (field.key !== undefined && key === undefined)
    throw new BadFormat(`--output: ${name} needs an argument: ${name}[${field.key}]`);
  if (field.key === undefined && key !== undefined) throw new BadFormat(`--output: ${name} takes no argument`);
  return field;
}

/** A time as Falco prints it: `14:53:29.092313000`, local time. */
export function timeOfDay(timeNano: bigint): string {
  const date = new Date(Number(timeNano / 1_000_000n));
  const two = (n: number) => String(n).padStart(2, "0");
  const nanos = String(timeNano % 1_000_000_000n).padStart(9, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${nanos}`;
}
