/** The C code under the tools that see what a test does not. Longer runs: `npm run test:fuzz`, `npm run test:asan`. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { carrying, compileLibrary } from "../../build.ts";
import { NUMBERED } from "../faults/faults.ts";
import { TestEngine } from "../support/engine.ts";
import { BUILT, isVariant, LIBRARY, PROGRAM } from "../support/host.ts";
import { compileFalco, compileNative } from "../support/native.ts";
import { aptInstall, has, skipped } from "../support/needs.ts";
import { seedOf } from "../support/random.ts";
import { compileSanitized, compileSanitizedLibrary, hasSanitizers } from "../support/sanitizers.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { compileFuzzer, fuzz } from "./fuzz/run.ts";

if (!hasSanitizers)
  skipped(
    "fuzzer and sanitizers",
    "there is no clang with its runtime libraries",
    aptInstall("clang", "llvm", "libclang-rt-14-dev"),
  );
const hasValgrind = has("leaks", "valgrind");

const root = join(import.meta.dir, "../..");
const folder = temporaryFolder();

function run(command: string[], env: Record<string, string> = {}): { code: number; err: string } {
  const { exitCode, stderr } = Bun.spawnSync(command, { cwd: root, env: { ...Bun.env, ...env } });
  return { code: exitCode, err: stderr.toString().slice(-4000) };
}

test.skipIf(isVariant || !hasSanitizers)(
  "the fuzzer finds nothing in a short run, from seeds that are of today's layout",
  () => {
    const { output, code } = fuzz(compileFuzzer(folder), folder, 100_000);
    expect([code, code === 0 ? "" : output.slice(-4000)]).toEqual([0, ""]);
    expect(output).toContain("Done 100000 runs");
  },
  180_000,
);

test.skipIf(isVariant || !hasSanitizers)(
  "ThreadSanitizer: the listener thread, the event loop and the host",
  () => {
    const program = join(folder, "guest");
    const product = ["guest/bridge", "host/batch", "host/extract", "shared/channel", "shared/log", "shared/ring"].map(
      (name) => `ffi/${name}.c`,
    );
    compileSanitized(program, "thread", ["test/native/guest.c", ...product]);
    const seed = join(root, "test/native/fuzz/corpus/record-usual");
    expect(run([program, "200000", seed], { TSAN_OPTIONS: "halt_on_error=1" })).toEqual({ code: 0, err: "" });
  },
  180_000,
);

test.skipIf(isVariant || !hasSanitizers)("each offset and count of a record is checked: none leads out of it", () => {
  const program = join(folder, "lies");
  compileSanitized(program, "address,undefined", ["test/native/lies.c", "ffi/host/extract.c"]);
  const records = ["small", "usual", "full"].map((name) => join(root, `test/native/fuzz/corpus/record-${name}`));
  expect(run([program, ...records])).toEqual({ code: 0, err: "" });
});

const seed = seedOf("a runtime that writes while the host reads");

test.skipIf(isVariant || !hasSanitizers).each(["address,undefined", "thread"])(
  "%s sanitizer: a runtime that changes records while the host reads them",
  (sanitizers) => {
    const program = join(folder, `hostile-${sanitizers}`);
    // batch.c stands in the test's own file.
    const product = ["host/extract", "shared/log", "shared/ring"].map((name) => `ffi/${name}.c`);
    compileSanitized(program, sanitizers, ["test/native/hostile.c", ...product]);
    const record = join(root, "test/native/fuzz/corpus/record-usual");
    const options = { ASAN_OPTIONS: "detect_leaks=0", TSAN_OPTIONS: "halt_on_error=1" };
    expect(run([program, "40", String(seed), record], options)).toEqual({ code: 0, err: "" });
  },
  180_000,
);

let engine: TestEngine | undefined;
beforeAll(async () => {
  engine = await TestEngine.start();
});
afterAll(() => engine?.stop());

/** Plays a scenario of falco.c, while the engine sends. */
async function play(program: string[], scenario: string, library: string, env: Record<string, string>) {
  const ran = Bun.spawn([...program, scenario, library, engine?.address ?? ""], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...Bun.env, ...env },
  });
  const err = await new Response(ran.stderr).text();
  return { code: await ran.exited, err: err.slice(-6000) };
}

