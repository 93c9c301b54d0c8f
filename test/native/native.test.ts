/** Falco's ways that JavaScript cannot play: native/falco.c does, against the built library. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cSources } from "../../build.ts";
import { NUMBERED, runtimePid } from "../faults/faults.ts";
import { TestEngine } from "../support/engine.ts";
import { BUILT, type HostEvent, isVariant, LIBRARY, Plugin } from "../support/host.ts";
import { compileFalco, compileNative } from "../support/native.ts";
import { signalTo } from "../support/signal.ts";
import { temporaryFolder } from "../support/temporary.ts";

const folder = temporaryFolder();
const program = join(folder, "falco");
let engine: TestEngine;

beforeAll(async () => {
  compileFalco(program);
  engine = await TestEngine.start();
}, 60_000);

afterAll(() => engine.stop());

test.each([4096, 16384, 65536])("the shared memory fits a kernel with pages of %p bytes", (bytes) => {
  const pages = join(folder, "pages");
  compileNative("pages.c", pages, [], ["ffi/shared/log.c"]);
  const { exitCode, stderr } = Bun.spawnSync([pages, String(bytes)]);
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
});

interface Started {
  readonly process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly errors: Promise<string>;
}

function start(scenario: string, environment: Record<string, string> = {}, cwd = folder, library = LIBRARY): Started {
  const process = Bun.spawn([program, scenario, library, engine.address], {
    cwd,
    env: { ...Bun.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { process, errors: new Response(process.stderr).text() };
}

/** The number that a scenario prints first. */
async function firstNumber(process: Started["process"]): Promise<number> {
  const { value } = await process.stdout.getReader().read();
  return Number(Buffer.from(value ?? []).toString());
}

const alive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/State:\tZ/.test(readFileSync(`/proc/${pid}/status`, "utf8"));

async function gone(pid: number, ms: number): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await Bun.sleep(10)) if (!alive(pid)) return true;
  return false;
}

/** Keeps events coming while scenarios run. */
async function flowing<T>(run: () => Promise<T>): Promise<T> {
  await engine.flow(NUMBERED, 2000, 400_000);
  return run();
}

test.each([
  ["unload", "dlclose after destroy leaves no mapping, thread, descriptor or child"],
  ["second_thread", "init and destroy on a second thread while events flow"],
  ["metrics", "get_metrics from two threads while events flow"],
  ["many", "several states and instances in one process"],
  ["destroy", "destroy within a second, the runtime well, stopped, or dead"],
  ["sigchld", "a host that ignores SIGCHLD"],
  ["closed_fds", "a host without stdin, stdout and stderr"],
  ["cycles", "forty lives without growth"],
  ["errors", "calls that fail on several threads at once"],
  ["left", "close while an open is at work frees nothing that is in use, and all in the end"],
  ["beside", "an instance is closed while another one's events are read"],
  ["two", "two instances on two threads over deaths of the runtime"],
])(
  "%s: %s",
  async (scenario) => {
    await flowing(async () => {
      const { process, errors } = start(scenario);
      const code = await process.exited;
      expect([code, code === 0 ? "" : await errors]).toEqual([0, ""]);
    });
    await engine.settle();
  },
  60_000,
);

test("a signal in the middle of a wait ends it at once", async () => {
  const { process, errors } = start("signal");
  const code = await process.exited;
  expect([code, code === 0 ? "" : await errors]).toEqual([0, ""]);
});

test("3,000 starts that fail, under a timer that interrupts each wait, leave no child", async () => {
  // Beside no docker-plugin.
  const library = join(temporaryFolder(), "libdocker.so");
  copyFileSync(LIBRARY, library);
  const { process, errors } = start("zombies", {}, folder, library);
  const code = await process.exited;
  expect([code, code === 0 ? "" : await errors]).toEqual([0, ""]);
}, 60_000);

