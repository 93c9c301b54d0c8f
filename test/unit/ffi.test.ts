/** What no compiler sees of the C side: which of its folders knows which. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const files = (pattern: string): string[] => [...new Bun.Glob(pattern).scanSync({ cwd: root })].sort();

/** The groups of every match. */
const all = (text: string, pattern: RegExp): string[][] =>
  [...text.matchAll(pattern)].map((match) => match.slice(1).map((group) => group ?? ""));

// Folders ----------------------------------------------------------------------------------------------------------

/** What a file of each folder may include, beside the system's headers and the generated one. */
const KNOWS: Record<string, readonly string[]> = {
  host: ["host", "shared"],
  guest: ["guest", "shared"],
  shared: ["shared"],
};

/** What is wrong with the includes of a file of ffi. */
function wrongIncludes(path: string, text: string): string[] {
  const [, room = ""] = path.split("/");
  return all(text, /^[ \t]*#[ \t]*include[ \t]+"([^"]*)"/gm)
    .map(([name = ""]) => name)
    .filter((name) => name !== "constants.h")
    .filter((name) => !/^\w+\/\w+\.h$/.test(name) || !KNOWS[room]?.includes(name.split("/")[0] ?? ""))
    .map((name) => `${path} includes ${name}`);
}

test("host and guest meet in shared alone, and shared knows neither", () => {
  const paths = files("ffi/**/*.{c,h}");
  expect(new Set(paths.map((path) => path.split("/")[1]))).toEqual(new Set(Object.keys(KNOWS)));
  expect(paths.flatMap((path) => wrongIncludes(path, read(path)))).toEqual([]);
});

test.each([
  ["ffi/shared/ring.c", "host/batch.h"],
  ["ffi/host/batch.c", "guest/bridge.h"],
  ["ffi/guest/bridge.c", "host/lock.h"],
  ["ffi/host/batch.c", "../guest/bridge.h"],
  ["ffi/host/batch.c", "shared/ring.c"],
  ["ffi/host/batch.c", "bridge.h"],
])("a wrong include is seen: %s includes %s", (path, name) => {
  expect(wrongIncludes(path, `#include <errno.h>\n#include "constants.h"\n  # include "${name}"\n`)).toHaveLength(1);
});

test("the fuzzer takes the host's readers as they are: through their headers", () => {
  expect(read("test/native/fuzz/fuzz.c")).not.toMatch(/#include "[^"]*\.c"/);
});