let compiled: { program: string; library: string } | undefined;

/** falco.c and the library with ThreadSanitizer, compiled once. */
function threads() {
  if (compiled !== undefined) return compiled;
  const program = join(folder, "threads");
  compileSanitized(program, "thread", ["test/native/falco.c", "-lrt"]);
  compiled = { program, library: compileSanitizedLibrary(join(folder, "thread"), "thread") };
  return compiled;
}

test.skipIf(isVariant || !hasSanitizers).each(["second_thread", "metrics", "many", "errors", "left", "two"])(
  "ThreadSanitizer: Falco's threads, %s",
  async (scenario) => {
    const { program, library } = threads();
    await engine?.flow(NUMBERED, 2000, 40_000);
    const { code, err } = await play([program], scenario, library, { TSAN_OPTIONS: "halt_on_error=1" });
    expect([code, code === 0 ? "" : err]).toEqual([0, ""]);
    await engine?.settle();
  },
  180_000,
);

test.skipIf(isVariant || !hasSanitizers)(
  "AddressSanitizer: an instance is closed while another thread looks for an event of another one's",
  async () => {
    const program = join(folder, "beside");
    compileSanitized(program, "address,undefined", ["test/native/falco.c", "-lrt"]);
    const late = ["test/native/late.c", "-Wl,--wrap=batch_record"];
    const library = compileSanitizedLibrary(join(folder, "late"), "address,undefined", late);
    await engine?.flow(NUMBERED, 2000, 20_000);
    const { code, err } = await play([program], "beside", library, {});
    expect([code, code === 0 ? "" : err]).toEqual([0, ""]);
    await engine?.settle();
  },
  180_000,
);

test.skipIf(isVariant || !hasSanitizers)(
  "AddressSanitizer: a library that carries its program unpacks it, takes events, and leaves nothing allocated",
  async () => {
    const program = join(folder, "address");
    const launcher = join(folder, "launcher");
    const place = join(folder, "programs-address");
    compileNative("launcher.c", launcher, [`-DUSUAL_PROGRAM="${PROGRAM}"`, `-DUSUAL_LIBRARY="${BUILT}"`]);
    compileSanitized(program, "address,undefined", ["test/native/falco.c", "-lrt"]);
    const library = compileSanitizedLibrary(join(folder, "carrying"), "address,undefined", await carrying(launcher));
    rmSync(join(folder, "carrying/docker-plugin"));
    await engine?.flow(NUMBERED, 2000, 20_000);
    for (const touch of [() => {}, () => rmSync(place, { recursive: true }), () => {}]) {
      touch();
      const { code, err } = await play([program], "events", library, {
        INIT_CONFIG: JSON.stringify({ statefile: "", programdir: place }),
      });
      expect([code, code === 0 ? "" : err]).toEqual([0, ""]);
      expect(readdirSync(place)).toHaveLength(1);
    }
    await engine?.settle();
  },
  180_000,
);

test.skipIf(isVariant || !hasValgrind).each(["beside it", "in it"])(
  "valgrind: init, open, events, close and destroy leave nothing allocated, and no descriptor; the program lies %s",
  async (where) => {
    const program = join(folder, "falco");
    const library = where === "in it" ? join(folder, "libdocker.so") : LIBRARY;
    if (where === "in it") await compileLibrary(library, await carrying(PROGRAM));
    const config = { statefile: "", programdir: join(folder, "programs") };
    compileFalco(program);
    const checks = ["--leak-check=full", "--show-leak-kinds=all", "--errors-for-leak-kinds=all", "--track-fds=yes"];
    // Until the last event is taken: unpacking under valgrind takes its time, and what comes before is nobody's.
    await engine?.flow(NUMBERED, 4000, 1_000_000);
    const { code, err } = await play(["valgrind", ...checks, "--error-exitcode=9", program], "events", library, {
      EVENTS: "20000",
      INIT_CONFIG: JSON.stringify(config),
    });
    await engine?.settle();
    expect([code, code === 0 ? "" : err]).toEqual([0, ""]);
    expect(err).toContain("All heap blocks were freed -- no leaks are possible");
    expect(err).toMatch(/FILE DESCRIPTORS: (\d) open \(\1 std\)/);
    expect(err).toContain("ERROR SUMMARY: 0 errors");
  },
  180_000,
);
