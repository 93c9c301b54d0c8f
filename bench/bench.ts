/**
 * The benchmarks: `npm run bench [-- [--runs N] [ROW...]]`. Each row is measured N times (3) and printed as the least,
 * the median and the greatest value, beside the baseline of the same run and the ratio to it. Absolute times mean little
 * on a machine that others use; nothing here decides a test.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { C_FLAGS, zigCc } from "../build.ts";
import { layout } from "../src/ipc/layout.ts";
import { temporaryFolder } from "../test/support/temporary.ts";

const root = join(import.meta.dir, "..");
const out = join(root, "dist/bench");
const LIBRARY = join(root, "dist/libdocker.so");
const PROGRAM = join(root, "dist/docker-plugin");
const ANSWERS = join(root, "bench/answers");
const WITH_INSPECTION = '{"statefile": "", "snapshot": false}';
const socket = join(temporaryFolder(), "docker.sock");
const address = `unix://${socket}`;

function run(command: string[], env: Record<string, string> = {}): string {
  const { stdout, stderr, exitCode } = Bun.spawnSync(command, { cwd: root, env: { ...Bun.env, ...env } });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout.toString();
}

/** Lines of a name and a number. */
function numbers(text: string): Record<string, number> {
  const lines = text.trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split(" ")).map(([name, value]) => [name, Number(value)]));
}

const host = (what: string, n = 0, config: string[] = [], env = {}): Record<string, number> =>
  numbers(run([join(out, "host"), what, LIBRARY, address, String(n), ...config], env));

/** A bare undici that counts lines, at the same engine. */
const bareUndici = (events: number): Record<string, number> =>
  numbers(run([process.execPath, join(root, "bench/count.ts"), address, String(events)]));

interface Load {
  bytes?: number;
  attributes?: number;
  count: number;
  perSecond?: number;
  quietMs?: number;
  /** Starts are each of another container, execs each another one. */
  kind?: "attach" | "start" | "exec_start";
}

