/** A libdocker.so that carries its program: one file to install. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { carrying, compileLibrary } from "../../build.ts";
import { NUMBERED, runtimePid } from "../faults/faults.ts";
import { TestEngine } from "../support/engine.ts";
import { isVariant, Plugin, PROGRAM, rc, type State } from "../support/host.ts";
import { compileFalco, compileNative } from "../support/native.ts";
import { has, skipped } from "../support/needs.ts";
import { signalTo } from "../support/signal.ts";
import { temporaryFolder } from "../support/temporary.ts";

const built = join(temporaryFolder(), "libdocker.so");
const mounted: string[] = [];
const mounts = has("file systems that are full, read-only or noexec", "mount", "umount") && canMount();

function canMount(): boolean {
  if (process.getuid?.() === 0) return true;
  skipped("file systems that are full, read-only or noexec", "only root can mount them", "run the tests as root");
  return false;
}

if (isVariant) skipped("what is about the one file to install", "a variant of the library is driven");

beforeAll(async () => {
  await compileLibrary(built, await carrying(PROGRAM));
}, 60_000);

afterAll(() => {
  for (const folder of mounted) Bun.spawnSync(["umount", "-l", folder]);
});

/** The library alone in a folder, and the folder where its program is to go. */
function installed(): { library: string; place: string } {
  const folder = temporaryFolder();
  copyFileSync(built, join(folder, "libdocker.so"));
  return { library: join(folder, "libdocker.so"), place: join(folder, "programs") };
}

/** Starts it; returns why that failed, or empty. */
function started({ library, place }: { library: string; place: string }): string {
  using state = new Plugin(library).init(JSON.stringify({ statefile: "", programdir: place }));
  return state.rc === rc.success ? "" : state.error;
}

/** The name of another version's copy. */
const OTHER = `docker-plugin-${"0".repeat(32)}`;

const programIn = (place: string): string => {
  const names = readdirSync(place);
  expect(names).toHaveLength(1);
  expect(names[0]).toMatch(/^docker-plugin-[0-9a-f]{32}$/);
  return join(place, names[0] as string);
};

/** What of the file lies in this process's memory, bytes. */
function mappedOf(library: string): number {
  let bytes = 0;
  for (const line of readFileSync("/proc/self/maps", "utf8").split("\n")) {
    if (!line.endsWith(library)) continue;
    const [from = "", to = ""] = line.split(" ")[0]?.split("-") ?? [];
    bytes += Number.parseInt(to, 16) - Number.parseInt(from, 16);
  }
  return bytes;
}

function mount(options: string): string {
  const folder = join(temporaryFolder(), "mounted");
  mkdirSync(folder);
  expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]).exitCode).toBe(0);
  mounted.push(folder);
  return folder;
}

/** Waits for a condition, up to the test's own bound. */
async function until(is: () => boolean): Promise<void> {
  while (!is()) await Bun.sleep(1);
}

/** Starts it, and leaves it running. */
function running({ library, place }: { library: string; place: string }): State {
  const state = new Plugin(library).init(JSON.stringify({ statefile: "", programdir: place }));
  expect([state.rc, state.error]).toEqual([rc.success, ""]);
  return state;
}

/** Ends the runtime. Returns whether another one runs by now. */
function killRuntime(): () => boolean {
  const pid = runtimePid();
  if (pid === undefined) throw new Error("no runtime runs");
  signalTo(pid, "SIGKILL");
  return () => ![undefined, pid].includes(runtimePid());
}

/** A process that has locked a file or folder, until it is told to end. */
async function locked(path: string): Promise<AsyncDisposable> {
  const holder = Bun.spawn(["flock", "--no-fork", path, "sh", "-c", "echo held; cat"], {
    stdin: "pipe",
    stdout: "pipe",
  });
  await holder.stdout.getReader().read();
  return {
    async [Symbol.asyncDispose]() {
      holder.stdin.end();
      await holder.exited;
    },
  };
}

/** A library of another version: what it carries is none that runs, but a program. */
async function otherVersion(): Promise<string> {
  const library = join(temporaryFolder(), "libdocker.so");
  await compileLibrary(library, await carrying("/bin/cat"));
  return library;
}

const one = test.skipIf(isVariant);
const onMount = test.skipIf(isVariant || !mounts);

