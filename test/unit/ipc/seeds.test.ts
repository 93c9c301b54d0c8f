/** The fuzzer begins with what a runtime of today sends: `bun test/native/fuzz/seeds.ts` writes it after the layout changed. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { corpus, folder } from "../../native/fuzz/seeds.ts";

test("each seed is there, and no other", () => {
  expect(readdirSync(folder).sort()).toEqual([...corpus.keys()].sort());
});

test.each([...corpus])("%s is of today's layout", (name, bytes) => {
  expect(readFileSync(join(folder, name)).equals(bytes)).toBe(true);
});