/** Runs an engine while `measure` goes on. */
async function withEngine<T>(load: Load, measure: () => T | Promise<T>, at = socket): Promise<T> {
  const { bytes = 700, attributes = 10, count, perSecond = 0, quietMs = 0, kind = "attach" } = load;
  const numbers = [bytes, attributes, count, perSecond].map(String);
  const engine = Bun.spawn([join(out, "engine"), at, ...numbers, ANSWERS, String(quietMs), kind], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await engine.stdout.getReader().read();
  try {
    return await measure();
  } finally {
    engine.kill("SIGKILL");
    await engine.exited;
  }
}

interface Measure {
  readonly what: string;
  readonly unit: string;
  readonly target: string;
  readonly value: number;
  readonly baseline?: number;
}

type Row = () => Promise<Measure[]>;

/** Instructions a call, by callgrind; undefined where there is none. */
async function instructions(what: string): Promise<number | undefined> {
  if (Bun.which("valgrind") === null) return undefined;
  const calls = 2000;
  const output = join(temporaryFolder(), "callgrind");
  const options = ["--tool=callgrind", "--toggle-collect=plugin_extract_fields", `--callgrind-out-file=${output}`];
  const line = ["valgrind", ...options, join(out, "host"), what, LIBRARY, address, String(calls)];
  await withEngine({ attributes: 30, bytes: 1600, count: 1 }, () => run(line));
  return Number(/^(?:summary|totals): (\d+)/m.exec(readFileSync(output, "utf8"))?.[1]) / calls;
}

async function extract(): Promise<Measure[]> {
  const calls = 20_000_000;
  const load = { attributes: 30, bytes: 1600, count: 1 };
  const { field, attribute, empty } = await withEngine(load, () => host("extract", calls));
  const inspected = await withEngine(load, () => host("extract", calls, [WITH_INSPECTION]));
  if (inspected.facts !== 1) throw new Error("extract: the event has no facts");
  const measures: Measure[] = [
    { what: "extract_fields, one field", unit: "ns", target: "25", value: field ?? 0, baseline: empty ?? 0 },
    { what: "docker.attributes[KEY] of 30", unit: "ns", target: "100", value: attribute ?? 0, baseline: empty ?? 0 },
    {
      what: "extract_fields, a container's fact",
      unit: "ns",
      target: "25",
      value: inspected.fact ?? 0,
      baseline: inspected.empty ?? 0,
    },
  ];
  const counted = await instructions("extract-field");
  if (counted !== undefined)
    measures.push({ what: "extract_fields, one field", unit: "instructions", target: "150", value: counted });
  return measures;
}

async function replay(): Promise<Measure[]> {
  const events = 20_000;
  const real = host("replay", events);
  const bare = host("replay", events, [], { DOCKER_PLUGIN_RUNTIME: join(out, "echo") });
  return [
    { what: "replay, bare round trip", unit: "µs", target: "", value: (bare.p50 ?? 0) / 1000 },
    {
      what: "replay, an event, all fields",
      unit: "µs",
      target: "bare + 8",
      value: (real.p50 ?? 0) / 1000,
      baseline: (bare.p50 ?? 0) / 1000,
    },
  ];
}

async function batch(): Promise<Measure[]> {
  const measures: Measure[] = [];
  for (const [more, config] of [
    ["", []],
    [", with a container's facts", [WITH_INSPECTION]],
  ] as const) {
    const { event, memcpy, bytes } = await withEngine({ count: 200_000 }, () => host("batch", 0, [...config]));
    const what = `next_batch, full ring, 700 B${more}`;
    measures.push(
      { what, unit: "ns/event", target: "150", value: event ?? 0, baseline: memcpy ?? 0 },
      { what: `${what}: its record`, unit: "B", target: "", value: bytes ?? 0 },
    );
  }
  return measures;
}

async function stream(): Promise<Measure[]> {
  const count = 600_000;
  const counted = await withEngine({ count }, () => bareUndici(count));
  const ours = await withEngine({ count }, () => host("flood", count));
  const inspected = await withEngine({ count }, () => host("flood", count, [WITH_INSPECTION]));
  const what = "engine's socket to next_batch";
  return [
    { what, unit: "events/s", target: "70 %, 150,000", value: ours.rate ?? 0, baseline: counted.rate ?? 0 },
    {
      what: `${what}, with a container's facts`,
      unit: "events/s",
      target: "",
      value: inspected.rate ?? 0,
      baseline: counted.rate ?? 0,
    },
  ];
}

async function latency(): Promise<Measure[]> {
  const events = 1000;
  const bare = host("bare", 300);
  const measures: Measure[] = [];
  for (const [interval, p50, p99] of [
    [0, "0.3", "2"],
    [30, "", "33"],
  ] as const) {
    const config = `{"statefile": "", "inspect": false, "flushinterval": ${interval}}`;
    const ours = await withEngine({ count: events + 10, perSecond: 100, quietMs: 500 }, () =>
      host("latency", events, [config]),
    );
    const what = `latency, 100 events/s, flushinterval ${interval}`;
    measures.push(
      { what: `${what}, p50`, unit: "ms", target: p50, value: (ours.p50 ?? 0) / 1e6, baseline: (bare.p50 ?? 0) / 1e6 },
      { what: `${what}, p99`, unit: "ms", target: p99, value: (ours.p99 ?? 0) / 1e6, baseline: (bare.p99 ?? 0) / 1e6 },
    );
  }
  return measures;
}

async function inspection(): Promise<Measure[]> {
  const measures: Measure[] = [];
  for (const perSecond of [100, 1000]) {
    const events = perSecond * 8;
    const load: Load = { count: events + 10, perSecond, quietMs: 500, kind: "start" };
    const without = await withEngine(load, () => host("latency", events));
    const inspected = await withEngine(load, () => host("latency", events, [WITH_INSPECTION]));
    for (const quantile of ["p50", "p99"] as const)
      measures.push({
        what: `latency, ${perSecond} starts/s, inspected, ${quantile}`,
        unit: "ms",
        target: "",
        value: (inspected[quantile] ?? 0) / 1e6,
        baseline: (without[quantile] ?? 0) / 1e6,
      });
  }
  for (const [what, kind] of [
    ["start of a new container", "start"],
    ["new exec of a known container", "exec_start"],
  ] as const) {
    const events = 8000;
    const load: Load = { count: events + 10, perSecond: 1000, quietMs: 500, kind };
    const [without, inspected] = await withEngine(load, () => [
      host("latency", events),
      host("latency", events, [WITH_INSPECTION]),
    ]);
    const cpu = ({ cpu = 0, hostcpu = 0 }: Record<string, number>) => (cpu + hostcpu) / 1000;
    measures.push({
      what: `CPU of a ${what}, inspected, both processes`,
      unit: "µs",
      target: "",
      value: cpu(inspected),
      baseline: cpu(without),
    });
  }
  return measures;
}

async function cpu(): Promise<Measure[]> {
  const measures: Measure[] = [];
  for (const [perSecond, target] of [
    [100, ""],
    [5000, "25"],
  ] as const) {
    const events = perSecond * 20;
    const load = { count: events + 10, perSecond, quietMs: 500 };
    const used = await withEngine(load, () => host("latency", events));
    const bare = await withEngine(load, () => bareUndici(events));
    measures.push({
      what: `CPU an event at ${perSecond} events/s, both processes`,
      unit: "µs",
      target,
      value: ((used.cpu ?? 0) + (used.hostcpu ?? 0)) / 1000,
      baseline: (bare.cpu ?? 0) / 1000,
    });
  }
  return measures;
}

/** What a process used since it began: context switches and CPU of all its threads. */
function usage(pid: number): { switches: number; cpuMs: number } {
  let switches = 0;
  let cpuMs = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${task}/status`, "utf8");
    for (const [, count] of status.matchAll(/ctxt_switches:\s+(\d+)/g)) switches += Number(count);
    cpuMs += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  }
  return { switches, cpuMs };
}

const privateMiB = (pid: number): number => {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Private_Dirty:\s+(\d+)/m.exec(rollup)?.[1]) / 1024;
};

/** Resident memory that is the process's own, without rings, which are memory of a file. */
const anonymousMiB = (pid: number): number => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]) / 1024;
};

interface Held {
  readonly host: number;
  readonly runtime: number;
  /** Resolves once so many events have been taken. */
  taken(count: number): Promise<void>;
}

async function holding<T>(load: Load, measure: (held: Held) => Promise<T>, config: string[] = []): Promise<T> {
  return withEngine(load, async () => {
    const command = [join(out, "host"), "hold", LIBRARY, address, "0", ...config];
    const process = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
    const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    let seen = 0;
    const next = async () => {
      text += (await lines.read()).value ?? "";
      seen = Number([...text.matchAll(/^taken (\d+)$/gm)].at(-1)?.[1] ?? seen);
    };
    while (!text.includes("\n")) await next();
    const runtime = Number(/^runtime (\d+)$/m.exec(text)?.[1]);
    const taken = async (count: number) => {
      for (; seen < count; text = text.slice(-40)) await next();
    };
    try {
      return await measure({ host: process.pid, runtime, taken });
    } finally {
      process.kill("SIGKILL");
      await process.exited;
    }
  });
}

async function rest(): Promise<Measure[]> {
  const seconds = 15;
  const empty = Bun.spawn([join(out, "empty")], { stdio: ["ignore", "ignore", "inherit"] });
  const [ours, measured] = await holding({ count: 0 }, async (held) => {
    await Bun.sleep(60_000);
    const pids = [held.runtime, held.host, empty.pid];
    const before = pids.map(usage);
    await Bun.sleep(seconds * 1000);
    return [
      pids.map(usage).map((after, i) => ({
        switches: after.switches - (before[i]?.switches ?? 0),
        cpu: ((after.cpuMs - (before[i]?.cpuMs ?? 0)) / seconds / 1000) * 100,
      })),
      { private: privateMiB(held.runtime), host: anonymousMiB(held.host) },
    ] as const;
  });
  empty.kill("SIGKILL");
  const [runtime, host, bare] = ours;
  const baseline = bare?.switches ?? 0;
  return [
    {
      what: "at rest, runtime's switches in 15 s",
      unit: "",
      target: "150 %",
      value: runtime?.switches ?? 0,
      baseline,
    },
    {
      what: "at rest, host's switches in 15 s",
      unit: "",
      target: "next_batch's own",
      value: host?.switches ?? 0,
      baseline: (seconds * 1000) / layout.BATCH_WAIT_MS,
    },
    {
      what: "at rest, CPU of the runtime",
      unit: "%",
      target: "0.1",
      value: runtime?.cpu ?? 0,
      baseline: bare?.cpu ?? 0,
    },
    { what: "at rest, CPU of the host", unit: "%", target: "0.1", value: host?.cpu ?? 0 },
    { what: "at rest, runtime's private memory", unit: "MiB", target: "30", value: measured.private },
    { what: "at rest, host's memory beside the ring", unit: "MiB", target: "2", value: measured.host },
  ];
}

async function memory(): Promise<Measure[]> {
  const count = 1_000_000;
  const flood = (more: Partial<Load> = {}, config: string[] = []) =>
    holding(
      { count, perSecond: 50_000, ...more },
      async (held) => {
        await held.taken((more.count ?? count) - 1000);
        await Bun.sleep(3000);
        return { runtime: privateMiB(held.runtime), host: anonymousMiB(held.host) };
      },
      config,
    );
  const many = await flood();
  const inspected = await flood({}, [WITH_INSPECTION]);
  const containers = await flood({ count: 20_000, perSecond: 1000, kind: "start" }, [WITH_INSPECTION]);
  const large = await holding({ count: 20, bytes: 64_000, perSecond: 100 }, async (held) => {
    await held.taken(20);
    await Bun.sleep(500);
    return anonymousMiB(held.host);
  });
  return [
    { what: "runtime's private memory after 10^6 events", unit: "MiB", target: "60", value: many.runtime },
    {
      what: "runtime's private memory after 10^6 events, with containers' facts",
      unit: "MiB",
      target: "60",
      value: inspected.runtime,
    },
    {
      what: "runtime's private memory after 20,000 starts, with containers' facts",
      unit: "MiB",
      target: "",
      value: containers.runtime,
    },
    { what: "host's memory after 10^6 events", unit: "MiB", target: "2", value: many.host },
    { what: "host's memory with events of 64 KB", unit: "MiB", target: "2", value: large },
  ];
}

async function init(): Promise<Measure[]> {
  const ours = host("init", 20);
  const times = Array.from({ length: 20 }, () => {
    const began = performance.now();
    run([PROGRAM, "--version"]);
    return performance.now() - began;
  }).sort((a, b) => a - b);
  const baseline = times[10] ?? 0;
  return [{ what: "plugin_init, median", unit: "ms", target: "100", value: (ours.p50 ?? 0) / 1e6, baseline }];
}

/** Runs engines, each on a socket of its name, while `measure` goes on. */
function withEngines<T>(loads: Record<string, Load>, measure: (addresses: string[]) => T | Promise<T>): Promise<T> {
  const folder = temporaryFolder();
  const path = (name: string) => join(folder, `${name}.sock`);
  const names = Object.keys(loads);
  const start = (at: number): Promise<T> => {
    const name = names[at];
    if (name === undefined) return Promise.resolve(measure(names.map((each) => `unix://${path(each)}`)));
    return withEngine(loads[name] as Load, () => start(at + 1), path(name));
  };
  return start(0);
}

