/** What Falco had in hand when it ended: it comes to the next one, once, with all that was found out about it. */
import { afterEach, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isoTime } from "../../src/base/time.ts";
import { closedLate, runtimePid } from "../faults/faults.ts";
import { TestEngine } from "../support/engine.ts";
import { type Ask, type HostEvent, type Instance, Plugin, rc, type State, type Value } from "../support/host.ts";
import { signalTo } from "../support/signal.ts";
import { temporaryFolder } from "../support/temporary.ts";

const now = (): bigint => BigInt(Date.now()) * 1_000_000n;

let number = 0;
/** Lines of events with names of their own. */
function lines(count: number, more: Record<string, string> = {}): string[] {
  const at = now();
  return Array.from({ length: count }, (_, i) => {
    const attributes = JSON.stringify({ image: "alpine", ...more, name: `event-${number++}` });
    return `{"Type":"container","Action":"start","Actor":{"ID":"${"ab".repeat(32)}","Attributes":${attributes}},"scope":"local","time":1,"timeNano":${at + BigInt(i)}}`;
  });
}
const namesOf = (sent: readonly string[]): string[] =>
  sent.map((line) => JSON.parse(line).Actor.Attributes.name as string);

const attribute = (key: string): Ask => ["docker.attributes", key];
const nameOf = (state: State, event: HostEvent): string => String(state.extract(event, ["docker.attributes.name"])[0]);

/** One batch with all of `count` events in it. */
function batchOf(instance: Instance, count: number): HostEvent[] {
  const end = performance.now() + 30_000;
  for (let { events } = instance.nextBatch(); performance.now() < end; { events } = instance.nextBatch())
    if (events.length > 0) {
      expect(events.length).toBe(count);
      return events;
    }
  throw new Error("no batch came");
}

/** Waits, without taking any, until so many events have been read from the engine and can be taken. */
async function received(state: State, count: number): Promise<void> {
  for (const end = performance.now() + 30_000; state.metrics().received !== count; await Bun.sleep(5))
    if (performance.now() > end) throw new Error(`${state.metrics().received} of ${count} events were read`);
  // An answer of its event loop: what it had read by then stands in the ring.
  expect(state.listOpenParams().rc).toBe(rc.success);
}

/** Whether a life's runtime was killed, as it had not closed within a quarter of a second: what it held is lost and announced. */
let isLate = false;

/** A test in which each close has to be in time: on a machine too busy for that it begins anew. */
const keeping = (name: string, body: () => Promise<void>): void =>
  test(name, async () => {
    for (let tries = 1; ; tries++) {
      isLate = false;
      try {
        return await body();
      } catch (error) {
        if (!isLate || tries === 3) throw error;
        console.log(`${name}: a close was late, once more`);
        for (const end of lives) end();
      }
    }
  }, 120_000);

/** What ends the lives of Falco that a test which has failed has left: their runtimes would be found by other tests. */
const lives = new Set<() => void>();
afterEach(() => {
  for (const end of lives) end();
});

/** A Falco, its engine and its folder; each life ends with `end`. */
async function world(config: Record<string, unknown> = {}, podman?: "header") {
  const engine = await TestEngine.start(podman === undefined ? {} : { podman });
  const folder = temporaryFolder();
  const text = JSON.stringify({ statefile: join(folder, "resume"), inspect: false, snapshot: false, ...config });
  const start = () => {
    const state = new Plugin().init(text);
    expect([state.rc, state.error]).toEqual([rc.success, ""]);
    const instance = state.open(engine.address);
    expect(instance.rc).toBe(rc.success);
    const end = () => {
      lives.delete(end);
      instance.close();
      state.destroy();
      isLate ||= closedLate(state);
    };
    lives.add(end);
    const names = (count: number, ms = 15_000) => instance.take(count, (event) => nameOf(state, event), ms);
    return { state, instance, end, names };
  };
  return { engine, folder, start };
}

for (const kind of ["docker", "podman"])
  keeping(`${kind}: what no field was taken of comes again, and nothing else`, async () => {
    const { engine, start } = await world({}, kind === "podman" ? "header" : undefined);
    const first = start();
    // Not before: podman passes on nothing that is older than a stream.
    const sent = lines(50);
    await engine.send(...sent);
    await received(first.state, 50);
    const batch = batchOf(first.instance, 50);
    // Falco may skip some: those before the last that it looked at are behind it.
    for (const i of [0, 3, 17]) expect(nameOf(first.state, batch[i] as HostEvent)).toBe(namesOf(sent)[i] as string);
    expect(first.state.metrics().delivered).toBe(18);
    // Looking back takes nothing back.
    nameOf(first.state, batch[1] as HostEvent);
    expect(first.state.metrics().delivered).toBe(18);
    first.end();
    const second = start();
    const more = lines(2);
    await engine.send(...more);
    expect(second.names(34)).toEqual(namesOf([...sent.slice(18), ...more]));
    expect(second.names(1, 1200)).toEqual([]);
    second.end();
    const third = start();
    expect(third.names(1, 1200)).toEqual([]);
    expect(third.state.logs.filter(({ severity }) => severity < 5)).toEqual([]);
    third.end();
    await engine.stop();
  });

