/** The host and a runtime that dies, hangs, floods, or is dead already when it is asked. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { buildId } from "../../src/ipc/build_id.ts";
import { TestEngine } from "../support/engine.ts";
import { BUILT, type Instance, Plugin, pluginBeside, rc, type State } from "../support/host.ts";
import { signalTo } from "../support/signal.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { atLeast, NUMBERED, runtimePid } from "./faults.ts";

const QUIET = '{"statefile": "", "inspect": false}';
const line = (name: string, nano = BigInt(Date.now()) * 1_000_000n) =>
  `{"Type":"container","Action":"start","Actor":{"ID":"1","Attributes":{"name":"${name}"}},"scope":"local","time":1,"timeNano":${nano}}`;
const nameOf = (state: State) => (event: Parameters<State["extract"]>[0]) =>
  String(state.extract(event, ["docker.attributes.name"])[0]);

const kill = (signal: NodeJS.Signals) => signalTo(runtimePid(), signal);

/** Kills the runtime, and returns when it is dead: the host has not been told. */
async function killUnnoticed(): Promise<void> {
  const pid = runtimePid();
  kill("SIGKILL");
  while (runtimePid() === pid && /State:\t[^ZX]/.test(await Bun.file(`/proc/${pid}/status`).text())) await Bun.sleep(1);
}

/** A plugin whose runtime is a script of the test's: the body of a module. */
const scripted = (body: string): Plugin => pluginBeside(`#!${process.execPath}\n${body}\n`);
const planted = (word: string): Plugin =>
  scripted(
    `import { runPoisoned } from ${JSON.stringify(join(import.meta.dir, "poison.ts"))};
     runPoisoned(${JSON.stringify(word)}, ${JSON.stringify(BUILT)});`,
  );

/** Takes until an event of this name has come. */
function takeUntil(instance: Instance, last: string, ms = 30_000): string[] {
  const names: string[] = [];
  for (const end = performance.now() + ms; names.at(-1) !== last && performance.now() < end; )
    names.push(...instance.take(1, nameOf(instance.state), 100));
  return names;
}

test("a runtime that died between init and open is replaced, and the open works", async () => {
  using state = new Plugin().init(QUIET);
  await killUnnoticed();
  using instance = state.open("unix:///nowhere/docker.sock");
  expect([instance.rc, state.error]).toEqual([rc.success, ""]);
});

test("a runtime that died in a replay is replaced, and no event goes without its fields", async () => {
  using state = new Plugin().init(QUIET);
  for (let i = 0; i < 3; i++) {
    await killUnnoticed();
    const event = state.foreign(line(`web-${i}`));
    // Where the new one takes longer than the bound of a question, the next question has it.
    for (let ask = 0; ask < 10 && state.extract(event, ["docker.type"])[0] === undefined; ask++);
    expect(state.extract(event, ["docker.attributes.name"])).toEqual([`web-${i}`]);
  }
});

test("a runtime that hangs in a replay is noticed as fast as one of a live stream", () => {
  using state = new Plugin().init(QUIET);
  const pid = runtimePid();
  kill("SIGSTOP");
  const event = state.foreign(line("web"));
  const began = performance.now();
  let answer: unknown;
  for (let field = 0; field < 45 && answer === undefined; field++) [answer] = state.extract(event, ["docker.type"]);
  expect(answer).toBe("container");
  expect(performance.now() - began).toBeLessThan(25_000);
  expect(runtimePid()).not.toBe(pid);
}, 60_000);