/** How long open may wait for an engine that hangs, ms: before that no engine begins. */
const OPEN_MS = 3_000;

/** Quiet engines beside one that floods, one that hangs and one that refuses; and as many events from more engines. */
async function engines(): Promise<Measure[]> {
  const measures: Measure[] = [];
  const seconds = 10;
  const config = '{"statefile": "", "inspect": false}';
  const measure = (addresses: string[], events: number) =>
    numbers(run([join(out, "host"), "engines", LIBRARY, addresses.join(), String(events), config]));
  for (const count of [1, 10, 50]) {
    const quiet = count === 1 ? 1 : count - 3;
    const load = { perSecond: 20, count: 20 * seconds, quietMs: OPEN_MS };
    const loads: Record<string, Load> = Object.fromEntries(
      Array.from({ length: quiet }, (_, i) => [`quiet${i}`, load]),
    );
    if (count > 1) loads.flood = { perSecond: 20_000, count: 20_000 * (seconds + 5), quietMs: OPEN_MS };
    // A socket that nobody accepts on hangs; one that is not there refuses.
    const hanging = join(temporaryFolder(), "hanging.sock");
    const listener = Bun.listen({ unix: hanging, socket: { data() {} } });
    const troubled = count === 1 ? [] : [`unix://${hanging}`, "unix:///nowhere/refuses.sock"];
    const of = await withEngines(loads, (addresses) => measure([...addresses, ...troubled], quiet * load.count));
    listener.stop(true);
    const what = `${count} engines${count === 1 ? "" : ", one flooding, one hanging, one refusing"}`;
    measures.push(
      { what: `${what}: the others' latency, p50`, unit: "ms", target: "", value: (of.p50 ?? 0) / 1e6 },
      { what: `${what}: the others' latency, p99`, unit: "ms", target: "50", value: (of.p99 ?? 0) / 1e6 },
      { what: `${what}: lost`, unit: "events", target: "0", value: (of.missing ?? 0) + (of.lost ?? 0) },
      { what: `${what}: of the one that floods`, unit: "events/s", target: "20,000", value: of.flooded ?? 0 },
      { what: `${what}: the runtime's private memory`, unit: "MiB", target: "", value: (of.private ?? 0) / 1024 },
    );
  }
  for (const count of [1, 10, 50]) {
    const load = { perSecond: 1000 / count, count: (1000 * seconds) / count, quietMs: OPEN_MS };
    const loads = Object.fromEntries(Array.from({ length: count }, (_, i) => [`quiet${i}`, load]));
    const { cpu = 0 } = await withEngines(loads, (addresses) => measure(addresses, count * load.count));
    const what = `CPU of both processes at 1,000 events/s from ${count} engines`;
    measures.push({ what, unit: "%", target: "as of one", value: cpu });
  }
  return measures;
}

