import { SENSITIVE_PATHS } from "../src/docker/inspect.ts";
import { type Field, fields } from "../src/plugin/fields.ts";

const nameOf = ({ name, key }: Field): string => (key === undefined ? name : `${name}[${key}]`);
const typeOf = ({ type, list }: Field): string => (list ? `${type} list` : type);

/** A text in a cell of a table: a bar would end it. */
const cell = (text: string): string => text.replaceAll("|", "\\|");

/** The README's table of all fields. */
export function fieldsMarkdown(): string {
  const rows = fields.map((field) => {
    const { exampleKey, example, from, since } = field;
    const shown = `${exampleKey === undefined ? "" : `[${exampleKey}] `}${example}`;
    const code = shown === "" ? "" : `\`${shown}\``;
    return `| ${[`\`${nameOf(field)}\``, typeOf(field), field.desc, from, code, since].map(cell).join(" | ")} |`;
  });
  return [
    "| field | type | description | taken from | example | API |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/** The README's table of sensitive paths, one row a reason. */
export function sensitivePathsMarkdown(): string {
  const rows = new Map<string, { paths: string[]; when: string; below: boolean; reason: string }>();
  for (const { path, when, below, reason } of SENSITIVE_PATHS) {
    const row = rows.get(`${when}${below}${reason}`) ?? { paths: [], when, below, reason };
    row.paths.push(`\`${path}\``);
    rows.set(`${when}${below}${reason}`, row);
  }
  const lines = [...rows.values()].map(
    ({ paths, when, below, reason }) =>
      `| ${[paths.join(" "), below ? "and below" : "itself", when, reason].map(cell).join(" | ")} |`,
  );
  return ["| path | what of it | sensitive | why |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

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
