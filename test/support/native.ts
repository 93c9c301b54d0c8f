import { join } from "node:path";
import { zigCc } from "../../build.ts";

/** Compiles native/falco.c, which plays Falco's ways with libdocker.so from C. */
export function compileFalco(out: string): void {
  const source = join(import.meta.dir, "../native/falco.c");
  const flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g"];
  const { exitCode, stderr } = Bun.spawnSync([...zigCc(), ...flags, source, "-o", out, "-lpthread", "-ldl", "-lrt"]);
  if (exitCode !== 0) throw new Error(stderr.toString());
}
