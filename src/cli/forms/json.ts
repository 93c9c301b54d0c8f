/** An event as a JSON object: `--json`. */
import { printable } from "../../base/text.ts";
import type { Value } from "../../ipc/record_reader.ts";
import type { Field } from "../../plugin/fields/field.ts";
import { fields } from "../../plugin/fields.ts";
import type { View } from "../view.ts";

/**
 * A text in JSON. JSON itself escapes the C0 controls only; what else could act on a terminal or reorder what it shows
 * is escaped too, in a way that any reader of JSON takes back.
 */
const text = (value: string): string => JSON.stringify(value).replace(/[^\x20-\x7e]/g, (c) => printable(c));

/** A value in JSON; whole numbers with all their digits, which are more than a double holds. */
function json(value: Value): string {
  if (typeof value === "string") return text(value);
  return typeof value === "object" ? `[${[...value].map(json).join(",")}]` : String(value);
}

function fieldJson(view: View, field: Field): string | undefined {
  if (field.key === undefined) {
    const value = view.value(field);
    return value === undefined ? undefined : json(value);
  }
  const pairs = view.pairs(field).map(([key, value]) => `${text(key)}:${text(value)}`);
  return pairs.length === 0 ? undefined : `{${pairs.join(",")}}`;
}

/** The object: each field that the event has, by its name; one that takes an argument is an object of all its values. */
export function jsonLine(view: View): string {
  const entries = fields.flatMap((field) => {
    const value = fieldJson(view, field);
    return value === undefined ? [] : [`${text(field.name)}:${value}`];
  });
  return `{${entries.join(",")}}`;
}