one("alone it unpacks its program once, for its user only, and takes events", async () => {
  await using engine = await TestEngine.start();
  const { library, place } = installed();
  using state = new Plugin(library).init(JSON.stringify({ statefile: "", programdir: place }));
  expect([state.rc, state.error]).toEqual([rc.success, ""]);
  const program = programIn(place);
  expect(lstatSync(place).mode & 0o7777).toBe(0o700);
  expect(lstatSync(program).mode & 0o7777).toBe(0o700);
  expect(readFileSync(program).equals(readFileSync(PROGRAM))).toBe(true);
  // What is carried is no part of the host's memory, nor of the runtime's.
  expect(statSync(library).size).toBeGreaterThan(50e6);
  expect(mappedOf(library)).toBeGreaterThan(0);
  expect(mappedOf(library)).toBeLessThan(512 * 1024);
  using instance = state.open(engine.address);
  await engine.send(NUMBERED.replaceAll("@", "1").replaceAll("#", `${Date.now()}000000`));
  expect(instance.payloads(1)).toHaveLength(1);

  const { ino, ctimeMs } = lstatSync(program);
  expect(started({ library, place })).toBe("");
  expect(lstatSync(program)).toMatchObject({ ino, ctimeMs });
});

one("a program of the same build beside it is the one that runs; any other is not", () => {
  const same = installed();
  copyFileSync(PROGRAM, join(same.library, "../docker-plugin"));
  expect(started(same)).toBe("");
  expect(() => readdirSync(same.place)).toThrow("ENOENT");

  for (const [content, mode] of [
    ["#!/bin/sh\nexit 3\n", 0o755],
    [readFileSync(PROGRAM), 0o644],
  ] as const) {
    const other = installed();
    writeFileSync(join(other.library, "../docker-plugin"), content, { mode });
    expect(started(other)).toBe("");
    programIn(other.place);
  }
});

one("what is left of other versions, and of one that was killed in the middle, is removed", () => {
  const { library, place } = installed();
  mkdirSync(place, { mode: 0o700 });
  writeFileSync(join(place, OTHER), "old");
  writeFileSync(join(place, ".docker-plugin.new"), readFileSync(PROGRAM).subarray(0, 1e6));
  expect(started({ library, place })).toBe("");
  programIn(place);
});

one("what is not a copy of the program is left alone", () => {
  const { library, place } = installed();
  mkdirSync(place, { mode: 0o700 });
  const kept = [".new", "docker-plugin-0.4.0", `${OTHER}.backup`, "docker-plugin-x", "other"];
  for (const name of kept) writeFileSync(join(place, name), "");
  writeFileSync(join(place, "../elsewhere"), "");
  symlinkSync("../elsewhere", join(place, OTHER));
  expect(started({ library, place })).toBe("");
  const names = readdirSync(place);
  expect(names).toEqual(expect.arrayContaining([...kept, OTHER]));
  expect(names).toHaveLength(kept.length + 2);
  expect(statSync(join(place, "../elsewhere")).size).toBe(0);
});

one("what somebody put in its place is never started", async () => {
  const planted = '#!/bin/sh\ntouch "$0.ran"\n';
  const plants: Record<string, (program: string) => void> = {
    "another program": (program) => writeFileSync(program, planted, { mode: 0o700 }),
    "one of its size": (program) => {
      const content = Buffer.from(readFileSync(PROGRAM));
      content.write(planted);
      writeFileSync(program, content, { mode: 0o700 });
    },
    "a link to another": (program) => {
      writeFileSync(join(program, "../../other"), planted, { mode: 0o700 });
      symlinkSync("../other", program);
    },
    "one that others may write to": (program) => {
      copyFileSync(PROGRAM, program);
      chmodSync(program, 0o722);
    },
  };
  const usual = installed();
  expect(started(usual)).toBe("");
  const name = programIn(usual.place).split("/").at(-1) as string;
  for (const plant of Object.values(plants)) {
    const { library, place } = installed();
    mkdirSync(place, { mode: 0o700 });
    plant(join(place, name));
    expect(started({ library, place })).toBe("");
    const program = programIn(place);
    expect(readFileSync(program).equals(readFileSync(PROGRAM))).toBe(true);
    expect(lstatSync(program).mode & 0o7777).toBe(0o700);
  }

  // Each start looks again: the program is exchanged while a runtime runs.
  const { library, place } = installed();
  using state = new Plugin(library).init(JSON.stringify({ statefile: "", programdir: place }));
  expect(state.rc).toBe(rc.success);
  const program = programIn(place);
  writeFileSync(`${place}/planted`, planted, { mode: 0o700 });
  renameSync(`${place}/planted`, program);
  await using engine = await TestEngine.start();
  using instance = state.open(engine.address);
  const pid = runtimePid();
  if (pid === undefined) throw new Error("no runtime runs");
  signalTo(pid, "SIGKILL");
  await until(() => {
    instance.nextBatch();
    const now = runtimePid();
    return now !== undefined && now !== pid;
  });
  expect(readFileSync(programIn(place)).equals(readFileSync(PROGRAM))).toBe(true);
});