/** What an event costs as the stream goes on (the first ones pay for the compiler), and as events get longer. */
async function growth(): Promise<Measure[]> {
  const flood = (load: Load) => withEngine({ ...load, quietMs: 500 }, () => host("flood", load.count));
  const measures: Measure[] = [];
  const windows = await flood({ count: 1_000_010 });
  const baseline = (windows.from100000 ?? 0) / 1000;
  for (const from of [1_000, 10_000, 100_000, 400_000, 700_000]) {
    const what = `CPU an event of 700 B, from event ${from} on`;
    measures.push({ what, unit: "µs", target: "flat", value: (windows[`from${from}`] ?? 0) / 1000, baseline });
  }
  let before: { bytes: number; late: number } | undefined;
  for (const bytes of [500, 4_000, 32_000, 256_000, 1_000_000]) {
    const { late = 0 } = await flood({ bytes, count: Math.max(1000, Math.floor(400_000_000 / Math.max(bytes, 2000))) });
    const what = `CPU an event of ${bytes} B`;
    // The ratio to the shorter event's cost, grown with the bytes: at most 1 where the cost is linear.
    const grown = before && (before.late * bytes) / before.bytes / 1000;
    measures.push({ what, unit: "µs", target: "linear", value: late / 1000, ...(grown && { baseline: grown }) });
    before = { bytes, late };
  }
  return measures;
}