keeping("event_to_string is a look as well, and the next batch means all of the last one", async () => {
  const { engine, start } = await world();
  const sent = lines(20);
  const first = start();
  await engine.send(...sent);
  await received(first.state, 20);
  first.state.toText(batchOf(first.instance, 20)[4] as HostEvent);
  expect(first.state.metrics().delivered).toBe(5);
  first.end();
  const second = start();
  batchOf(second.instance, 15);
  expect(second.state.metrics().delivered).toBe(0);
  second.instance.nextBatch();
  expect(second.state.metrics().delivered).toBe(15);
  second.end();
  const third = start();
  expect(third.names(1, 1200)).toEqual([]);
  third.end();
  await engine.stop();
});

keeping(
  "more than the engine keeps: they come from the file, first and in order, also over several restarts",
  async () => {
    const { engine, folder, start } = await world();
    const sent = lines(3000, { label: "x".repeat(20) });
    const first = start();
    await engine.send(...sent);
    await received(first.state, 3000);
    const [one] = first.instance.nextBatch().events;
    expect(nameOf(first.state, one as HostEvent)).toBe(namesOf(sent)[0] as string);
    first.end();
    const [file = ""] = readdirSync(folder);
    expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    const got = namesOf(sent).slice(0, 1);
    // The engine restarts, and forgets all of them; and two more lives of Falco end before they have taken all.
    await engine.restart();
    for (let life = 0; life < 2; life++) {
      const next = start();
      const { events } = next.instance.nextBatch();
      for (const event of events.slice(0, 100)) got.push(nameOf(next.state, event));
      next.end();
    }
    const last = start();
    got.push(...last.names(2799));
    expect(got).toEqual(namesOf(sent));
    last.end();
    await engine.stop();
  },
);

keeping("what was found out about a container goes with its event", async () => {
  const { engine, start } = await world({ inspect: true, inspecttimeout: 5000 });
  const id = "ab".repeat(32);
  const facts = {
    Id: id,
    Name: "/web",
    HostConfig: { Privileged: true, CapAdd: ["SYS_ADMIN"] },
    Config: { User: "eve" },
  };
  await engine.behave({ containers: { [id]: facts } });
  const asks = [
    "docker.container.privileged",
    "docker.container.user",
    "docker.container.capadd",
    "docker.container.inspected",
  ];
  const first = start();
  const sent = lines(3);
  await engine.send(...sent);
  await received(first.state, 3);
  const [event] = first.instance.take(1, (each) => ({
    payload: each.payload,
    values: first.state.extract(each, asks),
  }));
  expect(event?.values).toEqual([true, "eve", ["CAP_SYS_ADMIN"], true]);
  await engine.send(...lines(4));
  await received(first.state, 7);
  batchOf(first.instance, 4);
  first.end();
  // Nobody could be asked any more.
  await engine.behave({});
  await engine.restart();
  const second = start();
  const values = second.instance.take(4, (each) => ({
    text: each.payload,
    values: second.state.extract(each, asks),
    again: second.state.extract(second.state.foreign(each.payload), asks),
  }));
  for (const each of values) {
    expect(each.values).toEqual([true, "eve", ["CAP_SYS_ADMIN"], true]);
    expect(each.again).toEqual(each.values);
    expect(each.text.match(/"falco":/g)?.length).toBe(1);
  }
  second.end();
  await engine.stop();
});