test("an open that was given up never comes into effect: its runtime is replaced", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(QUIET);
  const pid = runtimePid();
  kill("SIGSTOP");
  // It fails after ten seconds, or works where the hang is noticed before that: the request was given up either way.
  const given = state.open(engine.address);
  if (given.rc === rc.failure) expect(state.error).toBe("the runtime does not answer");
  given.close();
  try {
    signalTo(pid, "SIGCONT");
  } catch {}
  using instance = state.open(engine.address);
  expect([instance.rc, runtimePid() === pid]).toEqual([rc.success, false]);
  await engine.flow(NUMBERED, 400, 400);
  const names = instance.take(400, nameOf(state));
  expect([names.length, new Set(names).size]).toEqual([400, 400]);
  expect(instance.take(1, nameOf(state), 500)).toEqual([]);
}, 60_000);

test("an open that failed leaves the place where the one before it stood", async () => {
  await using engine = await TestEngine.start();
  const config = JSON.stringify({
    statefile: join(temporaryFolder(), "resume"),
    inspect: false,
    waitforengine: false,
  });
  const life = <T>(live: (instance: Instance) => T): T => {
    using state = new Plugin().init(config);
    using instance = state.open(engine.address);
    return live(instance);
  };
  await engine.send(line("before", 1n));
  {
    using state = new Plugin().init(config);
    using instance = state.open(engine.address);
    await engine.send(line("first"));
    expect(takeUntil(instance, "first")).toEqual(["first"]);
    instance.nextBatch();
  }
  await engine.send(line("second"), line("third"));
  await engine.behave({ refuse: { status: 503, body: '{"message":"starting"}' } });
  expect(life((instance) => instance.rc)).toBe(rc.failure);
  await engine.behave({});
  expect(life((instance) => takeUntil(instance, "third"))).toEqual(["second", "third"]);
});

test("a runtime that gets ready and dies again and again is started ever more slowly, and told of ever less often", () => {
  const module = JSON.stringify(join(import.meta.dir, "../../src/ipc/bridge.ts"));
  const plugin = scripted(`
    import { writeSync } from "node:fs";
    import { Bridge } from ${module};
    writeSync(4, ${JSON.stringify(buildId)});
    const bridge = new Bridge(${JSON.stringify(BUILT)}, {
      configure: (id) => bridge.answer(id),
      open: (id) => { bridge.answer(id); setTimeout(() => process.exit(3), 20); },
      close: (id) => bridge.answer(id), extract() {}, list() {}, abandoned: () => process.exit(0),
    });
    setInterval(() => bridge.heartbeat(), 500);`);
  using state = plugin.init();
  expect([state.rc, state.error]).toEqual([rc.success, ""]);
  using instance = state.open("");
  expect([instance.rc, state.error]).toEqual([rc.success, ""]);
  for (const time = atLeast(8_000, () => Number(state.metrics().runtime_restarts) >= 6); time.isLeft; )
    expect(instance.nextBatch().rc).toBe(rc.timeout);
  const { runtime_restarts = 0 } = state.metrics();
  // 0, 100, 200, 400, 800, 1600, 3200 ms; without growth it would be 30.
  expect(runtime_restarts).toBeGreaterThanOrEqual(6);
  expect(runtime_restarts).toBeLessThanOrEqual(8);
  const lost = state.logs.filter(({ text }) => text.includes("the runtime was lost: it ended (exited with code 3)"));
  expect(lost.length).toBeLessThan(runtime_restarts);
  expect(lost.length).toBeGreaterThanOrEqual(3);
}, 60_000);

test("a line that kills twice is passed over and announced, once, and the stream goes on", async () => {
  await using engine = await TestEngine.start();
  using state = planted("poison").init(QUIET);
  using instance = state.open(engine.address);
  expect([instance.rc, state.error]).toEqual([rc.success, ""]);
  await engine.send(line("first"));
  expect(takeUntil(instance, "first")).toEqual(["first"]);
  await engine.send(line("poison"), line("second"));
  const seen: string[] = [];
  const took = (event: Parameters<State["extract"]>[0]) => {
    const [action, name] = state.extract(event, ["docker.action", "docker.attributes.name"]);
    seen.push(action === "start" ? String(name) : `${action} ${JSON.parse(event.payload).Actor.Attributes.count}`);
  };
  for (const end = performance.now() + 20_000; seen.at(-1) !== "second" && performance.now() < end; )
    instance.take(1, took, 100);
  expect(seen).toEqual(["events_lost 1", "second"]);
  expect(state.metrics()).toMatchObject({ runtime_restarts: 2, losses: 1 });
  expect(state.logs.some(({ text }) => text.includes("ended the runtime twice and is passed over"))).toBe(true);
  // The engine sends it again after each cut.
  await engine.cut();
  await engine.send(line("third"));
  instance.take(1, took);
  expect(seen.slice(2)).toEqual(["third"]);
  expect(state.metrics().runtime_restarts).toBe(2);
}, 60_000);

