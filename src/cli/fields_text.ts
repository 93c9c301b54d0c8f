/** The fields for a person at a terminal: `docker-plugin --fields`. */

import { nameOf, typeOf } from "../plugin/fields/field.ts";
import { fields } from "../plugin/fields.ts";

/** Breaks a text into lines of at most `width` characters, at spaces. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

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
