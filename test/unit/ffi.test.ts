/** What no compiler sees of the C side: which of its folders knows which, and what src says a second time. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const files = (pattern: string): string[] => [...new Bun.Glob(pattern).scanSync({ cwd: root })].sort();

/** The groups of every match. */
const all = (text: string, pattern: RegExp): string[][] =>
  [...text.matchAll(pattern)].map((match) => match.slice(1).map((group) => group ?? ""));

/** What `pattern` finds in src, where one file alone has it. */
function inSources(pattern: RegExp): RegExpExecArray {
  const [found, ...others] = files("src/**/*.ts").flatMap((path) => {
    const match = pattern.exec(read(path));
    return match === null ? [] : [match];
  });
  if (found === undefined || others.length > 0)
    throw new Error(`${pattern} stands in src ${others.length + 1} times or never`);
  return found;
}

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

// What is said in both languages -----------------------------------------------------------------------------------

const C_TYPES: Record<string, string> = { u32: "uint32_t", i32: "int32_t", u64: "uint64_t", u64_fast: "uint64_t" };
const bare = (type: string): string => type.trim().replace("FFIType.", "");

/** A type of bun:ffi in C's words; every pointer is one. */
const inC = (type: string): string => C_TYPES[bare(type)] ?? bare(type);

/** A parameter or a result of a C declaration, without its name. */
function typeOf(declared: string): string {
  if (declared.includes("*")) return "ptr";
  const type = declared.trim().split(/\s+/)[0] ?? "";
  return type === "int" ? "int32_t" : type;
}

const typesOf = (list: string): string[] => (list.trim() === "void" ? [] : list.split(",").map(typeOf));
const argumentsOf = (list: string): string[] => (list.trim() === "" ? [] : list.split(",").map(inC));

test("what docker-plugin calls through bun:ffi is what bridge.h declares", () => {
  const [, table = ""] = inSources(/const symbols = \{(.*?)\n\} as const/s);
  const theirs = all(table, /(docker_bridge_\w+): \{ args: \[([^\]]*)\], returns: ([\w.]+) \}/g).map(
    ([name, args = "", returns = ""]) => [name, inC(returns), argumentsOf(args)],
  );
  const ours = all(read("ffi/guest/bridge.h"), /^(\w[\w ]*[ *])(docker_bridge_\w+)\(([^)]*)\);/gm).map(
    ([returns = "", name, parameters = ""]) => [name, typeOf(returns), typesOf(parameters)],
  );
  expect(ours.length).toBeGreaterThan(5);
  expect(theirs).toEqual(ours);
});

test("what docker-plugin is called back for stands in the order of bridge.h, with the same arguments", () => {
  const members = all(
    /struct bridge_callbacks \{(.*?)\n\};/s.exec(read("ffi/guest/bridge.h"))?.[1] ?? "",
    /void \(\*(\w+)\)\(([^)]*)\);/g,
  ).map(([name, parameters = ""]) => [name, typesOf(parameters)]);
  const [, callbacks = ""] = inSources(/const callbacks = \[(.*?)\n {4}\];/s);
  const theirs = all(callbacks, /\brequests\.(\w+)\(.*?args: \[([^\]]*)\]/gs).map(([name, args = ""]) => [
    name,
    argumentsOf(args),
  ]);
  expect(members.length).toBeGreaterThan(4);
  expect(theirs).toEqual(members);
});

test("the severities of log lines are those of falco_abi.h", () => {
  const [, table = ""] = inSources(/const severities = \{([^}]*)\}/);
  const theirs = all(table, /(\w+): (\d+)/g).map(([name = "", number]) => [name.toUpperCase(), number]);
  const [, ours = ""] = /enum falco_severity \{([^}]*)\}/.exec(read("ffi/shared/falco_abi.h")) ?? [];
  expect(theirs).toEqual(all(ours, /FALCO_(\w+) = (\d+)/g));
  expect(theirs.length).toBe(6);
});