test("a question that kills is not asked again, and others are answered", () => {
  using state = planted("poison").init(QUIET);
  const poison = state.foreign(line("poison"));
  for (let ask = 0; ask < 5; ask++) expect(state.extract(poison, ["docker.type"])).toEqual([undefined]);
  const well = state.foreign(line("web"));
  for (let ask = 0; ask < 10 && state.extract(well, ["docker.type"])[0] === undefined; ask++);
  expect(state.extract(well, ["docker.attributes.name"])).toEqual(["web"]);
  for (let ask = 0; ask < 5; ask++) expect(state.extract(poison, ["docker.type"])).toEqual([undefined]);
  const other = state.foreign(line("other"));
  for (let ask = 0; ask < 10 && state.extract(other, ["docker.type"])[0] === undefined; ask++);
  expect(state.metrics().runtime_restarts).toBe(1);
  expect(state.metrics().extract_failures).toBeGreaterThan(0);
}, 60_000);

test("an answer to an inspection that kills is not read again: its event comes, not inspected", async () => {
  const id = "a".repeat(64);
  await using engine = await TestEngine.start({ containers: { [id]: { Id: id, Name: "poison" } } });
  using state = planted("poison").init('{"statefile": "", "snapshot": false}');
  using instance = state.open(engine.address);
  await engine.send(line("first"));
  expect(takeUntil(instance, "first")).toEqual(["first"]);
  await engine.send(line("web").replace('"ID":"1"', `"ID":"${id}"`));
  const events = instance.take(1, (event) =>
    state.extract(event, ["docker.attributes.name", "docker.container.inspected"]),
  );
  expect(events).toEqual([["web", false]]);
  expect(instance.take(1, () => 1, 1_500)).toEqual([]);
  expect(state.metrics().runtime_restarts).toBe(1);
}, 60_000);

