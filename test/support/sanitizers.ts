/** The C code, compiled with clang's sanitizers. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { C_FLAGS, C_LIBRARIES, cSources } from "../../build.ts";

const root = join(import.meta.dir, "../..");

function run(command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: root });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout.toString().trim();
}

/** Where clang has a runtime library of its own; undefined where there is no clang, or not that library. */
function clangRuntime(name: string): string | undefined {
  if (Bun.which("clang") === null) return undefined;
  const path = run(["clang", `-print-file-name=libclang_rt.${name}`]);
  return existsSync(path) ? path : undefined;
}

const arch = process.arch === "x64" ? "x86_64" : "aarch64";

/** AddressSanitizer's runtime, to be loaded before all else into a program that was compiled without it. */
export const asanRuntime = clangRuntime(`asan-${arch}.so`);
export const hasSanitizers = asanRuntime !== undefined && clangRuntime(`fuzzer-${arch}.a`) !== undefined;

const strict = [...C_FLAGS, "-g", "-O1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"];

/** Compiles a program of the test's own with parts of the product; `files` are relative to the project, or flags. */
export function compileSanitized(out: string, sanitizers: string, files: readonly string[]): void {
  run(["clang", ...strict, `-fsanitize=${sanitizers}`, ...files, "-o", out, ...C_LIBRARIES]);
}

/**
 * Makes libdocker.so with a sanitizer in `folder`, and beside it what starts the runtime with the usual one: sanitizers
 * and JavaScriptCore do not share a process that was not made for both.
 * @param flags how the library finds the sanitizer's runtime, where the program does not bring it
 * @returns the library's path
 */
export function compileSanitizedLibrary(folder: string, sanitizers: string, flags: readonly string[] = []): string {
  const library = join(folder, "libdocker.so");
  mkdirSync(folder, { recursive: true });
  compileSanitized(library, sanitizers, ["-shared", "-Wl,--version-script=ffi/exports.map", ...flags, ...cSources()]);
  const start = `exec '${join(root, "dist/docker-plugin")}' runtime '${join(root, "dist/libdocker.so")}'`;
  writeFileSync(join(folder, "docker-plugin"), `#!/bin/sh\n${start}\n`, { mode: 0o755 });
  return library;
}
