import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { documents } from "../../build/readme.ts";

/** The documents' tables are made from the definitions: `UPDATE=1 bun test test/unit/readme.test.ts` writes them anew. */
const marks = Object.entries(documents).flatMap(([file, tables]) =>
  Object.keys(tables).map((mark) => [file, mark] as const),
);

test.each(marks)("%s: the table of %s is the definitions'", (file, mark) => {
  const path = join(import.meta.dir, "../..", file);
  const text = readFileSync(path, "utf8");
  const marked = new RegExp(`(<!-- ${mark} -->\n)[^]*?(<!-- /${mark} -->)`);
  expect(text).toMatch(marked);
  const fresh = text.replace(
    marked,
    (_all, open: string, close: string) => `${open}\n${documents[file]?.[mark]?.()}\n\n${close}`,
  );
  if (process.env.UPDATE) writeFileSync(path, fresh);
  else expect(text).toBe(fresh);
});
