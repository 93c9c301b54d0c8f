/** Injects faults into a stream of numbered events, and counts what came of it. `table.ts` prints it. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Behaviour, TestEngine } from "../support/engine.ts";
import { type Instance, Plugin, rc, type State } from "../support/host.ts";
import type { Random } from "../support/random.ts";
import { signalTo } from "../support/signal.ts";
import { temporaryFolder } from "../support/temporary.ts";

/** A container's event of a usual length; `@` is its number, `#` its time. */
export const NUMBERED =
  '{"status":"start","id":"@aab0fe1c764a222bdc4a8cceff3af7db092ead949f35ba805441bf88e57c","from":"alpine:3.20","Type":"container",' +
  '"Action":"start","Actor":{"ID":"@aab0fe1c764a222bdc4a8cceff3af7db092ead949f35ba805441bf88e57c","Attributes":{"image":"alpine:3.20",' +
  '"name":"event-@","com.docker.compose.project":"shop"}},"scope":"local","time":1795427240,"timeNano":#}';

export interface Tally {
  readonly fault: string;
  readonly perSecond: number;
  readonly times: number;
  readonly sent: number;
  readonly delivered: number;
  readonly duplicated: number;
  readonly outOfOrder: number;
  readonly missing: number;
  /** Announcements in the stream. */
  readonly announced: number;
  /** Missing although nothing was announced for their time. */
  readonly unannounced: number;
  /**
   * Whether a busy machine broke what the plugin needs to keep all: the engine had no listener for longer than it surely keeps
   * events, or a runtime did not close in its quarter of a second, and was killed with what it held.
   */
  readonly isTooSlow: boolean;
}

/** Of the 256 events that an engine keeps: a runtime that was killed had read some and brought none of them. */
export const SURELY_KEPT = 200;

/** Follows a stream of numbered events. */
export class Follower {
  /** How often each number came. */
  #seen = new Map<number, number>();
  #times = new Map<number, bigint>();
  readonly gaps: { since: string; until: string; count: number }[] = [];
  duplicated = 0;
  outOfOrder = 0;
  #last = -1;

  /** @param mayRepeat how often an event may come before it counts as duplicated */
  constructor(readonly mayRepeat = 1) {}