one("a folder that others may write to, a link and a file in the folder's place are refused", () => {
  const { library, place } = installed();
  mkdirSync(place);
  chmodSync(place, 0o777);
  expect(started({ library, place })).toContain(`others than Falco's user may write to ${place}`);
  const linked = join(place, "linked");
  symlinkSync("/tmp", linked);
  expect(started({ library, place: linked })).toContain(`${linked} cannot be used: it is no folder, or a link to one`);
  const file = join(place, "file");
  writeFileSync(file, "");
  expect(started({ library, place: file })).toContain("it is no folder, or a link to one");
  expect(started({ library, place: join(place, "a/b") })).toMatch(
    /cannot make the folder .*\/a\/b: No such file or directory; name another folder in the setting programdir/,
  );
  const theirs = join(place, "theirs");
  mkdirSync(theirs, { mode: 0o755 });
  if (process.getuid?.() !== 0) return;
  chownSync(theirs, 65_534, 65_534);
  expect(started({ library, place: theirs })).toContain(`others than Falco's user may write to ${theirs}`);
});

one("programdir is found wherever it stands, and what cannot be read is refused", () => {
  const { library, place } = installed();
  const init = (config: string) => {
    using state = new Plugin(library).init(config);
    return state.rc === rc.success ? "" : state.error;
  };
  expect(init(`{"sensitivemounts": ["/programdir", "/x"], "statefile": "", "programdir" : "${place}"}`)).toBe("");
  programIn(place);
  // Not yet understood, but the key stands there as a value before.
  rmSync(place, { recursive: true });
  expect(init(`{"statefile": "programdir", "programdir": "${place}"}`)).toContain("statefile");
  programIn(place);
  expect(init(JSON.stringify({ statefile: "", programdir: `${place}\\x` }))).toContain("without a backslash");
  expect(init(JSON.stringify({ statefile: "", programdir: `/${"x/".repeat(3000)}` }))).toBe(
    "the path of programdir is too long",
  );
  expect(init(JSON.stringify({ statefile: "", programdir: `${place}/${"x".repeat(300)}` }))).toContain("too long");
});

one("a statefile beside the program or the library is refused: the runtime may write to its folder", () => {
  const { library, place } = installed();
  const init = (statefile: string) => {
    using state = new Plugin(library).init(JSON.stringify({ statefile, programdir: place }));
    return state.rc === rc.success ? "" : state.error;
  };
  const above = join(place, "..");
  symlinkSync(place, join(above, "link"));
  for (const statefile of [join(place, "resume"), `${place}/./x/../resume`, join(above, "link/resume"), "/resume"])
    expect(init(statefile)).toContain("docker-plugin-");
  expect(init(join(place, "resume"))).toMatch(
    /^init_config: statefile: the runtime may write to all of .*programs, and .*docker-plugin-[0-9a-f]{32} is in there: name a file in a folder of its own/,
  );
  // A folder of its own, also one in there.
  expect(init(join(above, "state/resume"))).toBe("");
  expect(init(join(place, "state/resume"))).toBe("");
  copyFileSync(PROGRAM, join(above, "docker-plugin"));
  expect(init(join(above, "resume"))).toContain(`may write to all of ${above}, and`);
});

