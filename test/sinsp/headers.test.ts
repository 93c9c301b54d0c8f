/** Falco's ABI as ffi/shared/falco_abi.h says it, beside the headers that libsinsp is made with. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { C_FLAGS, cSources, zigCc } from "../../build.ts";
import { HEADERS, missing, tellIfMissing } from "../support/sinsp.ts";
import { temporaryFolder } from "../support/temporary.ts";

const root = join(import.meta.dir, "../..");
const source = join(import.meta.dir, "headers.c");

tellIfMissing("our declarations beside libsinsp's headers");

const folder = temporaryFolder();

/** What the compiler says of headers.c, or of a text in its place; the real headers are not ours to complain about. */
function compile(text: string): string {
  const file = join(folder, "headers.c");
  writeFileSync(file, text);
  const include = ["-isystem", HEADERS, "-iquote", import.meta.dir];
  const command = [...zigCc(), ...C_FLAGS, ...include, "-c", file, "-o", join(folder, "headers.o")];
  const { exitCode, stderr } = Bun.spawnSync(command, { cwd: root, timeout: 60_000 });
  return exitCode === 0 ? "" : `code ${exitCode}: ${stderr}`;
}

test.skipIf(missing !== undefined)("sizes, places, numbers and prototypes are the real ones", () => {
  expect(existsSync(join(HEADERS, "plugin/plugin_api.h"))).toBe(true);
  expect(compile(readFileSync(source, "utf8"))).toBe("");
});

test.skipIf(missing !== undefined).each([
  ["a number", "FALCO_TIMEOUT, SS_PLUGIN_TIMEOUT", "FALCO_EOF, SS_PLUGIN_TIMEOUT"],
  [
    "a place",
    "FIELD(arg_present);",
    "MEMBER(struct falco_extract_field, ftype, ss_plugin_extract_field, arg_present);",
  ],
  ["a prototype", "IS(get_id, uint32_t, (void))", "IS(get_id, uint64_t, (void))"],
])("a wrong one is seen: %s", (_what, right, wrong) => {
  const text = readFileSync(source, "utf8");
  expect(text).toContain(right);
  expect(compile(text.replace(right, wrong))).toContain("static assertion failed");
});

test("every symbol that plugin.c exports is looked at, and every number of falco_abi.h", () => {
  const headers = readFileSync(source, "utf8");
  const of = (file: string, pattern: RegExp) =>
    [...readFileSync(file, "utf8").matchAll(pattern)].map(([, name = ""]) => name);
  const abi = join(root, "ffi/shared/falco_abi.h");
  const exported = cSources().flatMap((file) => of(file, /^EXPORT .*?\bplugin_(\w+)\(/gm));
  expect(exported.length).toBeGreaterThan(20);
  for (const name of new Set(exported)) expect(headers).toContain(`IS(${name}, `);
  for (const name of of(abi, /\b(FALCO_[A-Z0-9_]+) =/g)) expect(headers).toContain(`(${name}, `);
  for (const name of of(abi, /^struct (?:__attribute__\(\(packed\)\) )?(\w+) \{/gm))
    expect(headers).toContain(`struct ${name}`);
});
