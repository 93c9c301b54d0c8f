/** Colours, where there is a terminal that shows them. */

/** A kind of text, by what it means to a reader. */
export type Kind = "dim" | "strong" | "good" | "warn" | "bad" | "name";

/** Select Graphic Rendition (ECMA-48, 8.3.117). */
const CODES: Record<Kind, string> = { dim: "2", strong: "1", good: "32", warn: "33", bad: "31;1", name: "36" };

/** Paints a text that is harmless already. */
export type Paint = (kind: Kind, text: string) => string;

const plain: Paint = (_kind, text) => text;
const coloured: Paint = (kind, text) => (text === "" ? "" : `\x1b[${CODES[kind]}m${text}\x1b[0m`);

/**
 * How texts are painted.
 * @param when `always`, `never`, or `auto`: on a terminal, where NO_COLOR is not set (no-color.org) and it is not a dumb one
 */
export function paintFor(
  when: string | undefined,
  isTerminal: boolean,
  { NO_COLOR = "", TERM = "" }: Readonly<Record<string, string | undefined>> = process.env,
): Paint {
  if (when === "always") return coloured;
  if (when === "never" || !isTerminal || NO_COLOR !== "" || TERM === "dumb") return plain;
  return coloured;
}
