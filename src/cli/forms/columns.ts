/** Chosen fields in columns: `--columns a,b`. */
import { printable } from "../../base/text.ts";
import { fields } from "../../plugin/fields.ts";
import type { Paint } from "../text/style.ts";
import { fit, pad } from "../text/wrap.ts";
import type { View } from "../view.ts";
import { type Asked, fieldAsked, valueText } from "./output.ts";
import { timeOfDay } from "./times.ts";

/** A column is no wider than this, but for the last one. */
const WIDTH_MAX = 40;
const GAP = "  ";

interface Column extends Asked {
  readonly title: string;
  width: number;
}

/** `name`, `name[argument]`, with or without `docker.`; a comma in an argument does not end it. */
const FIELD = /\s*([^,[\]\s]+)(?:\[([^\]]*)\])?\s*(?:,|$)/gy;

/** @throws BadUsage */
function columnsOf(text: string): Column[] {
  const columns: Column[] = [];
  let end = 0;
  for (const match of text.matchAll(FIELD)) {
    const [all, name = "", key] = match;
    end = match.index + all.length;
    const full = fields.some((field) => field.name === `docker.${name}`) ? `docker.${name}` : name;
    const title = key === undefined ? name : `${name}[${key}]`;
    columns.push({ ...fieldAsked("--columns", full, key), title, width: Bun.stringWidth(title) });
  }
  if (columns.length === 0 || end < text.length) fieldAsked("--columns", text.slice(end) || text, undefined);
  return columns;
}

/** Columns that grow with what they hold, as nobody knows before what comes. */
export class Columns {
  readonly #columns: Column[];

  /** @throws BadUsage where a field is not there */
  constructor(
    text: string,
    readonly paint: Paint,
  ) {
    this.#columns = columnsOf(text);
  }

  /** The titles, for a terminal. */
  header(width: number): string {
    const line = this.#columns.map(({ title, width }) => pad(title.toUpperCase(), width)).join(GAP);
    return this.paint("strong", fit(line.trimEnd(), width));
  }

  /** @param width columns of the terminal; undefined: tabs, and nothing is cut */
  line(view: View, width: number | undefined): string {
    const cells = this.#columns.map(({ field, key }) => {
      const value = view.value(field, key);
      const isTime = width !== undefined && field.type === "abstime" && typeof value === "bigint";
      return printable(isTime ? timeOfDay(value) : valueText(value));
    });
    if (width === undefined) return cells.join("\t");
    for (const [i, column] of this.#columns.entries())
      column.width = Math.max(column.width, Math.min(WIDTH_MAX, Bun.stringWidth(cells[i] ?? "")));
    const last = this.#columns.length - 1;
    const line = this.#columns
      .map(({ width }, i) => (i === last ? (cells[i] ?? "") : pad(fit(cells[i] ?? "", width), width)))
      .join(GAP);
    return fit(line, width).trimEnd();
  }
}