/** Events of each run of the rules. */
const RULED_EVENTS = 20_000;

/**
 * What the whole default ruleset costs in libsinsp, beside one filter that asks for one field: events that none of the
 * rules matches, so that each is tried on each. They come from a capture file, so that both pay for the same reading.
 */
async function rules(): Promise<Measure[]> {
  const { missing, Sinsp, capture } = await import("../test/support/sinsp.ts");
  if (missing !== undefined) {
    console.error(`bench: no row rules: ${missing}`);
    return [];
  }
  const { wholeRules } = await import("../build/rules/reach.ts");
  const { TestEngine } = await import("../test/support/engine.ts");
  const { recordedLines } = await import("../test/support/recordings.ts");
  const enabled = wholeRules("docker_rules.yaml").filter(({ enabled }) => enabled !== false);
  const all = enabled.map(({ condition }) => `(${condition})`).join(" or ");
  const file = join(temporaryFolder(), "ruled.scap");
  const lines = recordedLines("docker-28.5.2.jsonl");
  const count = Math.floor(RULED_EVENTS / lines.length);
  const base = BigInt(Date.now()) * 1_000_000n;
  const many = Array.from({ length: count }, () => lines).flat();
  const timed = many.map((line, i) => line.replace(/"timeNano":\d+(?=[,}])/, `"timeNano":${base + BigInt(i)}`));
  await using engine = await TestEngine.start();
  await capture(engine, { statefile: "", snapshot: false, inspect: false }, timed, file);
  /** CPU of libsinsp and its runtime, µs, and what the counting library says. */
  const cost = async (filter: string) => {
    await using sinsp = new Sinsp(
      undefined,
      "-H",
      `${join(out, "libcounting.so")}:{"statefile":""}`,
      "-r",
      file,
      "-q",
      filter,
    );
    const { code, stderr } = await sinsp.end;
    if (code !== 0) throw new Error(stderr);
    const { calls = 0, fields = 0 } = numbers(stderr.trim());
    return { cpu: sinsp.cpuMicros / timed.length, calls: calls / timed.length, fields: fields / timed.length };
  };
  // What the events are asked about is the same: a name that none has.
  const none = await cost("docker.action = none");
  const ruled = await cost(`docker.action = none or ${all}`);
  const what = `${enabled.length} rules in libsinsp, an event`;
  return [
    { what: `${what}, with its reading`, unit: "µs", target: "", value: ruled.cpu, baseline: none.cpu },
    { what: `${what}, the rules alone`, unit: "µs", target: "", value: ruled.cpu - none.cpu },
    { what: `${what}, extractions`, unit: "", target: "", value: ruled.fields, baseline: none.fields },
  ];
}

