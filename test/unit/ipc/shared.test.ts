/** What both halves say for themselves says the same: the C headers and the definitions here. */

import { FFIType } from "bun:ffi";
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { constantsHeader } from "../../../build/constants.ts";
import { LIST_ITEMS_MAX } from "../../../src/docker/inspect/bounds.ts";
import { agreed } from "../../../src/ipc/build_id.ts";
import { layout } from "../../../src/ipc/layout.ts";
import { callbacks, symbols } from "../../../src/ipc/symbols.ts";
import { severities } from "../../../src/plugin/severities.ts";

/** A header of the C side, wherever it lies there. */
function header(name: string): string {
  const root = join(import.meta.dir, "../../../ffi");
  const [path, ...more] = [...new Bun.Glob(`**/${name}`).scanSync({ cwd: root, absolute: true })];
  if (path === undefined || more.length > 0) throw new Error(`there must be one ${name}`);
  return readFileSync(path, "utf8");
}

/** How a type of C is called through bun:ffi. */
const types: Record<string, readonly number[]> = {
  void: [FFIType.void],
  int: [FFIType.i32],
  int32_t: [FFIType.i32],
  uint32_t: [FFIType.u32],
  // A result that is no bigint where it fits a number.
  uint64_t: [FFIType.u64, FFIType.u64_fast],
};

const typeOf = (declared: string): readonly number[] =>
  declared.includes("*") ? [FFIType.ptr] : (types[declared.replace("const ", "").trim()] ?? []);

test("no list of an inspection has more elements than Falco is answered with", () => {
  expect(header("extract.h")).toContain(`#define EXTRACT_CELLS ${LIST_ITEMS_MAX}\n`);
});

test("the functions that are called are those of bridge.h, argument for argument", () => {
  const declared = [...header("bridge.h").matchAll(/^([\w ]+[ *]+)(docker_bridge_\w+)\(([^)]*)\);/gm)];
  expect(declared.map(([, , name]) => name).sort()).toEqual(Object.keys(symbols).sort());
  for (const [, returns = "", name = "", list = ""] of declared) {
    const { args, returns: result } = symbols[name as keyof typeof symbols];
    expect(typeOf(returns)).toContain(result as number);
    const wanted = list === "void" ? [] : list.split(",").map((each) => typeOf(each.replace(/\w+$/, "")));
    const own: readonly number[] = args;
    expect(own.length).toBe(wanted.length);
    for (const [i, type] of wanted.entries()) expect(type).toContain(own[i] as number);
  }
});

test("the callbacks are those of bridge.h, in its order", () => {
  const table = /struct bridge_callbacks \{([^}]*)\}/.exec(header("bridge.h"))?.[1] ?? "";
  const declared = [...table.matchAll(/void \(\*(\w+)\)\(([^)]*)\);/g)].map(([, name = "", list = ""]) => [
    name,
    list === "void" ? [] : list.split(",").map((each) => each.trim().replace("uint32_t ", "")),
  ]);
  expect(declared.length).toBeGreaterThan(0);
  expect(declared).toEqual(Object.entries(callbacks).map(([name, numbers]) => [name, [...numbers]]));
});

test("the severities are Falco's", () => {
  const declared = [
    ...header("falco_abi.h").matchAll(/^ +FALCO_(CRITICAL|ERROR|WARNING|NOTICE|INFO|DEBUG) = (\d+),/gm),
  ];
  expect(Object.fromEntries(declared.map(([, name = "", number]) => [name.toLowerCase(), Number(number)]))).toEqual({
    ...severities,
  });
});

test("the build id is of every header that says what is shared, and of the generated one", () => {
  // These say how a process does something by itself.
  const own = ["clock.h", "fd.h", "log.h"];
  const root = join(import.meta.dir, "../../../ffi");
  const shared = [...new Bun.Glob("{shared,guest}/*.h").scanSync({ cwd: root })].filter(
    (path) => !own.some((name) => path.endsWith(`/${name}`)),
  );
  expect(shared.length).toBeGreaterThan(4);
  for (const path of shared) expect(agreed).toContain(readFileSync(join(root, path), "utf8"));
  const [generated = ""] = agreed;
  expect(constantsHeader()).toContain(generated);
  for (const [name, value] of Object.entries(layout)) expect(generated).toContain(`#define ${name} ${value}\n`);
});
