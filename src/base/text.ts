/** Texts of others, for a person's eyes. */

/** C0 and C1 controls, DEL, and what reorders or breaks lines: all that could change a terminal or a log. */
const HARMFUL = /[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Makes a text one harmless line: what could act on a terminal or a log becomes an escape that can be read. */
export function printable(text: string): string {
  return text.replace(HARMFUL, (c) => {
    if (c === "\n") return "\\n";
    if (c === "\r") return "\\r";
    if (c === "\t") return "\\t";
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
