import { join } from "node:path";
import { C_FLAGS, zigCc } from "../../build.ts";

function compile(out: string, source: string, flags: readonly string[]): void {
  const path = join(import.meta.dir, "../native", source);
  const { exitCode, stderr } = Bun.spawnSync([...zigCc(), ...flags, path, "-o", out, "-lpthread", "-ldl", "-lrt"]);
  if (exitCode !== 0) throw new Error(stderr.toString());
}

/** Compiles native/falco.c, which plays Falco's ways with libdocker.so from C. */
export function compileFalco(out: string): void {
  compile(out, "falco.c", ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g"]);
}

/** Compiles a program of native/ against the product's headers. */
export function compileNative(out: string, source: string, flags: readonly string[] = []): void {
  compile(out, source, [...C_FLAGS, `-I${join(import.meta.dir, "../../ffi")}`, ...flags]);
}