onMount("a full, a read-only and a noexec file system say so", () => {
  const { library } = installed();
  const full = mount("size=8m,mode=700");
  expect(started({ library, place: full })).toMatch(
    / has no room for the \d+ MiB of docker-plugin; name another folder/,
  );
  expect(readdirSync(full)).toEqual([]);
  expect(started({ library, place: mount("ro,mode=700") })).toMatch(/cannot write to .*: Read-only file system; name/);
  expect(started({ library, place: mount("noexec,mode=700") })).toMatch(/is mounted noexec; name another folder/);
});

test.skipIf(isVariant || !has("a lock that somebody else holds", "flock"))(
  "whoever may read the folder cannot keep the program from being unpacked",
  async () => {
    const { library, place } = installed();
    mkdirSync(place, { mode: 0o755 });
    await using _ = await locked(place);
    expect(started({ library, place })).toBe("");
  },
);

test.skipIf(isVariant || !has("a lock that somebody else holds", "flock"))(
  "while another process unpacks, next_batch keeps its bound",
  async () => {
    const { library, place } = installed();
    using state = running({ library, place });
    await using engine = await TestEngine.start();
    using instance = state.open(engine.address);
    rmSync(programIn(place));
    const fresh = join(place, ".docker-plugin.new");
    writeFileSync(fresh, "", { mode: 0o700 });
    const replaced = killRuntime();
    {
      await using _ = await locked(fresh);
      // As long as unpacking may take as a whole, and half of it for a single call.
      for (let i = 0; i < 20; i++) {
        const began = performance.now();
        expect(instance.nextBatch().rc).toBe(rc.timeout);
        expect(performance.now() - began).toBeLessThan(5000);
      }
      expect(replaced()).toBe(false);
    }
    await until(() => instance.nextBatch().rc === rc.timeout && replaced());
    programIn(place);
  },
  60_000,
);

one(
  "another version removes no copy that is in use, and each that is not",
  async () => {
    const { library, place } = installed();
    const other = { library: await otherVersion(), place };
    {
      using state = running({ library, place });
      const program = programIn(place);
      expect(started(other)).not.toBe("");
      expect(readdirSync(place)).toHaveLength(2);
      await using engine = await TestEngine.start();
      using instance = state.open(engine.address);
      const { ino } = lstatSync(program);
      const replaced = killRuntime();
      await until(() => instance.nextBatch().rc === rc.timeout && replaced());
      expect(lstatSync(program).ino).toBe(ino);
    }
    for (const name of readdirSync(place))
      if (!readFileSync(join(place, name)).equals(readFileSync(PROGRAM))) rmSync(join(place, name));
    expect(started(other)).not.toBe("");
    expect(readFileSync(programIn(place)).equals(readFileSync("/bin/cat"))).toBe(true);
  },
  60_000,
);

one(
  "processes that unpack into one folder at once wait for one another, whatever the moment",
  async () => {
    const [carried = "", name = "", section = ""] = await carrying("/bin/cat");
    const place = join(temporaryFolder(), "programs");
    const library = join(temporaryFolder(), "libdocker.so");
    const unpack = join(temporaryFolder(), "unpack");
    await compileLibrary(library, [carried, name, section]);
    compileNative("unpack.c", unpack, ["-Dflock=late_flock", name], ["ffi/host/carried.c"]);
    const { exitCode, stderr } = Bun.spawnSync([unpack, library, place, "60"]);
    expect([exitCode, stderr.toString()]).toEqual([0, ""]);
    expect(readFileSync(programIn(place)).equals(readFileSync("/bin/cat"))).toBe(true);
  },
  60_000,
);

one("the program stays where it was at init, whatever programdir says later", async () => {
  const { library, place } = installed();
  using state = running({ library, place });
  await using engine = await TestEngine.start();
  using instance = state.open(engine.address);
  const elsewhere = `${place}-2`;
  expect(state.setConfig(JSON.stringify({ statefile: "", programdir: elsewhere }))).toBe(rc.success);
  rmSync(programIn(place));
  const replaced = killRuntime();
  await until(() => instance.nextBatch().rc === rc.timeout && replaced());
  programIn(place);
  expect(() => readdirSync(elsewhere)).toThrow("ENOENT");
});

