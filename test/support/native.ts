import { join } from "node:path";
import { C_FLAGS, type Processor, zigCc } from "../../build.ts";

const root = join(import.meta.dir, "../..");

/**
 * Compiles a program of test/native, with further flags and parts of the product where it wants them.
 * @param processor one of another machine's
 */
export function compileNative(
  name: string,
  out: string,
  flags: readonly string[],
  files: readonly string[] = [],
  processor?: Processor,
): void {
  const source = join("test/native", name);
  const command = [
    ...zigCc(processor),
    ...C_FLAGS,
    ...flags,
    "-O1",
    "-g",
    source,
    ...files,
    "-o",
    out,
    "-lpthread",
    "-ldl",
    "-lrt",
  ];
  const { exitCode, stderr } = Bun.spawnSync(command, { cwd: root });
  if (exitCode !== 0) throw new Error(stderr.toString());
}

/** Compiles native/falco.c, which plays Falco's ways with libdocker.so from C. */
export function compileFalco(out: string): void {
  compileNative("falco.c", out, []);
}
