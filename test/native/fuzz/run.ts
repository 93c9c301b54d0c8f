/** Fuzzes the host's readers of ring and sockets: `bun test/native/fuzz/run.ts [RUNS]` (10,000,000), from the seeds beside it. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { cSources } from "../../../build.ts";
import { seedOf } from "../../support/random.ts";
import { compileSanitized, hasSanitizers } from "../../support/sanitizers.ts";
import { temporaryFolder } from "../../support/temporary.ts";

/** The longest input, bytes: some records of the usual size. */
const INPUT_MAX = 8192;

/** Returns the fuzzer's path. */
export function compileFuzzer(folder: string): string {
  const program = join(folder, "fuzz");
  const product = cSources().filter((path) => !/\/(bridge|plugin)\.c$/.test(path));
  compileSanitized(program, "fuzzer,address,undefined", ["test/native/fuzz/fuzz.c", ...product]);
  return program;
}

/** Runs it in `folder`, where it leaves an input that breaks something. */
export function fuzz(program: string, folder: string, runs: number, show = false): { code: number; output: string } {
  cpSync(join(import.meta.dir, "corpus"), join(folder, "corpus"), { recursive: true });
  const options = [
    `-runs=${runs}`,
    `-seed=${seedOf("the fuzzer")}`,
    `-max_len=${INPUT_MAX}`,
    "-print_final_stats=1",
    "corpus",
  ];
  const ran = Bun.spawnSync([program, ...options], {
    cwd: folder,
    stdio: ["ignore", "inherit", show ? "inherit" : "pipe"],
  });
  return { code: ran.exitCode, output: ran.stderr?.toString() ?? "" };
}

if (import.meta.main) {
  if (!hasSanitizers) {
    console.error("fuzz: there is no clang with its runtime libraries (Debian: clang libclang-rt-14-dev)");
    process.exit(1);
  }
  const folder = temporaryFolder();
  process.exit(fuzz(compileFuzzer(folder), folder, Number(process.argv[2] ?? 10_000_000), true).code);
}