/** CPU of 50 engines behind TLS whose connections come back at once: with sessions to go on with, and without. */
async function tls(): Promise<Measure[]> {
  const { Engine } = await import("../src/docker/client.ts");
  const { FALCO, resolveEndpoint } = await import("../src/docker/endpoint.ts");
  const { CLIENT } = await import("../test/support/tls.ts");
  const count = 50;
  const cost = async (tickets: string) => {
    const server = Bun.spawn([process.execPath, join(root, "bench/tls.ts"), tickets], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const { value } = await server.stdout.getReader().read();
    const address = Buffer.from(value ?? [])
      .toString()
      .trim();
    const engines = Array.from(
      { length: count },
      () => new Engine(resolveEndpoint(address, {}, FALCO, { tls: CLIENT })),
    );
    // A stream has a connection of its own.
    const connect = (engine: (typeof engines)[number]) =>
      new Promise<void>((resolve, reject) => {
        const stop = engine.events("since=1", {
          onOpen: () => stop(),
          onData: () => {},
          onEnd: (error) => (error === undefined ? resolve() : reject(error)),
        });
      });
    await Promise.all(engines.map(connect));
    const before = process.cpuUsage();
    await Promise.all(engines.map(connect));
    const { user, system } = process.cpuUsage(before);
    for (const engine of engines) engine.close();
    server.kill();
    await server.exited;
    return (user + system) / 1000;
  };
  // The code is as warm for the one as for the other.
  await cost("tickets");
  const value = await cost("tickets");
  const baseline = await cost("none");
  return [{ what: `${count} engines behind TLS come back at once, CPU`, unit: "ms", target: "", value, baseline }];
}

const rows: Record<string, Row> = {
  extract,
  replay,
  batch,
  stream,
  latency,
  inspection,
  cpu,
  init,
  engines,
  tls,
  memory,
  growth,
  rest,
  rules,
};

async function prepare(): Promise<void> {
  mkdirSync(out, { recursive: true });
  for (const name of ["engine", "host"])
    run([
      ...zigCc(),
      "-O2",
      ...C_FLAGS.filter((flag) => flag !== "-fPIC"),
      `bench/${name}.c`,
      "-o",
      join(out, name),
      "-ldl",
    ]);
  run([
    ...[...zigCc(), "-O2", "-shared", ...C_FLAGS, "bench/counting.c", LIBRARY, `-Wl,-rpath,${join(root, "dist")}`],
    ...["-o", join(out, "libcounting.so"), "-ldl"],
  ]);
  for (const name of ["echo", "empty"])
    run([process.execPath, "build", "--compile", "--minify", `bench/${name}.ts`, "--outfile", join(out, name)]);
}

const shown = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString("en") : value >= 10 ? value.toFixed(1) : value.toFixed(3);

const args = process.argv.slice(2);
const at = args.indexOf("--runs");
const runs = at < 0 ? 3 : Number(args.splice(at, 2)[1]);
const wanted = args.length === 0 ? Object.keys(rows) : args;
for (const name of wanted)
  if (!Object.hasOwn(rows, name)) {
    console.error(`bench: no row ${name}; known are ${Object.keys(rows).join(" ")}`);
    process.exit(2);
  }
await prepare();
console.log(
  "| what | unit | target | min | median | max | baseline | ratio |\n| --- | --- | --- | --- | --- | --- | --- | --- |",
);
for (const name of wanted) {
  const measured: Measure[][] = [];
  for (let i = 0; i < runs; i++) measured.push((await rows[name]?.()) ?? []);
  for (const [i, { what, unit, target, baseline }] of (measured[0] ?? []).entries()) {
    const values = measured.map((measures) => measures[i] as Measure).sort((a, b) => a.value - b.value);
    const middle = values[Math.floor(values.length / 2)] as Measure;
    const [least, median, most] = [values[0] as Measure, middle, values.at(-1) as Measure].map(({ value }) =>
      shown(value),
    );
    const against =
      baseline === undefined || middle.baseline === undefined
        ? ["", ""]
        : [shown(middle.baseline), (middle.value / middle.baseline).toFixed(2)];
    console.log(`| ${[what, unit, target, least, median, most, ...against].join(" | ")} |`);
  }
}
