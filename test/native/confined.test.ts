/** What the runtime may do, tried from its place: the process beside the guard must not be a way to it. */
import { beforeAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { runtimePid } from "../faults/faults.ts";
import { isVariant, LIBRARY, Plugin, rc } from "../support/host.ts";
import { compileFalco, compileNative } from "../support/native.ts";
import { temporaryFolder } from "../support/temporary.ts";

const folder = temporaryFolder();
const falco = join(folder, "falco");
const library = join(folder, "libdocker.so");
const open = join(folder, "open");
const isRoot = process.getuid?.() === 0;
const EPERM = 1;
const EACCES = 13;

beforeAll(() => {
  chmodSync(folder, 0o755);
  mkdirSync(open);
  chmodSync(open, 0o777);
  compileFalco(falco);
  copyFileSync(LIBRARY, library);
  compileNative("confined.c", join(folder, "docker-plugin"), [`-DWHERE="${open}"`]);
}, 60_000);

/** What confined.c tries, in its order. */
const names = [
  ...[
    "landlock",
    "mem",
    "peek",
    "poke",
    "kill",
    "library",
    "file",
    "limit",
    "nice",
    "all",
    "io",
    "sid",
    "pgid",
    "bear",
  ],
  ...["gifts", "page", "ns", "ns2", "trace"],
] as const;

/** What came of each attempt: the error's number, 0 where it succeeded. */
function attempts(as: readonly string[]): Record<string, number | undefined> {
  const { stdout } = Bun.spawnSync([...as, falco, "words", library, ""], { stderr: "inherit", timeout: 30_000 });
  const said = /is version (.*?) and libdocker\.so/.exec(stdout.toString())?.[1] ?? stdout.toString();
  const numbers = said.trim().split(" ").map(Number);
  expect(numbers.length).toBe(names.length);
  return Object.fromEntries(names.map((name, i) => [name, numbers[i]]));
}

/** What the kernel must refuse, by its version of Landlock (-1: none). */
const refusals = (landlock: number) => ({
  kill: landlock >= 6 ? EPERM : 0,
  file: landlock >= 1 ? EACCES : 0,
});

/**
 * What is refused whatever the kernel: a say in other processes, children that would outlive the runtime, descriptors and
 * pages whose time it chooses.
 */
const alwaysRefused = {
  ...{ limit: EPERM, nice: EPERM, all: EPERM, io: EPERM },
  ...{ sid: EPERM, pgid: EPERM, bear: EPERM },
  ...{ gifts: 0, page: EPERM, ns: EPERM, ns2: EPERM },
};

// A variant of the library brings a sanitizer that not each of these programs has.
test.skipIf(!isRoot || isVariant)("a runtime of root's reaches neither its host's memory nor the library", () => {
  const { landlock = -1, ...came } = attempts([]);
  expect(came).toEqual({
    mem: EACCES,
    peek: EPERM,
    poke: EPERM,
    trace: EPERM,
    ...alwaysRefused,
    library: landlock >= 1 ? EACCES : 0,
    ...refusals(landlock),
  });
});

const setpriv = Bun.which("setpriv");
test.skipIf(!isRoot || isVariant || setpriv === null)("nor does one of a plain user's", () => {
  const { landlock = -1, ...came } = attempts([String(setpriv), "--reuid=65534", "--regid=65534", "--clear-groups"]);
  // Without Landlock all of a user's processes are one another's.
  if (landlock >= 1) expect(came).toMatchObject({ mem: EACCES, peek: EPERM, poke: EPERM, trace: EPERM });
  expect(came).toMatchObject({ library: EACCES, ...alwaysRefused, ...refusals(landlock) });
});

test.skipIf(!isRoot || isVariant)(
  "no capability but that for the sockets of rootless engines, first to die, and known",
  () => {
    using state = new Plugin().init('{"statefile": ""}');
    expect([state.rc, state.error]).toEqual([rc.success, ""]);
    const pid = runtimePid();
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    // CAP_DAC_OVERRIDE is the second.
    for (const set of ["CapPrm", "CapEff", "CapBnd"])
      expect(BigInt(`0x${new RegExp(`${set}:\\t(\\w+)`).exec(status)?.[1]}`) & ~2n).toBe(0n);
    expect(status).toMatch(/^CapInh:\t0+$/m);
    expect(status).toMatch(/^CapAmb:\t0+$/m);
    expect(Number(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8"))).toBeGreaterThanOrEqual(500);
  },
);

test("the state's folder is made, and is the one place to write to, wherever the configuration puts it", () => {
  const deep = join(mkdtempSync(join(folder, "state-")), "a", "b");
  using state = new Plugin().init(JSON.stringify({ statefile: join(deep, "resume") }));
  expect([state.rc, state.error]).toEqual([rc.success, ""]);
  const instance = state.open("unix:///nowhere/docker.sock");
  instance.close();
  expect(state.logs.map(({ text }) => text).filter((text) => text.includes("statefile"))).toEqual([]);
  expect(existsSync(deep)).toBe(true);
  // Another one, told to a runtime that runs, is given to the next.
  const other = join(deep, "c");
  expect(state.setConfig(JSON.stringify({ statefile: join(other, "resume") }))).toBe(rc.success);
  state.open("unix:///nowhere/docker.sock").close();
  expect(state.logs.map(({ text }) => text).filter((text) => text.includes("statefile"))).toEqual([]);
  expect(existsSync(other)).toBe(true);
});

test.each([
  ["in it", "x", "x"],
  ["above it", "x", "."],
  ["above it, by a link", "x", "link"],
  ["in it, where the library is a link to another place", "y", "y"],
])("a state's folder that what Falco starts lies in is refused: %s", (_, place, state) => {
  const folder = temporaryFolder();
  for (const name of ["x", "y"]) mkdirSync(join(folder, name));
  for (const name of ["libdocker.so", "docker-plugin"]) {
    copyFileSync(join(dirname(LIBRARY), name), join(folder, "x", name));
    symlinkSync(join(folder, "x", name), join(folder, "y", name));
  }
  symlinkSync(".", join(folder, "link"));
  const plugin = new Plugin(join(folder, place, "libdocker.so"));
  const statefile = join(folder, state, "resume");
  using refused = plugin.init(JSON.stringify({ statefile }));
  expect(refused.rc).toBe(rc.failure);
  expect(refused.error).toMatch(
    /^init_config: statefile: the runtime may write to all of .*, and .* is in there: name a file in a folder/,
  );
  // Beside them is well, and stays so where another configuration is refused.
  using begun = plugin.init(JSON.stringify({ statefile: join(folder, "x", "own", "resume") }));
  expect([begun.rc, begun.error]).toEqual([rc.success, ""]);
  expect(begun.setConfig(JSON.stringify({ statefile }))).toBe(rc.failure);
  expect(begun.error).toContain("statefile: the runtime may write to all of");
  using instance = begun.open("unix:///nowhere/docker.sock");
  expect(instance.rc).toBe(rc.success);
});
