import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tables } from "../../build/readme.ts";

/** The README's tables are made from the definitions: `UPDATE=1 bun test test/unit/readme.test.ts` writes them anew. */
const README = join(import.meta.dir, "../../README.md");

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