one("a library that was replaced by another version is not unpacked in this one's name", async () => {
  const { library, place } = installed();
  using state = running({ library, place });
  await using engine = await TestEngine.start();
  using instance = state.open(engine.address);
  renameSync(await otherVersion(), library);
  rmSync(programIn(place));
  killRuntime();
  await until(() => {
    instance.nextBatch();
    return state.logs.some(({ text }) => text.includes(`${library} was replaced: restart Falco`));
  });
  expect(readdirSync(place)).toEqual([]);
});

const asRoot = process.getuid?.() === 0;
if (!asRoot) skipped("a folder of another user's", "only root can give a folder away", "run the tests as root");

test.skipIf(isVariant || !asRoot)(
  "who exchanges a folder above it while the program starts has nothing started",
  async () => {
    const { library, place } = installed();
    expect(started({ library, place })).toBe("");
    const [name = ""] = readdirSync(place);
    // The folder of somebody who has put a program of his own there: it says that it runs on its standard error.
    const theirs = `${place}-theirs`;
    mkdirSync(theirs, { mode: 0o755 });
    copyFileSync("/bin/cat", join(theirs, name));
    chmodSync(join(theirs, name), 0o755);
    chownSync(theirs, 65_534, 65_534);
    const program = join(temporaryFolder(), "swap");
    compileNative("swap.c", program, []);
    const swap = Bun.spawn([program, place, theirs], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    await swap.stdout.getReader().read();
    for (let good = 0; good < 16; ) {
      using state = new Plugin(library).init(JSON.stringify({ statefile: "", programdir: place }));
      expect(state.logs.filter(({ text }) => text.includes("standard error"))).toEqual([]);
      if (state.rc === rc.success) good++;
      else expect(state.error).toMatch(/others than Falco's user may write|is not what is there/);
    }
    swap.stdin.end();
    expect(await swap.exited).toBe(0);
  },
  60_000,
);

one(
  "a host without stdin, stdout and stderr: nothing of it takes their numbers",
  async () => {
    const { library, place } = installed();
    const program = join(temporaryFolder(), "falco");
    compileFalco(program);
    await using engine = await TestEngine.start();
    await engine.flow(NUMBERED, 500, 5000);
    const falco = Bun.spawn([program, "closed_fds", library, engine.address], {
      env: { ...Bun.env, INIT_CONFIG: JSON.stringify({ statefile: "", programdir: place }) },
      stderr: "ignore",
    });
    expect(await falco.exited).toBe(0);
    expect(readFileSync(programIn(place)).equals(readFileSync(PROGRAM))).toBe(true);
  },
  60_000,
);

one("neither a start nor one that fails leaves a descriptor", () => {
  const { library, place } = installed();
  const file = `${place}-file`;
  writeFileSync(file, "");
  const all = () => [
    started({ library, place: file }),
    started({ library, place: "/proc" }),
    started({ library, place }),
  ];
  expect(all().map((why) => why !== "")).toEqual([true, true, false]);
  const before = readdirSync("/proc/self/fd").length;
  all();
  rmSync(programIn(place));
  all();
  expect(readdirSync("/proc/self/fd").length).toBe(before);
});

/** A process of its own that starts it, and prints why that failed. */
const starter = (library: string, place: string) =>
  Bun.spawn([process.execPath, join(import.meta.dir, "../support/starter.ts"), library, place], {
    stdout: "pipe",
    stderr: "inherit",
  });

one(
  "several that start at once end up with one program",
  async () => {
    const { library, place } = installed();
    const all = Array.from({ length: 4 }, () => starter(library, place));
    expect(await Promise.all(all.map((each) => new Response(each.stdout).text()))).toEqual(["", "", "", ""]);
    programIn(place);
  },
  60_000,
);

one(
  "killed at any moment of unpacking, the next start is a good one",
  async () => {
    const { library, place } = installed();
    for (let i = 0; i < 8; i++) {
      const one = starter(library, place);
      await until(() => {
        try {
          return readdirSync(place).length > 0;
        } catch {
          return false;
        }
      });
      await Bun.sleep(i * 5);
      one.kill("SIGKILL");
      await one.exited;
      expect(started({ library, place })).toBe("");
      const program = programIn(place);
      expect(readFileSync(program).equals(readFileSync(PROGRAM))).toBe(true);
      renameSync(program, join(place, OTHER));
    }
  },
  60_000,
);
