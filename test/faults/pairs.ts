/**
 * Two engines in one stream, of which one is real and has a fault: what is lost of it, and whether the other one, whose
 * events flow beside, loses any or is late.
 */
import { DOCKERD_NEEDS, Dockerd } from "../support/dockerd.ts";
import { TestEngine } from "../support/engine.ts";
import { Plugin, rc } from "../support/host.ts";
import { PODMAN_NEEDS, Podman } from "../support/podman.ts";
import { Relay } from "../support/relay.ts";
import { signalTo } from "../support/signal.ts";
import { tag } from "../support/tagger.ts";
import { Follower, NUMBERED, type Tally } from "./faults.ts";

/** What each of both emits. */
const PER_SECOND = { real: 50, other: 200 };

/** A tally, and how long after its event's time the host had it, ms. */
export interface PairTally extends Omit<Tally, "isTooSlow"> {
  readonly engine: string;
  readonly late99: number;
  readonly lateMax: number;
}

/** What a fault acts on. */
interface Real {
  readonly engine: Dockerd | Podman;
  readonly relay: Relay;
}

export interface PairFault {
  readonly name: string;
  readonly kind: "dockerd" | "podman";
  readonly isBaseline?: true;
  /** Injected so often: in the short form, in the long one. */
  readonly times: readonly [short: number, long: number];
  /** Milliseconds between two. */
  readonly every: number;
  /** Milliseconds that one takes, as far as it is known. */
  readonly lasts: number;
  /** Whether all events have to come, and nothing may be announced; else each fault is announced once. */
  readonly complete: boolean;
  readonly inject: (real: Real) => Promise<void> | void;
}

/** Stops an engine's process for a while. */
const stopped =
  (ms: number) =>
  async ({ engine }: Real) => {
    const { pid } = engine as Dockerd;
    signalTo(pid, "SIGSTOP");
    await Bun.sleep(ms);
    signalTo(pid, "SIGCONT");
  };

const restarted =
  (signal: "SIGKILL" | "SIGTERM") =>
  ({ engine }: Real) =>
    (engine as Dockerd).restart(signal);

/** What lateness is compared with; no test of its own. */
const none = (kind: PairFault["kind"]): PairFault => ({
  name: `none of ${kind}`,
  kind,
  isBaseline: true,
  times: [1, 1],
  every: 3_000,
  lasts: 0,
  complete: true,
  inject: () => {},
});

export const pairs: readonly PairFault[] = [
  none("dockerd"),
  {
    name: "dockerd killed and started again",
    kind: "dockerd",
    times: [2, 10],
    every: 3_000,
    lasts: 3_000,
    complete: false,
    inject: restarted("SIGKILL"),
  },
  {
    name: "dockerd ends and starts again",
    kind: "dockerd",
    times: [0, 10],
    every: 3_000,
    lasts: 3_000,
    complete: false,
    inject: restarted("SIGTERM"),
  },
  {
    name: "connections to dockerd cut",
    kind: "dockerd",
    times: [10, 100],
    every: 300,
    lasts: 0,
    complete: true,
    inject: ({ relay }) => relay.cut(),
  },
  {
    name: "dockerd stopped for 3 s (SIGSTOP)",
    kind: "dockerd",
    times: [2, 10],
    every: 1_000,
    lasts: 3_000,
    complete: true,
    inject: stopped(3_000),
  },
  {
    name: "dockerd stopped for 20 s (SIGSTOP)",
    kind: "dockerd",
    times: [0, 2],
    every: 1_000,
    lasts: 20_000,
    complete: true,
    inject: stopped(20_000),
  },
  none("podman"),
  {
    name: "podman's service killed and started again",
    kind: "podman",
    times: [2, 10],
    every: 2_000,
    lasts: 1_000,
    complete: true,
    inject: ({ engine }) => (engine as Podman).kill(),
  },
];

/** Starts the real engines that pairs need; why there is none, and what brings it, where there is none. */
export const realEngines = {
  dockerd: { start: () => Dockerd.start(), needs: DOCKERD_NEEDS },
  podman: { start: () => Podman.start("rootful"), needs: PODMAN_NEEDS },
} as const;