test("a flood of log lines reaches Falco as a thousand and then a hundred a second, and what is dropped is told", () => {
  const module = JSON.stringify(join(import.meta.dir, "../../src/ipc/bridge.ts"));
  const plugin = scripted(`
    import { writeSync } from "node:fs";
    import { Bridge } from ${module};
    writeSync(4, ${JSON.stringify(buildId)});
    const bridge = new Bridge(${JSON.stringify(BUILT)}, {
      configure: (id) => bridge.answer(id),
      open(id) { bridge.answer(id); setInterval(() => { for (let i = 0; i < 2000; i++) bridge.log("error", "flood"); }, 1); },
      close: (id) => bridge.answer(id), extract() {}, list() {}, abandoned: () => process.exit(0),
    });
    setInterval(() => bridge.heartbeat(), 500);`);
  using state = plugin.init();
  using instance = state.open("");
  expect([instance.rc, state.error]).toEqual([rc.success, ""]);
  const began = performance.now();
  while (performance.now() - began < 4_000) expect(instance.nextBatch().rc).toBe(rc.timeout);
  const seconds = (performance.now() - began) / 1000;
  const lines = state.logs.filter(({ text }) => text.includes("flood"));
  expect(lines.length).toBeGreaterThan(1_000);
  expect(lines.length).toBeLessThanOrEqual(1_000 + 100 * (seconds + 1));
  expect(state.logs.some(({ text }) => /\d+ lines of the runtime's log were dropped/.test(text))).toBe(true);
  expect(state.metrics().log_lines_dropped).toBeGreaterThan(0);
}, 60_000);

const SAID = "the runtime's standard error: ";
const said = (state: State): string[] =>
  state.logs.filter(({ text }) => text.startsWith(SAID)).map(({ text }) => text.slice(SAID.length));

test("why a runtime crashed is read in Falco's log, as it said it itself", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(QUIET);
  using instance = state.open(engine.address);
  await engine.send(line("before"));
  expect(takeUntil(instance, "before")).toEqual(["before"]);
  kill("SIGSEGV");
  while (state.metrics().runtime_restarts === 0) instance.nextBatch();
  expect(said(state).join("\n")).toMatch(/Bun v\d[\s\S]*panic|panic[\s\S]*Segmentation fault/);
  await engine.send(line("after"));
  expect(takeUntil(instance, "after")).toEqual(["after"]);
});

test.each([
  ["what ends without a newline", "printf 'one\\ntwo' >&2; exit 7", ["one", "two"]],
  ["what would act on a terminal", "printf 'a\\033[2Jb\\000c\\n\\n\\nd\\n' >&2; exit 7", ["a [2Jb c", "d"]],
  [
    "a line without an end",
    "head -c 2500 /dev/zero | tr '\\000' x >&2; exit 7",
    [1024, 1024, 452].map((n) => "x".repeat(n)),
  ],
])("a program that ends at once: %s", (_what, script, lines) => {
  using state = pluginBeside(`#!/bin/sh\n${script}\n`).init();
  expect([state.rc, state.error]).toEqual([rc.failure, expect.stringContaining("exited with code 7")]);
  expect(said(state)).toEqual(lines);
});

test("a flood on its standard error holds up neither Falco nor the runtime, and is bounded", () => {
  const module = JSON.stringify(join(import.meta.dir, "../../src/ipc/bridge.ts"));
  const plugin = scripted(`
    import { writeSync } from "node:fs";
    import { Bridge } from ${module};
    writeSync(4, ${JSON.stringify(buildId)});
    const flood = Buffer.from("flood\\n".repeat(20_000));
    const bridge = new Bridge(${JSON.stringify(BUILT)}, {
      configure: (id) => bridge.answer(id),
      open(id) {
        bridge.answer(id);
        setInterval(() => {
          try { while (writeSync(2, flood) > 0); } catch {}
          bridge.count("received");
        }, 1);
      },
      close: (id) => bridge.answer(id), extract() {}, list() {}, abandoned: () => process.exit(0),
    });
    setInterval(() => bridge.heartbeat(), 500);`);
  using state = plugin.init();
  using instance = state.open("");
  expect([instance.rc, state.error]).toEqual([rc.success, ""]);
  const began = performance.now();
  while (said(state).length < 1_000 || Number(state.metrics().received) < 100)
    expect(instance.nextBatch().rc).toBe(rc.timeout);
  for (let i = 0; i < 10; i++) expect(instance.nextBatch().rc).toBe(rc.timeout);
  const seconds = (performance.now() - began) / 1000;
  expect(said(state).length).toBeLessThanOrEqual(1_000 + 100 * (seconds + 1));
  expect(state.metrics().runtime_restarts).toBe(0);
}, 60_000);

test("a runtime that hung up on one socket and says nothing on the other costs no processor time", () => {
  const plugin = pluginBeside(`#!/bin/sh\nprintf '%s' '${buildId}' >&4\nexec 3>&-\nexec sleep 60\n`);
  const before = process.cpuUsage();
  using state = plugin.init();
  expect([state.rc, state.error]).toEqual([rc.failure, expect.stringContaining("did not get ready within 10 s")]);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1e6).toBeLessThan(1.5);
}, 60_000);