test.each([
  ["what the queue held goes on too; and a stalled Falco's announcement of what was dropped", false],
  ["what the queue held is announced where the runtime hangs at the close, and the ring's goes on", true],
])(
  "%s",
  async (_, hangs) => {
    const { engine, start } = await world({ queuebytes: 1048576 });
    const first = start();
    // More than the ring and the queue hold.
    const events = lines(9000, { label: "x".repeat(1500) });
    const sent = namesOf(events);
    await engine.send(...events);
    await received(first.state, 9000);
    const dropped = first.state.metrics().dropped ?? 0;
    expect(dropped).toBeGreaterThan(0);
    if (hangs) signalTo(runtimePid(), "SIGSTOP");
    first.end();
    const second = start();
    const got: Value[][] = [];
    const asks = ["docker.action", "docker.attributes.name", ...["count", "since", "until"].map(attribute)];
    const takeUntil = (is: (values: Value[]) => boolean) => {
      while (!got.some(is)) {
        const more = second.instance.take(1, (event) => second.state.extract(event, asks));
        expect(more.length).toBeGreaterThan(0);
        got.push(...more);
      }
    };
    const isLoss = ([action]: Value[]) => action === "events_lost";
    takeUntil(isLoss);
    const names = got.slice(0, got.findIndex(isLoss)).map(([, name]) => name);
    expect(names).toEqual(sent.slice(0, names.length));
    const lost = Number(got.find(isLoss)?.[2]);
    const isKilled = closedLate(first.state);
    if (hangs) expect(isKilled).toBe(true);
    if (!isKilled) {
      // Either all of it, and then the announcement; or, on a machine too slow to keep all in the time that closing has, the
      // announcement of what was not kept, the first one among it, less what the engine still has.
      if (names.length === 9000 - dropped) expect(lost).toBe(dropped);
      else expect(lost).toBe(9000 - dropped + 1 - names.length - 256);
    } else {
      // One that is slow enough counts as one that hangs, and its queue goes with it: what comes is in order and once, and all
      // else is announced; on a slower machine yet the next one keeps nothing either.
      got.push(...second.instance.take(Number.POSITIVE_INFINITY, (event) => second.state.extract(event, asks), 3_000));
      const came = got.filter((values) => !isLoss(values)).map(([, name]) => String(name));
      const known = new Set(came);
      expect(came).toEqual(sent.filter((name) => known.has(name)));
      const timeOf = (line: string) => isoTime(BigInt(/"timeNano":(\d+)/.exec(line)?.[1] ?? 0));
      const losses = got.filter(isLoss).map(([, , , since, until]) => [String(since), String(until)] as const);
      const untold = events.filter((line, i) => {
        const at = timeOf(line);
        return !known.has(String(sent[i])) && !losses.some(([since, until]) => since <= at && at <= until);
      });
      expect(untold).toEqual([]);
    }
    second.end();
    await engine.stop();
  },
  60_000,
);

keeping("where the file cannot be written the log says how many events it would have held", async () => {
  const { engine, folder, start } = await world({ statefile: "/proc/nowhere/resume" });
  const first = start();
  await engine.send(...lines(7));
  await received(first.state, 7);
  batchOf(first.instance, 7);
  first.end();
  expect(first.state.logs.map(({ text }) => text).join()).toMatch(/statefile: .*, 7 that it did not take among them/);
  expect(readdirSync(folder)).toEqual([]);
  await engine.stop();
});

keeping("lines of the file that are no events are told and passed over", async () => {
  const { engine, folder, start } = await world();
  const sent = lines(5);
  const first = start();
  await engine.send(...sent);
  await received(first.state, 5);
  first.end();
  await engine.restart();
  const path = join(folder, readdirSync(folder)[0] ?? "");
  const text = readFileSync(path, "utf8").split("\n");
  text[1] = "garbage";
  text[3] = "- {\u001b}";
  writeFileSync(path, text.join("\n"));
  chmodSync(path, 0o600);
  const second = start();
  expect(second.names(3)).toEqual([0, 2, 4].map((i) => namesOf(sent)[i] as string));
  expect(second.state.metrics().malformed).toBe(2);
  second.end();
  await engine.stop();
});

keeping("what could not be kept, and no engine has any more, is announced with its count", async () => {
  const { engine, folder, start } = await world();
  const first = start();
  const sent = lines(3);
  await engine.send(...sent);
  expect(first.names(3)).toEqual(namesOf(sent));
  first.end();
  // As a close writes it where there is no room.
  const path = join(folder, readdirSync(folder)[0] ?? "");
  const state = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(
    path,
    JSON.stringify({ ...state, lost: { count: 44, since: "1795427240000000001", until: "1795427241000000002" } }),
  );
  const second = start();
  const [told] = second.instance.take(1, (event) => JSON.parse(event.payload));
  expect([told.Type, told.Action]).toEqual(["plugin", "events_lost"]);
  expect(told.Actor.Attributes).toMatchObject({
    count: "44",
    since: "2026-11-23T09:47:20.000000001Z",
    until: "2026-11-23T09:47:21.000000002Z",
  });
  second.instance.nextBatch();
  expect(second.state.metrics().losses).toBe(1);
  expect(second.state.logs.filter(({ text }) => text.startsWith("44 lost between")).length).toBe(1);
  second.end();
  await engine.stop();
});

keeping(
  "where nothing can be kept that is said while Falco runs, and what it did not take once more at its end",
  async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    const { engine, start } = await world({ statefile: join(file, "resume") });
    const { state, instance } = start();
    const said = (text: RegExp) => state.logs.filter((line) => text.test(line.text));
    for (let i = 0; i < 50 && said(/^statefile: .*; a restart of Falco may miss events$/).length === 0; i++)
      instance.nextBatch();
    expect(said(/; a restart of Falco may miss events$/)).toHaveLength(1);
    await engine.send(...lines(5));
    await received(state, 5);
    instance.close();
    expect(said(/may miss events, 5 that it did not take among them$/)).toHaveLength(1);
    state.destroy();
    await engine.stop();
  },
);