/** Runs one fault `times` times under load; the tallies of the engine that has it and of the other one. */
export async function runPair(fault: PairFault, engine: Dockerd | Podman, times: number): Promise<PairTally[]> {
  await using other = await TestEngine.start();
  using relay = await Relay.start(engine.socket);
  using state = new Plugin().init('{"statefile": "", "inspect": false, "pinginterval": 500}');
  using instance = state.open(`${relay.address},${other.address}`);
  if (instance.rc !== rc.success) throw new Error(state.error);
  const follows = new Map(
    [relay, other].map(({ address }) => [address, { follower: new Follower(), late: [] as number[] }]),
  );
  const take = () => {
    const { events } = instance.nextBatch();
    const now = performance.timeOrigin + performance.now();
    for (const { payload } of events) {
      const { Action, Type, Actor, falco } = JSON.parse(payload);
      const isNumbered = Type !== "daemon" && /-event-\d|^event-\d/.test(Actor.Attributes.name ?? "");
      if (!isNumbered && Action !== "events_lost") continue;
      const follow = follows.get(falco.engine.host);
      follow?.follower.look(payload);
      if (isNumbered) follow?.late.push(now - Number(/"timeNano":(\d+)/.exec(payload)?.[1]) / 1e6);
    }
    return events.length;
  };
  const seconds = (times * (fault.every + fault.lasts)) / 1000 + 2;
  const counts = { real: Math.round(PER_SECOND.real * seconds), other: Math.round(PER_SECOND.other * seconds) };
  const tagger = tag(fault.kind, engine.socket, PER_SECOND.real, counts.real);
  await other.flow(NUMBERED, PER_SECOND.other, counts.other);
  const takeFor = async (done: () => boolean) => {
    while (!done()) {
      take();
      await Bun.sleep(0);
    }
  };
  const after = (ms: number) => {
    const end = performance.now() + ms;
    return () => performance.now() >= end;
  };
  for (let injected = 0; injected < times; injected++) {
    await takeFor(after(fault.every));
    let isOver = false;
    const over = Promise.resolve(fault.inject({ engine, relay })).finally(() => {
      isOver = true;
    });
    await takeFor(() => isOver);
    await over;
  }
  let isDone = false;
  void Promise.all([tagger.done, other.flowed()]).then(() => {
    isDone = true;
  });
  await takeFor(() => isDone);
  for (let quiet = 0; quiet < 40 || (await other.flowed()).flowed < counts.other; )
    quiet = take() === 0 ? quiet + 1 : 0;
  return [relay, other].map(({ address }) => {
    const { follower, late } = follows.get(address) ?? { follower: new Follower(), late: [] };
    const [sent, unsure] = address === relay.address ? [counts.real, tagger.unsure] : [counts.other, undefined];
    const tally = follower.tally(sent, unsure);
    late.sort((a, b) => a - b);
    return {
      fault: fault.name,
      engine: address === relay.address ? fault.kind : "the other",
      perSecond: address === relay.address ? PER_SECOND.real : PER_SECOND.other,
      times,
      sent: tally.delivered + tally.missing,
      ...tally,
      late99: late[Math.floor(late.length * 0.99)] ?? 0,
      lateMax: late.at(-1) ?? 0,
    };
  });
}

/** How late an event of the other engine may be at the most, ms: less than an engine stands still here. */
const LATE_MAX = 2_000;

/** What of the tallies should not be; empty where all is well. */
export function wrongs({ complete }: PairFault, [real, other]: readonly PairTally[], times: number): string[] {
  const wrong: string[] = [];
  const must = (is: boolean, what: string) => void (is || wrong.push(what));
  for (const each of [real, other])
    must(
      each !== undefined && each.duplicated + each.outOfOrder + each.unannounced === 0,
      `${each?.engine}: lost, twice`,
    );
  must(other?.missing === 0 && other.announced === 0, "the other one has lost some");
  must(other !== undefined && other.lateMax < LATE_MAX, `the other one's are late: ${other?.lateMax} ms`);
  must(real?.announced === (complete ? 0 : times), `announced ${real?.announced} times`);
  if (complete) must(real?.missing === 0, `${real?.missing} missing`);
  return wrong;
}
