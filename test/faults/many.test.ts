/** As many engines as there may be, and little of what they share: memory for lines that have begun, open files. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { ENGINES_MAX } from "../../src/docker/address.ts";
import { heldLines, LINE_MAX } from "../../src/docker/stream/lines.ts";
import { TestEngine } from "../support/engine.ts";
import { type Instance, Plugin, rc, type State } from "../support/host.ts";
import { has } from "../support/needs.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { NUMBERED, runtimePid } from "./faults.ts";

/** The same engine by so many names, for which it is as many. */
function names(engine: TestEngine): string {
  const folder = temporaryFolder();
  return Array.from({ length: ENGINES_MAX }, (_, i) => {
    const path = join(folder, String(i));
    symlinkSync(engine.socket, path);
    return `unix://${path}`;
  }).join();
}

const chunk = (text: string): Buffer => Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
const logs = (state: State): string => state.logs.map(({ text }) => text).join("\n");

/** The most memory that a process had so far, bytes. */
const mostMemory = (pid: number | undefined): number =>
  1024 * Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);

/** Takes batches until a metric is so much. */
function until(instance: Instance, metric: string, value: number): void {
  for (const end = performance.now() + 60_000; instance.state.metrics()[metric] !== value; instance.nextBatch())
    if (performance.now() > end) throw new Error(`${metric} is ${instance.state.metrics()[metric]}, not ${value}`);
}

test("64 engines, each in the middle of a line of 7 MiB: what is held of them has one bound", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": "", "inspect": false}');
  using instance = state.open(names(engine));
  expect([instance.rc, state.error]).toEqual([rc.success, ""]);
  until(instance, "engines_connected", ENGINES_MAX);
  const before = mostMemory(runtimePid());
  const line = NUMBERED.replaceAll("@", "000000001")
    .replaceAll("#", `${Date.now()}000000`)
    .replace('"com.docker.compose.project":"shop"', `"x":"${"x".repeat(LINE_MAX - 1024 * 1024)}"`);
  const half = line.length >> 1;
  await engine.raw(chunk(line.slice(0, half)));
  await engine.raw(chunk(line.slice(half, -1)));
  await engine.raw(chunk(`${line.slice(-1)}\n`));
  const cuts = instance.take(
    ENGINES_MAX,
    (event) => {
      const { Actor, falco } = JSON.parse(event.payload);
      expect(Actor.ID).toStartWith("000000001aab0fe1");
      expect(falco.cut.bytes).toBe(line.length);
      // Of those that were read whole it is known what was cut out.
      return falco.cut.attributes.length > 0;
    },
    60_000,
  );
  expect(cuts.length).toBe(ENGINES_MAX);
  expect(cuts.filter((isWhole) => isWhole).length).toBeLessThanOrEqual(heldLines.max / (LINE_MAX - 1024 * 1024));
  const { losses, malformed, runtime_restarts: restarts } = state.metrics();
  expect({ losses, malformed, restarts }).toEqual({ losses: 0, malformed: 0, restarts: 0 });
  const grown = mostMemory(runtimePid()) - before;
  console.log(
    `${ENGINES_MAX} engines in the middle of a line of 7 MiB: ${(grown / 2 ** 20).toFixed(0)} MiB more memory`,
  );
  // All of them together are 448 MiB, and those that are whole are cut to 4 MiB each, which wait in the ring and before it.
  expect(grown).toBeLessThan(448 * 2 ** 20);
}, 120_000);

const limited = test.skipIf(!has("engines where few files may be open", "prlimit"));

limited.each([
  [500, ""],
  [400, "64 engines may need 448 open files, and there may be 400: connections may fail; raise the limit"],
])(
  "64 engines and %d open files: questions leave each its stream",
  async (files, warning) => {
    const info = { Id: "", Name: "/web", Config: {}, State: { Running: true } };
    await using engine = await TestEngine.start({ containers: { "*": info }, inspectMs: 300 });
    using state = new Plugin().init('{"statefile": "", "snapshot": false}');
    const pid = runtimePid();
    Bun.spawnSync(["prlimit", "--pid", String(pid), `--nofile=${files}:${files}`]);
    using instance = state.open(names(engine));
    until(instance, "engines_connected", ENGINES_MAX);
    // Each is asked about, as each is another container.
    await engine.repeat(NUMBERED.replaceAll("@aab0f", "@").replaceAll("#", `${Date.now()}000000`), 20);
    let most = 0;
    const came = instance.take(
      ENGINES_MAX * 20,
      () => {
        most = Math.max(most, readdirSync(`/proc/${pid}/fd`).length);
      },
      60_000,
    );
    console.log(`${ENGINES_MAX} engines, ${files} files may be open: ${most} are`);
    expect(came.length).toBe(ENGINES_MAX * 20);
    // There is room for a second stream of each.
    expect(most).toBeLessThanOrEqual(files - ENGINES_MAX);
    // Its stream, and at least one for its questions.
    expect(most).toBeGreaterThanOrEqual(2 * ENGINES_MAX);
    expect(logs(state)).not.toMatch(/too many files| broke: /);
    if (warning === "") expect(logs(state)).not.toContain("open files");
    else expect(logs(state)).toContain(warning);
    expect(state.metrics()).toMatchObject({ engines_connected: ENGINES_MAX, reconnects: 0, losses: 0 });
  },
  90_000,
);

limited(
  "64 engines and 60 open files: it is said what is missing, some are connected, and nothing ends",
  async () => {
    await using engine = await TestEngine.start();
    using state = new Plugin().init('{"statefile": "", "inspect": false}');
    const pid = runtimePid();
    Bun.spawnSync(["prlimit", "--pid", String(pid), "--nofile=60:60"]);
    using instance = state.open(names(engine));
    expect(instance.rc).toBe(rc.success);
    expect(logs(state)).toContain("there may be 60: connections may fail; raise the limit of open files");
    for (const end = performance.now() + 20_000; !logs(state).includes("too many files"); instance.nextBatch())
      if (performance.now() > end) throw new Error(logs(state));
    expect(logs(state)).toMatch(
      /no connection to the engine at unix:\S+: too many files are open; raise the limit of open files \(with systemd/,
    );
    // Beyond a heartbeat, which looks at the memory, which takes a file.
    const began = performance.now();
    const isOver = () => performance.now() - began > 4_000 && (state.metrics().engines_connected ?? 0) > 0;
    while (!isOver() && performance.now() - began < 40_000) instance.nextBatch();
    expect([isOver(), state.metrics().runtime_restarts]).toEqual([true, 0]);
  },
  60_000,
);
