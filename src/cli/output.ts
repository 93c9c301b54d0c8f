import { type Field, fields } from "../plugin/fields.ts";
import type { RecordReader } from "../runtime/record.ts";
import { printable } from "../text.ts";

/** The output of the rule in rules/docker_rules.yaml. */
export const DEFAULT_OUTPUT =
  "status=%docker.status from=%docker.from type=%docker.type action=%docker.action name=%docker.attributes.name";

export class BadFormat extends Error {}

/** A rule's output format: text with fields, each written `%name`. */
export class OutputFormat {
  readonly #parts: (string | Field)[] = [];

  /** @throws BadFormat that names an unknown field */
  constructor(format: string) {
    let end = 0;
    for (const match of format.matchAll(/%([a-z][a-z0-9_.]*[a-z0-9])/g)) {
      const field = fields.find(({ name }) => name === match[1]);
      if (field === undefined) {
        const known = fields.map(({ name }) => name).join(" ");
        throw new BadFormat(`--output: there is no field ${match[1]}; known are ${known}`);
      }
      this.#parts.push(format.slice(end, match.index), field);
      end = match.index + match[0].length;
    }
    this.#parts.push(format.slice(end));
  }

  /** The line for the record at `base`, with `<NA>` for what is absent, as Falco prints it. */
  line(reader: RecordReader, base: number): string {
    return this.#parts
      .map((part) => (typeof part === "string" ? part : printable(reader.value(base, part) ?? "<NA>")))
      .join("");
  }
}

/** A time as Falco prints it: `14:53:29.092313000`, local time. */
export function timeOfDay(timeNano: bigint): string {
  const date = new Date(Number(timeNano / 1_000_000n));
  const two = (n: number) => String(n).padStart(2, "0");
  const nanos = String(timeNano % 1_000_000_000n).padStart(9, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${nanos}`;
}
