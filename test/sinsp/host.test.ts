/** The plugin's life in a real libsinsp: what it tells of itself, errors, large events, ends, an engine that restarts. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listEngines } from "../../src/docker/discover.ts";
import { fields } from "../../src/plugin/fields.ts";
import { info } from "../../src/plugin/info.ts";
import { initSchemaJson } from "../../src/plugin/schema.ts";
import { runtimePid } from "../faults/faults.ts";
import { TestEngine } from "../support/engine.ts";
import { BUILT } from "../support/host.ts";
import { recordedLines } from "../support/recordings.ts";
import { signalTo } from "../support/signal.ts";
import {
  capture,
  captured,
  env,
  live,
  missing,
  printed,
  run,
  Sinsp,
  subscribed,
  tellIfMissing,
  values,
} from "../support/sinsp.ts";
import { temporaryFolder } from "../support/temporary.ts";

tellIfMissing("the plugin's life in a real libsinsp");
const real = test.skipIf(missing !== undefined);

const quiet = { statefile: "", inspect: false };

/** Waits until a process is gone, or a zombie: one whose parent is gone is whoever's to reap. */
async function gone(pid: number | undefined): Promise<void> {
  if (pid === undefined) throw new Error("there was no runtime");
  const state = () => /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  try {
    while (state() !== "Z") await Bun.sleep(10);
  } catch (error) {
    if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Log lines are printed with these. */
const LOGGED = ["-D", "--log-level=info"];
const nowhere = () => `unix://${join(temporaryFolder(), "none.sock")}`;

let tick = 0n;
const line = (Action: string, attributes: object = {}): string => {
  const nano = BigInt(Date.now()) * 1_000_000n + tick++;
  const Actor = { ID: "7".repeat(64), Attributes: { image: "bb:1", name: "web", ...attributes } };
  return `${JSON.stringify({ Type: "container", Action, Actor, scope: "local", time: 1 }).slice(0, -1)},"timeNano":${nano}}`;
};

real("it tells who it is, what it can, its settings, and which engine is there", async () => {
  const { code, stdout, stderr } = await run({ statefile: "" }, "--plugin-info", info.name);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toStartWith(
    [
      `Name: ${info.name}`,
      `Description: ${info.description}`,
      `Contact: ${info.contact}`,
      `Version: ${info.version}`,
      "Capabilities: ",
      `  - Event Sourcing (ID=${info.id}, source='${info.eventSource}')`,
      "  - Field Extraction",
      "",
      "Init config schema type: JSON",
      initSchemaJson(),
      "",
    ].join("\n"),
  );
  const engines = listEngines(env).map(({ value, desc }) => `${value}: ${desc}`);
  expect(engines.length).toBeGreaterThan(0);
  expect(stdout.split("Suggested open params:\n")[1]?.trimEnd().split("\n")).toEqual(engines);
});

real("its fields are listed in order, each with its type and description", async () => {
  const { code, stdout } = await run({ statefile: "" }, "--list-markdown");
  expect(code).toBe(0);
  const types = { string: "CHARBUF", uint64: "UINT64", abstime: "ABSTIME", bool: "BOOL" };
  const rows = fields.map(({ name, type, list, desc }) => {
    const shape = list ? `LIST(${types[type]})` : types[type];
    return `\`${name}\` | ${shape} | ${desc}`;
  });
  expect(stdout.split("\n").filter((row) => row.startsWith("`docker."))).toEqual(rows);
});

real.each<[object, string]>([
  // Checked by libsinsp, against the schema …
  [{ flushinterval: -1 }, 'error in plugin docker init config: In <root>["flushinterval"], Expected number'],
  [{ maxeventbytes: "x" }, 'error in plugin docker init config: In <root>["maxeventbytes"], Value type not permitted'],
  // … and by the plugin, where the schema does not see it.
  [
    { flushinterval: 1.5 },
    "could not initialize plugin: init_config: flushinterval: expected a whole number, got the number 1.5",
  ],
  [
    { statefile: "", stateFile: "" },
    'could not initialize plugin: init_config: "statefile" and "stateFile" are the same key: keep one',
  ],
])("a wrong setting is said: %j", async (config, why) => {
  const { code, stderr } = await run(config, "-I", `docker:${nowhere()}`, "-n", "1");
  expect([code, stderr]).toEqual([1, expect.stringContaining(why)]);
});

real("an engine that is not there, or cannot be, is said at open", async () => {
  const config = { ...quiet, waitforengine: false };
  const address = nowhere();
  expect(await run(config, "-I", `docker:${address}`, "-n", "1")).toMatchObject({
    code: 1,
    stderr: `no Docker Engine at ${address}: no such socket; start the engine or set open_params\n`,
  });
  for (const wrong of ["ftp://x", "tcp://nowhere:99999"])
    expect(await run(config, "-I", `docker:${wrong}`, "-n", "1")).toMatchObject({
      code: 1,
      stderr: `open_params ${JSON.stringify(wrong)}: not an engine's address; expected unix:///path/to/docker.sock, tcp://host:port, ssh://user@host or context://NAME\n`,
    });
  await using refusing = await TestEngine.start({ refuse: { status: 403, body: '{"message":"not for you"}' } });
  const { code, stderr } = await run(config, "-I", `docker:${refusing.address}`, "-n", "1");
  expect([code, stderr]).toEqual([1, expect.stringContaining("not for you")]);
});

real("settings of a falco.yaml reach it with their types, and its log lines have its name once", async () => {
  const file = join(temporaryFolder(), "falco.yaml");
  const address = nowhere();
  writeFileSync(
    file,
    `plugins:
  - name: docker
    library_path: ${BUILT}
    init_config:
      statefile: ''
      flushInterval: 0
      waitforengine: no
      sensitivemounts: [/srv]
      unheardof: 1
    open_params: ${address}
load_plugins: [docker]
`,
  );
  const { code, stdout, stderr } = await run(undefined, "--plugin-config-file", file, "-n", "1", ...LOGGED);
  expect(code).toBe(1);
  const said = `${stdout}\n${stderr}`;
  expect(said).toMatch(/^[\d:. -]+ docker: init_config: unknown key "unheardof" is ignored/m);
  expect(said).toContain(`no Docker Engine at ${address}: no such socket`);
});

real("without an engine it waits, says so, and reads it when it comes", async () => {
  const socket = join(temporaryFolder(), "docker.sock");
  await using sinsp = new Sinsp(quiet, "-I", `docker:unix://${socket}`, "-n", "1", "-p", "%docker.action", ...LOGGED);
  const waiting = await sinsp.line((line) => line.includes("waiting for it"));
  expect(waiting).toMatch(/^[\d:. -]+ docker: no Docker Engine at unix:.*; waiting for it$/);
  await using engine = await TestEngine.start({}, socket);
  await subscribed(engine);
  await engine.send(line("start"));
  const { code, stdout } = await sinsp.end;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^start$/m);
  expect(stdout).toMatch(/^[\d:. -]+ docker: connected to unix:.* again$/m);
});

real.each([
  ["whole", {}],
  ["cut, and the rest of it stays", { maxeventbytes: 65_536 }],
] as const)("an event of 1 MB is %s, live and replayed", async (_what, more) => {
  const big = "0123456789abcdef".repeat(65_536);
  const isCut = "maxeventbytes" in more;
  const config = { ...quiet, ...more };
  const asks = ["docker.action", "docker.attributes.name", "docker.attributes[big]", "docker.attributes[after]"];
  const lines = [line("start", { big, after: "wards" }), line("die")];
  const file = join(temporaryFolder(), "big.scap");
  await using engine = await TestEngine.start();
  await using printing = new Sinsp(config, ...live(engine, lines.length), ...printed(asks));
  await capture(engine, config, lines, file, 2);
  const { code, stdout } = await printing.end;
  expect(code).toBe(0);
  const came = stdout.split("\n").slice(0, -1).map(values);
  expect(came.map((of) => asks.map((ask) => of.get(ask)))).toEqual([
    ["start", "web", isCut ? undefined : big, "wards"],
    ["die", "web", undefined, undefined],
  ]);
  expect((await run(config, "-r", file, ...printed(asks))).stdout).toBe(stdout);
  const [payload = ""] = captured(file).map(({ payload }) => payload);
  if (isCut) expect(JSON.parse(payload).falco.cut).toEqual({ bytes: lines[0]?.length, attributes: ["big"], count: 1 });
  else expect(payload).toBe(lines[0] ?? "");
});

real("a damaged event of a capture has no fields, and the others keep theirs", async () => {
  const file = join(temporaryFolder(), "damaged.scap");
  await using engine = await TestEngine.start();
  await capture(engine, quiet, [line("create"), line("start"), line("die")], file);
  const bytes = readFileSync(file);
  bytes.write("x", bytes.indexOf('{"Type":"container","Action":"start"'));
  writeFileSync(file, bytes);
  const asks = fields.filter(({ key }) => key === undefined).map(({ name }) => name);
  const { code, stdout } = await run(quiet, "-r", file, ...printed(asks));
  const came = stdout.split("\n").slice(0, -1).map(values);
  expect([code, ...came.map((of) => of.get("docker.action"))]).toEqual([0, "create", undefined, "die"]);
  expect([...(came[1]?.values() ?? [])].filter((value) => value !== undefined)).toEqual([]);
  // With the fields of libsinsp's own it is still an event of ours.
  expect((await run(quiet, "-r", file, "-p", "%evt.pluginname %evt.plugininfo")).stdout.split("\n")[1]).toBe(
    "docker not a Docker event",
  );
});

real("a recording: all of it, and then libsinsp ends by itself", async () => {
  const path = join(temporaryFolder(), "events.jsonl");
  const lines = recordedLines("docker-29").concat(
    Array.from({ length: 20_000 }, (_, i) => line("start", { name: `n${i}` })),
  );
  writeFileSync(path, lines.join("\n"));
  const file = join(temporaryFolder(), "events.scap");
  const { code, stdout, stderr } = await run(quiet, "-I", `docker:file://${path}`, "-q", "-w", file);
  expect([code, stdout]).toEqual([0, ""]);
  // While it writes a file libsinsp shows get_progress, at the times it likes: one may come before the end is known.
  expect(stderr).toMatch(/^[\r ]*(\d+\.\d\d%[\r ]*)+\n$/);
  const shares = [...stderr.matchAll(/[\d.]+(?=%)/g)].map(Number);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  const times = lines.map((line) => BigInt(/"timeNano":(\d+)/.exec(line)?.[1] ?? 0));
  const events = captured(file);
  expect(events.map(({ payload }) => payload)).toEqual(lines);
  expect(events.map(({ ts }) => ts)).toEqual(times);
  const printedAll = await run(quiet, "-I", `docker:file://${path}`, "-p", "%docker.action");
  expect([printedAll.code, printedAll.stderr]).toEqual([0, ""]);
  expect(printedAll.stdout.trimEnd().split("\n")).toEqual(lines.map((line) => JSON.parse(line).Action));
});

real.each(["SIGTERM", "SIGINT"] as const)("%s ends it in the middle, and its runtime with it", async (signal) => {
  await using engine = await TestEngine.start();
  await using sinsp = new Sinsp(quiet, "-I", `docker:${engine.address}`, "-p", "%docker.attributes.name");
  await subscribed(engine);
  await engine.flow(line("start", { name: "n@" }).replace(/"timeNano":\d+/, '"timeNano":#'), 500, 1e6);
  await sinsp.line((line) => line === "n000000100");
  const runtime = runtimePid(sinsp.pid);
  sinsp.kill(signal);
  const { code, stdout, stderr } = await sinsp.end;
  expect([code, stderr]).toEqual([0, ""]);
  await gone(runtime);
  // What it printed has no hole, and none twice.
  const names = stdout.trim().split("\n");
  expect(names).toEqual(names.map((_, i) => `n${String(i).padStart(9, "0")}`));
});

real("SIGTERM while an engine hangs ends it, and says nothing of a broken connection", async () => {
  await using engine = await TestEngine.start({ hang: true });
  await using sinsp = new Sinsp(quiet, "-I", `docker:${engine.address}`, ...LOGGED);
  while ((await engine.seen()).length === 0) await Bun.sleep(10);
  const runtime = runtimePid(sinsp.pid);
  sinsp.kill("SIGTERM");
  const { code, stdout } = await sinsp.end;
  await gone(runtime);
  expect([code, stdout.includes("broke")]).toEqual([0, false]);
});

real("killed, it leaves no runtime", async () => {
  await using engine = await TestEngine.start();
  await using sinsp = new Sinsp(quiet, "-I", `docker:${engine.address}`);
  await subscribed(engine);
  const runtime = runtimePid(sinsp.pid);
  sinsp.kill("SIGKILL");
  await sinsp.end;
  await gone(runtime);
});

real("the runtime is killed: the stream goes on, without a hole", async () => {
  await using engine = await TestEngine.start();
  await using sinsp = new Sinsp(quiet, ...live(engine, 4), "-p", "%docker.action", ...LOGGED);
  await subscribed(engine);
  await engine.send(line("create"), line("start"));
  await sinsp.line((line) => line === "start");
  signalTo(runtimePid(sinsp.pid), "SIGKILL");
  await engine.send(line("die"), line("destroy"));
  const { code, stdout } = await sinsp.end;
  expect(code).toBe(0);
  expect(stdout.match(/^(create|start|die|destroy)$/gm)).toEqual(["create", "start", "die", "destroy"]);
  expect(stdout).toMatch(/^[\d:. -]+ docker: the runtime was lost: /m);
});

real("an engine that restarts: the gap is announced in the stream, and the stream goes on", async () => {
  await using engine = await TestEngine.start();
  const format = "%docker.type %docker.action %docker.attributes[reason]";
  await using sinsp = new Sinsp(quiet, ...live(engine, 3), "-p", `*${format}`, ...LOGGED);
  await subscribed(engine);
  await engine.send(line("start"));
  await sinsp.line((line) => line.startsWith("container start"));
  await engine.restart();
  await subscribed(engine);
  await engine.send(line("die"));
  const { code, stdout } = await sinsp.end;
  expect(code).toBe(0);
  const events = stdout.split("\n").filter((line) => /^(container|plugin) /.test(line));
  expect(events).toEqual([
    "container start <NA>",
    expect.stringMatching(/^plugin events_lost \w+/),
    "container die <NA>",
  ]);
  expect(stdout).toMatch(/^[\d:. -]+ docker: events may have been lost between /m);
});
