/** What is made for a release: for both processors, this machine's and one that is only played here. */
import { beforeAll, expect, test } from "bun:test";
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { carrying, compileLibrary, compileProgram, type Processor } from "../../build.ts";
import manifest from "../../package.json" with { type: "json" };
import { buildId } from "../../src/ipc/build_id.ts";
import { isVariant } from "../support/host.ts";
import { compileNative } from "../support/native.ts";
import { has, skipped } from "../support/needs.ts";
import { temporaryFolder } from "../support/temporary.ts";

const CROSS = "/usr/aarch64-linux-gnu";
const folder = temporaryFolder();
const sysroot = existsSync(join(CROSS, "lib"));
if (!sysroot) skipped("arm64 programs", `there is no ${CROSS}`, "apt-get install libc6-arm64-cross");
const playsArm = has("arm64 programs", "qemu-aarch64") && sysroot;

/** Whether Bun has been fetched for a processor: a test fetches nothing. */
function hasBun(label: string): boolean {
  const cache = Bun.env.BUN_INSTALL_CACHE_DIR ?? join(homedir(), ".bun/install/cache");
  if (existsSync(join(cache, `bun-linux-${label}-v${Bun.version}`))) return true;
  skipped(`the release for ${label}`, "there is no Bun for it", "npm run release");
  return false;
}

const targets: { processor: Processor; page: number; made: boolean }[] = [
  { processor: "x64", page: 4096, made: !isVariant && hasBun("x64-baseline") },
  { processor: "arm64", page: 65_536, made: !isVariant && hasBun("aarch64") },
];
const arm = test.skipIf(!playsArm || targets.some(({ processor, made }) => processor === "arm64" && !made));

interface Build {
  readonly carrying: typeof carrying;
  readonly compileLibrary: typeof compileLibrary;
  readonly compileProgram: typeof compileProgram;
}

/** Makes program and library as build/release.ts does, of the project in one folder or another. */
async function make(processor: Processor, round: string, build: Build = { carrying, compileLibrary, compileProgram }) {
  const out = join(folder, processor, round);
  mkdirSync(out, { recursive: true });
  const made = { program: join(out, "docker-plugin"), library: join(out, "libdocker.so") };
  await build.compileProgram(made.program, processor);
  await build.compileLibrary(made.library, await build.carrying(made.program), processor);
  return made;
}

/** The build of a copy of the project, packages included: a link would lead to the same paths again. */
async function elsewhere(): Promise<Build> {
  const root = join(import.meta.dir, "../..");
  const copy = join(folder, "elsewhere");
  if (!existsSync(copy)) {
    mkdirSync(join(copy, "node_modules"), { recursive: true });
    for (const part of ["src", "ffi", "build", "build.ts", "dist/constants.h", "package.json", "package-lock.json"])
      cpSync(join(root, part), join(copy, part), { recursive: true });
    const { dependencies } = manifest;
    for (const name of Object.keys(dependencies))
      cpSync(join(root, "node_modules", name), join(copy, "node_modules", name), { recursive: true });
    // The compilers are tools: nothing of them is read.
    symlinkSync(join(root, "node_modules/@oven"), join(copy, "node_modules/@oven"));
  }
  return (await import(join(copy, "build.ts"))) as Build;
}

const first = new Map<Processor, { program: string; library: string }>();
const madeFor = (processor: Processor) => first.get(processor) ?? { program: "", library: "" };

beforeAll(async () => {
  for (const { processor, made } of targets) if (made) first.set(processor, await make(processor, "first"));
}, 180_000);

/** The alignments of what is loaded of an ELF file. */
function alignments(path: string): number[] {
  const file = readFileSync(path);
  const [at, bytes, count] = [Number(file.readBigUInt64LE(32)), file.readUInt16LE(54), file.readUInt16LE(56)];
  const headers = Array.from({ length: count }, (_, i) => file.subarray(at + i * bytes, at + (i + 1) * bytes));
  return headers.filter((header) => header.readUInt32LE(0) === 1).map((header) => Number(header.readBigUInt64LE(48)));
}

for (const { processor, page, made } of targets) {
  test.skipIf(!made)(
    `${processor}: made twice, in two folders, the bytes are the same`,
    async () => {
      const again = await make(processor, "again", await elsewhere());
      for (const part of ["program", "library"] as const) {
        expect(readFileSync(madeFor(processor)[part]).equals(readFileSync(again[part]))).toBe(true);
      }
    },
    180_000,
  );

  // A kernel for arm64 has pages of 4, 16 or 64 KiB.
  test.skipIf(!made)(`${processor}: the library can be mapped by pages of ${page} bytes and less`, () => {
    const { library } = madeFor(processor);
    expect(alignments(library).length).toBeGreaterThan(1);
    for (const alignment of alignments(library)) expect(alignment % page).toBe(0);
  });
}

arm("arm64: the program starts, and is of this build", () => {
  const { program } = madeFor("arm64");
  const { stdout, stderr } = Bun.spawnSync(["qemu-aarch64", "-L", CROSS, program, "--version"]);
  expect([stdout.toString(), stderr.toString()]).toEqual([`docker-plugin ${buildId}\n`, ""]);
});

arm(
  "arm64: the library loads, and unpacks its program",
  () => {
    const { program, library } = madeFor("arm64");
    const falco = join(folder, "falco-arm64");
    const place = join(folder, "programs");
    compileNative("falco.c", falco, [], [], "arm64");
    // Alone, as it is installed.
    const alone = join(temporaryFolder(), "libdocker.so");
    copyFileSync(library, alone);
    const ran = Bun.spawnSync(["qemu-aarch64", "-L", CROSS, falco, "words", alone, ""], {
      env: { ...Bun.env, INIT_CONFIG: JSON.stringify({ statefile: "", programdir: place }) },
    });
    // This machine's kernel starts no program of another processor.
    expect([ran.exitCode, ran.stderr.toString()]).toEqual([0, ""]);
    expect(ran.stdout.toString()).not.toBe("");
    const [name = ""] = readdirSync(place);
    expect(name).toMatch(/^docker-plugin-[0-9a-f]{32}$/);
    expect(readFileSync(join(place, name)).equals(readFileSync(program))).toBe(true);
  },
  60_000,
);