test("a process is ended in one place, which is told which one", () => {
  const lines = cSources().flatMap((path) => readFileSync(path, "utf8").split("\n"));
  const ends = lines.flatMap((line, i) =>
    /\b(kill|tgkill|killpg|raise)\(/.test(line) ? [lines.slice(i - 1, i + 1)] : [],
  );
  const [checked, group, itself] = ["    assert(pid > 1);", "    kill(-pid, SIGKILL);", "    kill(pid, SIGKILL);"];
  expect(ends).toEqual([
    [checked, group],
    [group, itself],
  ]);
});

test.each([
  [
    "garbage while it opens",
    "busy",
    "garbage in the ring while another thread waits for the runtime: next_batch keeps its bound",
  ],
  [
    "an end that is none",
    "endless",
    "an end in the ring of a stream that has none: next_batch sleeps, and does not turn in circles",
  ],
])(
  "%s (%s): %s",
  async (attack, scenario) => {
    const script = join(folder, `hostile-${scenario}`);
    const module = JSON.stringify(join(import.meta.dir, "../faults/hostile_runtime.ts"));
    const call = `runHostile(${JSON.stringify(attack)}, ${JSON.stringify(BUILT)}, 1)`;
    writeFileSync(script, `#!${process.execPath}\nimport { runHostile } from ${module};\n${call};\n`, { mode: 0o755 });
    const { process: falco, errors } = start(scenario, { DOCKER_PLUGIN_RUNTIME: script });
    const code = await falco.exited;
    expect([code, code === 0 ? "" : await errors]).toEqual([0, ""]);
  },
  60_000,
);

test("the host dies by SIGKILL: the runtime is gone within a second", async () => {
  const { process } = start("stay");
  await engine.flow(NUMBERED, 500, 1500);
  const pid = await firstNumber(process);
  expect(alive(pid)).toBe(true);
  process.kill("SIGKILL");
  expect(await gone(pid, 5000)).toBe(true);
  await engine.settle();
});

test("the runtime may open as many files as the machine lets it, and the host's own limit stays", async () => {
  // Bun raises it at its start, also that of the tests: the host is given the usual limit again.
  const limited = ["sh", "-c", 'ulimit -Sn 256 && exec "$@"', "-", program, "stay", LIBRARY, engine.address];
  const host = Bun.spawn(limited, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  await engine.flow(NUMBERED, 500, 1500);
  const pid = await firstNumber(host);
  const limits = (of: number) => /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${of}/limits`, "latin1"));
  const [, soft, hard] = limits(pid) ?? [];
  expect([limits(host.pid)?.[1], soft]).toEqual(["256", String(hard)]);
  expect(Number(hard)).toBeGreaterThan(256);
  host.kill("SIGKILL");
  expect(await gone(pid, 5000)).toBe(true);
  await engine.settle();
});

test("a host that was killed closed nothing: the next one goes on where it stood all the same", async () => {
  const config = JSON.stringify({ statefile: join(folder, "resume"), inspect: false });
  const { process } = start("stay", { INIT_CONFIG: config });
  const { flowed: before } = await engine.flowed();
  await engine.flow(NUMBERED, 200, 400);
  await firstNumber(process);
  await Bun.sleep(500);
  const runtime = runtimePid(process.pid);
  const { flowed } = await engine.flowed();
  process.kill("SIGKILL");
  const { flowed: atMost } = await engine.flowed();
  await Bun.sleep(500);
  // It has kept its place by then.
  expect(await gone(Number(runtime), 30_000)).toBe(true);
  using state = new Plugin().init(config);
  using instance = state.open(engine.address);
  const numbers: number[] = [];
  while (numbers.at(-1) !== before + 399) {
    const names = instance.take(1, (event) => String(state.extract(event, ["docker.attributes.name"])[0]));
    if (names.length === 0) break;
    numbers.push(...names.map((name) => Number(name.slice("event-".length))));
    await Bun.sleep(0);
  }
  const [first = 0] = numbers;
  expect(flowed - before).toBeGreaterThan(50);
  // From what it took last to the end, each once: neither the half second without a host, nor anything before.
  expect(first).toBeGreaterThan(flowed - 50);
  expect(first).toBeLessThan(atMost + 20);
  expect(numbers).toEqual(Array.from({ length: before + 400 - first }, (_, i) => first + i));
});

test("a host that was killed with a batch in hand: the next one gets what no field was taken of", async () => {
  const config = JSON.stringify({ statefile: join(folder, "held"), inspect: false });
  const { process } = start("hold", { INIT_CONFIG: config });
  const { flowed: before } = await engine.flowed();
  const output = process.stdout.getReader();
  const number = async () => Number(Buffer.from((await output.read()).value ?? []).toString());
  expect(await number()).toBe(0);
  await engine.flow(NUMBERED, 5000, 100);
  const last = await number();
  const runtime = runtimePid(process.pid);
  process.kill("SIGKILL");
  // It has kept its place by then.
  expect(await gone(Number(runtime), 30_000)).toBe(true);
  using state = new Plugin().init(config);
  using instance = state.open(engine.address);
  const name = (event: HostEvent) => String(state.extract(event, ["docker.attributes.name"])[0]);
  const left = before + 99 - last;
  const names = instance.take(left, name).concat(instance.take(1, name, 500));
  expect(names).toEqual(Array.from({ length: left }, (_, i) => `event-${String(last + 1 + i).padStart(9, "0")}`));
  expect(left).toBeGreaterThan(0);
});

test("a host and its runtime that are killed at once keep nothing: the next one announces it", async () => {
  const config = JSON.stringify({ statefile: join(folder, "both"), inspect: false });
  const { process: falco } = start("stay", { INIT_CONFIG: config });
  await engine.flow(NUMBERED, 100, 1000);
  const pid = await firstNumber(falco);
  signalTo(pid, "SIGSTOP");
  falco.kill("SIGKILL");
  signalTo(pid, "SIGKILL");
  expect(await gone(pid, 5000)).toBe(true);
  await engine.settle();
  for (const expected of [["events_lost", "start"], ["start"]]) {
    using state = new Plugin().init(config);
    using instance = state.open(engine.address);
    await engine.send(NUMBERED.replaceAll("@", "x").replaceAll("#", `${Date.now()}000000`));
    const actions = instance.take(expected.length, (event) => state.extract(event, ["docker.action"])[0], 5000);
    expect(actions).toEqual(expected);
  }
}, 60_000);

test("SIGTERM to host and runtime at once loses no event and restarts nothing", async () => {
  const { process, errors } = start("sigterm");
  await engine.flow(NUMBERED, 500, 5000);
  const pid = await firstNumber(process);
  signalTo(pid, "SIGTERM");
  process.kill("SIGTERM");
  const code = await process.exited;
  expect([code, code === 0 ? "" : await errors]).toEqual([0, ""]);
  expect((await errors).includes("lost")).toBe(false);
  expect(await gone(pid, 5000)).toBe(true);
  await engine.settle();
}, 60_000);

// A variant of the library starts the runtime through a shell.
test.skipIf(isVariant)(
  "nothing of Falco's world reaches the runtime",
  async () => {
    const hostile = temporaryFolder();
    const trap = join(hostile, "trap");
    writeFileSync(join(hostile, "trap.ts"), `require("node:fs").writeFileSync(${JSON.stringify(trap)}, "sprung");`);
    writeFileSync(join(hostile, "bunfig.toml"), 'preload = ["./trap.ts"]\n');
    writeFileSync(join(hostile, ".env"), "DOCKER_HOST=unix:///wrong\nSECRET=1\n");
    const environment = {
      BUN_OPTIONS: "--preload=./trap.ts",
      NODE_OPTIONS: "--require=./trap.ts",
      SECRET: "hunter2",
      HOME: hostile,
      DOCKER_HOST: "unix:///somewhere/docker.sock",
      DOCKER_CERT_PATH: "/certs",
      DOCKER_CONFIG: "/config",
      DOCKER_CONTEXT: "default",
      DOCKER_TLS_VERIFY: "1",
      DOCKER_HOST_OTHER: "x",
      DOCKER_AUTH_CONFIG: '{"auths": {}}',
    };
    const { process } = start("stay", environment, hostile);
    await engine.flow(NUMBERED, 500, 1500);
    const pid = await firstNumber(process);
    const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter(Boolean).sort();
    expect(variables).toEqual([
      "BUN_GC_TIMER_DISABLE=1",
      "BUN_JSC_forceRAMSize=268435456",
      "DOCKER_CERT_PATH=/certs",
      "DOCKER_CONFIG=/config",
      "DOCKER_CONTEXT=default",
      "DOCKER_HOST=unix:///somewhere/docker.sock",
      "DOCKER_TLS_VERIFY=1",
      "MIMALLOC_PURGE_DELAY=10000",
    ]);
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe("/");
    const [stdin, stdout, stderr] = [0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    expect([stdin, stdout]).toEqual(["/dev/null", "/dev/null"]);
    // Not Falco's own, which could be a file or a terminal: what is said there comes out in Falco's log.
    expect(stderr).toStartWith("pipe:");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    const ignored = BigInt(`0x${/^SigIgn:\t(\w+)/m.exec(status)?.[1]}`);
    // SIGHUP 1, SIGINT 2, SIGPIPE 13, SIGTERM 15
    for (const signal of [1n, 2n, 13n, 15n]) expect(ignored & (1n << (signal - 1n))).not.toBe(0n);
    const group = / \w \d+ (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\)/, " "))?.[1];
    expect(Number(group)).toBe(pid);
    const memories = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    expect(memories.filter((name) => name.includes("memfd:falco-docker")).length).toBe(2);
    expect(memories.filter((name) => name.startsWith(hostile))).toEqual([]);
    const listening = readFileSync("/proc/net/unix", "utf8")
      .split("\n")
      .filter((line) => / 00010000 0001 01 /.test(line));
    const sockets = memories.map((name) => /^socket:\[(\d+)\]$/.exec(name)?.[1]).filter((inode) => inode !== undefined);
    for (const inode of sockets) expect(listening.some((line) => line.includes(` ${inode}`))).toBe(false);
    expect(existsSync(trap)).toBe(false);
    process.kill("SIGKILL");
    expect(await gone(pid, 5000)).toBe(true);
    await engine.settle();
  },
  60_000,
);