  look(payload: string): void {
    const event = JSON.parse(payload) as { Action: string; Actor: { Attributes: Record<string, string> } };
    if (event.Action === "events_lost") {
      const { since = "", until = "", count = "0" } = event.Actor.Attributes;
      this.gaps.push({ since, until, count: Number(count) });
      return;
    }
    const number = Number(/\bevent-(-?\d+)/.exec(event.Actor.Attributes.name ?? "")?.[1]);
    this.#times.set(number, BigInt(/"timeNano":(\d+)/.exec(payload)?.[1] ?? 0));
    const times = (this.#seen.get(number) ?? 0) + 1;
    if (times > this.mayRepeat) this.duplicated++;
    if (times === 1 && number < this.#last) this.outOfOrder++;
    this.#last = Math.max(this.#last, number);
    this.#seen.set(number, times);
  }

  get delivered(): number {
    return this.#seen.size;
  }

  /**
   * The numbers below `sent` that did not come, and those of them between whose neighbours nothing was announced.
   * @param unsure numbers that may never have been sent
   */
  missing(sent: number, unsure: ReadonlySet<number> = new Set()): { all: number; unannounced: number } {
    let all = 0;
    let unannounced = 0;
    for (let number = 0; number < sent; number++) {
      if (this.#seen.has(number) || unsure.has(number)) continue;
      let next = number;
      while (next < sent && !this.#seen.has(next) && !unsure.has(next)) next++;
      const before = this.#times.get(number - 1) ?? 0n;
      const after = this.#times.get(next) ?? 2n ** 63n;
      all += next - number;
      const told = this.gaps.some(({ since, until }) => nano(since) <= after && nano(until) >= before);
      if (!told) unannounced += next - number;
      number = next;
    }
    return { all, unannounced };
  }

  /** What came of the numbers below `sent`; parameters as above. */
  tally(sent: number, unsure?: ReadonlySet<number>) {
    const { delivered, duplicated, outOfOrder, gaps } = this;
    const { all: missing, unannounced } = this.missing(sent, unsure);
    return { delivered, duplicated, outOfOrder, missing, announced: gaps.length, unannounced };
  }
}

/** A time with nine digits of its second, in nanoseconds. */
function nano(iso: string): bigint {
  return BigInt(Date.parse(`${iso.slice(0, 19)}Z`) / 1000) * 1_000_000_000n + BigInt(iso.slice(20, 29));
}

/** A time that a test looks for, ms, and on a busy machine longer, until it has seen enough. */
export function atLeast(ms: number, isEnough: () => boolean) {
  const began = performance.now();
  return {
    get isLeft(): boolean {
      const passed = performance.now() - began;
      return passed < ms || (passed < 50_000 && !isEnough());
    },
  };
}

/** How it is started, the program itself or a script in its place. */
const RUNTIME = /docker-plugin(-[0-9a-f]{32})?\0runtime\0/;

/**
 * The process that libdocker.so started from this one: the newest, as one that was given up may take a while to be gone
 * on a busy machine, and a test that has failed may have left its own.
 */
export function runtimePid(parent = process.pid): number | undefined {
  let newest: { pid: number; started: number } | undefined;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // What follows the name in its brackets: state, ppid, and as the twentieth when it was started (proc(5)).
      const stat = readFileSync(`/proc/${name}/stat`, "latin1")
        .replace(/^.*\) /s, "")
        .split(" ");
      const started = Number(stat[19]);
      if (Number(stat[1]) !== parent || (newest !== undefined && newest.started > started)) continue;
      if (RUNTIME.test(readFileSync(`/proc/${name}/cmdline`, "latin1"))) newest = { pid: Number(name), started };
    } catch {}
  }
  return newest?.pid;
}

/** What a fault can act on. */
export interface World {
  readonly engine: TestEngine;
  state: State;
  instance: Instance;
  readonly config: string;
  readonly plugin: Plugin;
  /** Follows an event that a fault has taken. */
  readonly look: (payload: string) => void;
  readonly random: Random;
  /** Whether a runtime was killed, as it was late to close. */
  wasLate?: boolean;
}

/** Whether a state's runtime was killed, as it was late to close: what it held is lost then, and announced. */
export const closedLate = ({ logs }: State): boolean =>
  logs.some(({ text }) => text.includes("it does not let go of a stream"));

interface Fault {
  readonly name: string;
  readonly perSecond: number;
  /** Injected so often: in the short form, in the long one. */
  readonly times: readonly [short: number, long: number];
  /** Milliseconds between two, on average. */
  readonly every: number;
  /** Milliseconds that one takes, for which events have to flow; 0 where it is not said. */
  readonly lasts?: number;
  /** Whether all events have to come: the engine still had them. */
  readonly complete: boolean;
  /** How often an event may come before it counts as duplicated; 1 where it is not said. */
  readonly mayRepeat?: number;
  /** Whether all events have to come, although nothing proves it to the plugin. */
  readonly whole?: boolean;
  /** Whether each has to be announced, as events may have been lost. */
  readonly announced?: boolean;
  readonly behaviour?: Behaviour;
  readonly config?: Record<string, unknown>;
  readonly inject: (world: World) => Promise<void> | void;
}

function kill(signal: NodeJS.Signals): () => void {
  return () => {
    const pid = runtimePid();
    if (pid !== undefined) signalTo(pid, signal);
  };
}

/** What a hot restart does: all is closed and opened again. */
function restart(world: World): void {
  world.instance.close();
  world.state.destroy();
  world.wasLate ||= closedLate(world.state);
  reopen(world);
}

function reopen(world: World): void {
  world.state = world.plugin.init(world.config);
  world.instance = world.state.open(world.engine.address);
  if (world.instance.rc !== rc.success) throw new Error(world.state.error);
}

/**
 * A hot restart as Falco does it: it takes an event, looks at its flags, and leaves with that event and the rest of the
 * batch in hand.
 * @param extracts whether its rules ask for fields of the events before it
 */
const restartInBatch = (extracts: boolean) => async (world: World) => {
  const { look, random, state, instance } = world;
  for (const end = performance.now() + 3_000; performance.now() < end; await Bun.sleep(0)) {
    const { events } = instance.nextBatch();
    const left = random.below(events.length + 1);
    for (const event of events.slice(0, left)) {
      look(event.payload);
      if (extracts) state.extract(event, ["docker.action", "docker.attributes.name"]);
    }
    if (left < events.length) break;
  }
  restart(world);
};
const HOUR = 3_600_000;

/** Steps the engine's clock to and fro: each time to another side, and cuts the stream at once. */
function stepping(offsets: readonly number[], more: Behaviour = {}): (world: World) => Promise<void> {
  let step = 0;
  return async ({ engine }) => {
    await engine.behave({ ...more, clockMs: offsets[step++ % offsets.length] ?? 0 });
    await engine.cut();
  };
}

/** Falco was away for so long by its clock, ms; a clock that was set back makes it less than nothing. */
function restartAfter(aways: readonly number[]): (world: World) => void {
  let step = 0;
  return (world) => {
    world.instance.close();
    world.state.destroy();
    world.wasLate ||= closedLate(world.state);
    const folder = dirname(JSON.parse(world.config).statefile);
    const [name = ""] = readdirSync(folder).filter((each) => each.startsWith("resume.") && each.endsWith(".json"));
    // The state is the last line, behind what was not delivered.
    const lines = readFileSync(join(folder, name), "utf8").split("\n");
    const kept = JSON.parse(lines.pop() ?? "");
    kept.saved -= aways[step++ % aways.length] ?? 0;
    writeFileSync(join(folder, name), [...lines, JSON.stringify(kept)].join("\n"), { mode: 0o600 });
    reopen(world);
  };
}

/** Lets the host stand still: it takes no events, and the runtime has to keep them. */
const stall = (ms: number) => () => Bun.sleep(ms);

export const faults: readonly Fault[] = [
  {
    name: "connection cut",
    perSecond: 500,
    times: [60, 1000],
    every: 25,
    complete: true,
    inject: ({ engine }) => engine.cut(),
  },
  {
    name: "connection reset in the middle of a line",
    perSecond: 500,
    times: [40, 400],
    every: 40,
    complete: true,
    behaviour: { split: 150 },
    inject: ({ engine }) => engine.cut(true),
  },
  {
    name: "engine killed and started again",
    perSecond: 500,
    times: [3, 20],
    every: 700,
    complete: false,
    announced: true,
    inject: ({ engine }) => engine.restart(),
  },
  {
    name: "runtime killed, below the engine's 256",
    perSecond: 100,
    times: [5, 100],
    // More often, and the delay before the next start grows beyond what the engine keeps.
    every: 1500,
    complete: true,
    inject: kill("SIGKILL"),
  },
  {
    name: "runtime killed, above the engine's 256",
    perSecond: 5000,
    times: [5, 100],
    every: 500,
    complete: false,
    inject: kill("SIGKILL"),
  },
  {
    name: "runtime stopped (SIGSTOP)",
    perSecond: 100,
    times: [0, 3],
    every: 14_000,
    complete: false,
    inject: kill("SIGSTOP"),
  },
  {
    name: "Falco stands still for 3 s",
    perSecond: 5000,
    times: [1, 3],
    every: 500,
    complete: true,
    lasts: 4_000,
    inject: stall(3_000),
  },
  {
    name: "Falco stands still for 30 s",
    perSecond: 5000,
    times: [0, 1],
    every: 500,
    complete: true,
    lasts: 31_000,
    inject: stall(30_000),
  },
  {
    name: "Falco stands still, queue too small",
    perSecond: 10_000,
    times: [1, 3],
    every: 500,
    complete: false,
    config: { queuebytes: 1048576 },
    lasts: 4_000,
    inject: stall(3_500),
  },
  {
    name: "Falco restarts (close, destroy, init, open)",
    perSecond: 100,
    times: [5, 100],
    every: 200,
    complete: true,
    inject: restart,
  },
  {
    name: "Falco restarts with a batch in hand",
    // What happens while Falco is away has to be less than the engine's 256, on a slow machine too.
    perSecond: 100,
    times: [20, 1000],
    every: 100,
    lasts: 600,
    complete: true,
    // Enough for several events to be in a batch.
    config: { flushinterval: 100 },
    inject: restartInBatch(true),
  },
  {
    name: "Falco restarts with a batch in hand that no rule wants a field of",
    perSecond: 100,
    times: [10, 200],
    every: 100,
    lasts: 600,
    complete: true,
    mayRepeat: 2,
    config: { flushinterval: 100 },
    inject: restartInBatch(false),
  },
  {
    name: "Falco restarts, its runtime was just killed",
    perSecond: 100,
    times: [5, 50],
    every: 300,
    // A machine that starts no runtime within the second of a close keeps no place in the stream, and announces it.
    complete: false,
    inject: (world) => {
      kill("SIGKILL")();
      restart(world);
    },
  },
  {
    name: "Falco restarts, its runtime hangs (SIGSTOP)",
    perSecond: 100,
    times: [3, 30],
    every: 500,
    // As above.
    complete: false,
    inject: (world) => {
      kill("SIGSTOP")();
      restart(world);
    },
  },
  {
    name: "engine's clock steps back, again and again",
    perSecond: 200,
    times: [5, 50],
    every: 400,
    complete: true,
    inject: stepping([-HOUR, -2 * HOUR, -3 * HOUR, -4 * HOUR, -5 * HOUR]),
  },
  {
    name: "engine's clock steps to and fro, equal and inverted times",
    perSecond: 200,
    times: [5, 50],
    every: 400,
    complete: true,
    inject: stepping([-2 * HOUR, 2 * HOUR, 0], { coarse: true }),
  },
  {
    name: "connection cut, engine's clock 3 h ahead, equal and inverted times",
    perSecond: 200,
    times: [5, 50],
    every: 300,
    complete: true,
    behaviour: { clockMs: 3 * HOUR, coarse: true },
    inject: ({ engine }) => engine.cut(),
  },
  {
    name: "connection cut, engine's clock 2 h behind, equal and inverted times",
    perSecond: 200,
    times: [5, 50],
    every: 300,
    complete: true,
    behaviour: { clockMs: -2 * HOUR, coarse: true },
    inject: ({ engine }) => engine.cut(),
  },
  {
    name: "one event an hour ahead, then cuts",
    perSecond: 200,
    times: [4, 40],
    every: 500,
    complete: true,
    inject: async ({ engine }) => {
      await engine.ahead(HOUR);
      await Bun.sleep(50);
      await engine.cut();
    },
  },
  {
    name: "engine killed and started again, behind a proxy that puts its own name in",
    perSecond: 500,
    times: [3, 20],
    every: 700,
    complete: false,
    announced: true,
    behaviour: { server: "nginx/1.27" },
    inject: ({ engine }) => engine.restart(),
  },
  {
    name: "stream dead but open, new connections work",
    perSecond: 50,
    times: [2, 20],
    every: 4_000,
    complete: true,
    config: { pinginterval: 300 },
    inject: ({ engine }) => engine.deaden(),
  },
  {
    name: "pings take 7 s while events flow, and a cut among them",
    perSecond: 100,
    times: [1, 10],
    every: 1_000,
    complete: true,
    config: { pinginterval: 200 },
    lasts: 8_000,
    inject: async ({ engine }) => {
      await engine.behave({ pingMs: 7_000 });
      await Bun.sleep(7_000);
      await engine.cut();
      await Bun.sleep(1_000);
      await engine.behave({});
    },
  },
  {
    name: "Falco restarts after ten minutes, and after a clock that was set back",
    perSecond: 200,
    times: [4, 40],
    every: 300,
    complete: true,
    inject: restartAfter([10 * 60_000, -10 * 60_000]),
  },
  {
    name: "engine ends: its socket goes first, and it streams on",
    perSecond: 100,
    times: [1, 10],
    every: 500,
    complete: false,
    whole: true,
    announced: true,
    lasts: 4_000,
    // A ping after less than a second goes over a connection that is still there.
    config: { pinginterval: 1_500 },
    inject: async ({ engine }) => {
      await engine.unlink();
      await Bun.sleep(4_000);
      await engine.settle();
      await engine.end();
      await engine.restart();
    },
  },
];

/** Runs one fault `times` times under load, and counts. */
export async function run(fault: Fault, times: number, random: Random): Promise<Tally> {
  const { behaviour = {} } = fault;
  await using engine = await TestEngine.start(behaviour);
  const config = JSON.stringify({ statefile: join(temporaryFolder(), "resume"), ...fault.config });
  const plugin = new Plugin();
  const state = plugin.init(config);
  const follower = new Follower(fault.mayRepeat);
  const world: World = {
    engine,
    plugin,
    config,
    random,
    look: (payload) => follower.look(payload),
    state,
    instance: state.open(engine.address),
  };
  if (world.instance.rc !== rc.success) throw new Error(world.state.error);

  const take = () => {
    const batch = world.instance.nextBatch();
    if (batch.rc !== rc.success && batch.rc !== rc.timeout) throw new Error(`next_batch: ${world.state.error}`);
    for (const event of batch.events) {
      // Falco asks for fields, and so shows how far it has come.
      world.state.extract(event, ["docker.type"]);
      follower.look(event.payload);
    }
    return batch.events.length;
  };
  await engine.send(
    NUMBERED.replaceAll("event-@", "event--1")
      .replaceAll("@", "0")
      .replaceAll("#", String(BigInt(Date.now() + (behaviour.clockMs ?? 0)) * 1_000_000n)),
  );
  const { lasts = 0 } = fault;
  const count = Math.round((fault.perSecond * (times * (fault.every + lasts) + 1500)) / 1000);
  await engine.flow(NUMBERED, fault.perSecond, count);
  for (let injected = 0; injected < times; injected++) {
    const until = performance.now() + fault.every * (0.5 + random.next());
    while (performance.now() < until) {
      take();
      await Bun.sleep(0);
    }
    await fault.inject(world);
  }
  // The rest: until everything has been emitted and nothing has come for a while; where something is missing, for as long
  // as a runtime that was lost again and again may wait for its next start.
  const patience = () => (follower.delivered < count ? 120 : 15);
  for (
    let quiet = 0, { flowed } = await engine.flowed();
    flowed < count || quiet < patience();
    { flowed } = await engine.flowed()
  )
    quiet = take() === 0 ? quiet + 1 : 0;

  const tally = {
    fault: fault.name,
    perSecond: fault.perSecond,
    times,
    sent: count,
    ...follower.tally(count),
    isTooSlow: world.wasLate === true || (await engine.flowed()).unheard > SURELY_KEPT,
  };
  if (process.env.FAULTS_LOG) console.error(world.state.logs.slice(-20), world.state.metrics(), await engine.flowed());
  world.instance.close();
  world.state.destroy();
  return tally;
}
