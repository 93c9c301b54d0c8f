import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { initSchemaJson } from "../../build/constants.ts";
import { fieldsMarkdown, sensitivePathsMarkdown } from "../../build/field_docs.ts";
import { metrics } from "../../src/plugin/metrics.ts";

/** The README's tables are made from the definitions: `UPDATE=1 bun test test/unit/readme.test.ts` writes them anew. */
const README = join(import.meta.dir, "../../README.md");

interface Setting {
  readonly anyOf: readonly { type?: string; minimum?: number; maximum?: number; description?: string }[];
  readonly default: unknown;
}

function settings(): string {
  const { properties } = JSON.parse(initSchemaJson()) as { properties: Record<string, Setting> };
  const rows = Object.entries(properties).map(([name, { anyOf, default: byDefault }]) => {
    const { type = "", minimum, maximum, description = "" } = anyOf[0] ?? {};
    const range = minimum === undefined ? "" : `, ${minimum} to ${maximum}`;
    return `| \`${name}\` | ${type}${range} | \`${JSON.stringify(byDefault)}\` | ${description} |`;
  });
  return ["| setting | type | default | meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

function metricsTable(): string {
  const rows = metrics.map(
    ({ name, monotonic, desc }) => `| \`${name}\` | ${monotonic ? "counter" : "gauge"} | ${desc} |`,
  );
  return ["| metric | kind | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

const tables: Record<string, () => string> = {
  fields: fieldsMarkdown,
  sensitivepaths: sensitivePathsMarkdown,
  settings,
  metrics: metricsTable,
};

test.each(Object.keys(tables))("the README's table of %s is the definitions'", (name) => {
  const readme = readFileSync(README, "utf8");
  const marked = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`);
  expect(readme).toMatch(marked);
  const fresh = readme.replace(
    marked,
    (_all, open: string, close: string) => `${open}\n${tables[name]?.()}\n\n${close}`,
  );
  if (process.env.UPDATE) writeFileSync(README, fresh);
  else expect(readme).toBe(fresh);
});
