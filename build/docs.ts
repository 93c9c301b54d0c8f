/** The tables of the README and of docs/, made from the definitions. */

import { nameOf, typeOf } from "../src/plugin/fields/field.ts";
import { fields } from "../src/plugin/fields.ts";
import { metrics } from "../src/plugin/metrics.ts";
import { initSchemaJson } from "../src/plugin/schema.ts";
import { SENSITIVE_PATHS, type SensitivePath } from "../src/sensor/sensitive_paths.ts";
import { readmeRuleTables, ruleTables } from "./rules/tables.ts";

/** A text in a cell of a table: a bar would end it. */
const cell = (text: string): string => text.replaceAll("|", "\\|");

/** All fields. */
function fieldsTable(): string {
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

/** The sensitive paths, one row a reason. */
function sensitivePathsTable(): string {
  const rows = new Map<string, Omit<SensitivePath, "path"> & { paths: string[] }>();
  for (const { path, ...entry } of SENSITIVE_PATHS) {
    const key = JSON.stringify(entry);
    const row = rows.get(key) ?? { ...entry, paths: [] };
    row.paths.push(`\`${path}\``);
    rows.set(key, row);
  }
  const lines = [...rows.values()].map(
    ({ kind, paths, when, below, reason }) =>
      `| ${[`\`${kind}\``, paths.join(" "), below ? "and below" : "itself", when, reason].map(cell).join(" | ")} |`,
  );
  return ["| kind | path | what of it | sensitive | why |", "| --- | --- | --- | --- | --- |", ...lines].join("\n");
}

interface Setting {
  readonly anyOf: readonly {
    type?: string;
    enum?: readonly string[];
    minimum?: number;
    maximum?: number;
    description?: string;
  }[];
  readonly default: unknown;
}

function settingsTable(): string {
  const { properties } = JSON.parse(initSchemaJson()) as { properties: Record<string, Setting> };
  const rows = Object.entries(properties).map(([name, { anyOf, default: byDefault }]) => {
    const { enum: words, minimum, maximum, description = "", ...kind } = anyOf[0] ?? {};
    const type = words === undefined ? kind.type : words.map((word) => `\`${word}\``).join(" ");
    const range = minimum === undefined ? "" : `, ${minimum} to ${maximum}`;
    const without = byDefault === undefined ? "none" : `\`${JSON.stringify(byDefault)}\``;
    return `| \`${name}\` | ${type}${range} | ${without} | ${description} |`;
  });
  return ["| setting | type | default | meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

function metricsTable(): string {
  const rows = metrics.map(
    ({ name, monotonic, desc }) => `| \`${name}\` | ${monotonic ? "counter" : "gauge"} | ${desc} |`,
  );
  return ["| metric | kind | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

/** What is asked beside the events, by the field it serves: what is absent where a proxy refuses it. */
function requestsTable(): string {
  const served = new Map<string, string[]>();
  for (const field of fields)
    for (const [, path = ""] of field.from.matchAll(/GET (\/[\w{}/]+)/g))
      served.set(path, [...(served.get(path) ?? []), `\`${nameOf(field)}\``]);
  const rows = [...served].map(
    ([path, names]) =>
      `| \`GET ${path}\` | ${names.length} | ${names.slice(0, 3).join(" ")}${names.length > 3 ? " …" : ""} |`,
  );
  return ["| request | fields | such as |", "| --- | --- | --- |", ...rows].join("\n");
}

/** The documents with tables, and these by the name of the mark that they stand at. */
export const documents: Record<string, Record<string, () => string>> = {
  "README.md": readmeRuleTables,
  "docs/fields.md": { fields: fieldsTable },
  "docs/sensitive-paths.md": { sensitivepaths: sensitivePathsTable },
  "docs/settings.md": { settings: settingsTable },
  "docs/metrics.md": { metrics: metricsTable },
  "docs/engines.md": { requests: requestsTable },
  "docs/rules.md": ruleTables,
};
