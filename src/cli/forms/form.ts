/** How an event is shown: the forms of `--dump`. */
import { printable } from "../../base/text.ts";
import type { Given } from "../args.ts";
import { type Paint, paintFor } from "../text/style.ts";
import type { View } from "../view.ts";
import { Columns } from "./columns.ts";
import { compactLine } from "./compact.ts";
import { jsonLine } from "./json.ts";
import { OutputFormat } from "./output.ts";
import { relativeTime, timeOfDay } from "./times.ts";

/** What a form has to know of where it is shown. */
export interface Screen {
  readonly isTerminal: boolean;
  /** Columns, where it is a terminal. */
  readonly columns: number | undefined;
}

export interface Form {
  /** Stands before the first event; undefined: nothing does. */
  header?(): string;
  /** An event as a line, without its newline; undefined where this form has nothing of it. */
  line(view: View): string | Buffer | undefined;
}

const RELATIVE_WIDTH = 12;
const MILLISECONDS = -6;

/** What stands before a line in place of the time: how long after the one before. */
function since(): (view: View) => string {
  let before: bigint | undefined;
  return ({ timeNano }) => {
    const text = relativeTime(timeNano, before ?? timeNano);
    before = timeNano;
    return text.padStart(RELATIVE_WIDTH);
  };
}

/** Bytes as they are, or on a terminal as text that does not act on it. */
const raw = (screen: Screen): Form => ({
  line: ({ raw }) => (raw === undefined || !screen.isTerminal ? raw : printable(raw.toString())),
});

/**
 * The form that was asked for; a compact line where none was.
 * @throws BadUsage where a field is not there
 */
export function formOf(given: Given, screen: Screen): Form {
  const paint: Paint = paintFor(given.one("color"), screen.isTerminal);
  const relative = given.has("relative") ? since() : undefined;
  const output = given.one("output");
  const columns = given.one("columns");
  // What follows a time of its own has none before it.
  const before = (line: string, view: View): string =>
    relative === undefined ? line : `${paint("dim", relative(view))} ${line}`;
  if (given.has("json")) return { line: jsonLine };
  if (given.has("raw")) return raw(screen);
  if (output !== undefined) {
    const format = new OutputFormat(output);
    return { line: (view) => before(format.line(view), view) };
  }
  if (columns !== undefined) {
    const table = new Columns(columns, paint);
    const header = { header: () => table.header(screen.columns ?? 80) };
    return {
      ...(screen.isTerminal ? header : {}),
      line: (view) => before(table.line(view, screen.columns), view),
    };
  }
  return {
    line: (view) => {
      const when = relative?.(view) ?? timeOfDay(view.timeNano).slice(0, MILLISECONDS);
      return compactLine(view, when, paint, screen.columns);
    },
  };
}
