/** The fields for a person at a terminal: `docker-plugin --fields`. */
import { nameOf, typeOf } from "../plugin/fields/field.ts";
import { fields } from "../plugin/fields.ts";
import { wrap } from "./text/wrap.ts";

const WIDTH_MIN = 40;

/**
 * All fields for a terminal: name and type in columns, behind them what the field is and what it is taken from.
 * @param width columns of the terminal
 */
export function fieldsText(width: number): string {
  const names = Math.max(...fields.map((field) => nameOf(field).length)) + 2;
  const types = Math.max(...fields.map((field) => typeOf(field).length)) + 2;
  const indent = " ".repeat(names + types);
  const room = Math.max(WIDTH_MIN, width - indent.length);
  const entries = fields.map((field) => {
    const since = field.since === "1.24" ? "" : ` (API ${field.since})`;
    const example = field.example === "" ? "" : `e.g. ${field.example}`;
    const from = `from: ${field.from.replaceAll("`", "")}${since}`;
    const lines = [field.desc, from, example].filter((text) => text !== "").flatMap((text) => wrap(text, room));
    return lines
      .map((line, i) => (i === 0 ? nameOf(field).padEnd(names) + typeOf(field).padEnd(types) : indent) + line)
      .join("\n");
  });
  return `${entries.join("\n")}\n`;
}

/** All fields for a program: what `get_fields` says of each, and what each is taken from. */
export const fieldsJson = (): string =>
  `${JSON.stringify(
    fields.map(({ name, type, list, key, desc, from, example, since }) => ({
      name,
      type,
      list,
      argument: key ?? null,
      desc,
      from: from.replaceAll("`", ""),
      example,
      api: since,
    })),
  )}\n`;
