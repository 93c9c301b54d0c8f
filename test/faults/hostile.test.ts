/** The host believes nothing that the runtime writes: an end of Falco by a broken runtime would end the guard. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { fields } from "../../src/plugin/fields.ts";
import { TestEngine } from "../support/engine.ts";
import { type Ask, BUILT, type HostEvent, pluginBeside, rc, type State } from "../support/host.ts";
import { seedOf } from "../support/random.ts";
import { signalTo } from "../support/signal.ts";
import { atLeast, NUMBERED, runtimePid } from "./faults.ts";

/** How many events an engine keeps (moby: daemon/events, eventsLimit). */
const KEPT = 256;

const ALL: Ask[] = fields.map(({ name, key }) => (key === undefined ? name : ([name, "name"] as const)));

const seed = seedOf("a hostile runtime");

function hostile(how: string): State {
  const module = JSON.stringify(join(import.meta.dir, "hostile_runtime.ts"));
  const call = `runHostile(${JSON.stringify(how)}, ${JSON.stringify(BUILT)}, ${seed})`;
  return pluginBeside(`#!${process.execPath}\nimport { runHostile } from ${module};\n${call};\n`).init();
}

test.each(["garbage", "a head that jumps", "records that lie"])("%s in the ring", (how) => {
  using state = hostile(how);
  expect([state.rc, state.error]).toEqual([rc.success, ""]);
  using instance = state.open("");
  expect(instance.rc).toBe(rc.success);
  let events = 0;
  let values = 0;
  const isEnough = () =>
    how === "records that lie"
      ? events > 20 && values > events
      : state.logs.some(({ text }) => text.includes("it wrote no valid record"));
  for (const time = atLeast(2_500, isEnough); time.isLeft; ) {
    const batch = instance.nextBatch();
    // A runtime that never does well is given up in the end, in words; nothing else may be returned.
    if (batch.rc === rc.failure) {
      expect(state.error).not.toBe("");
      break;
    }
    expect(batch.rc).toBe(batch.events.length > 0 ? rc.success : rc.timeout);
    for (const event of batch.events.slice(0, 10)) {
      events++;
      values += state.extract(event, ALL).filter((value) => value !== undefined).length;
      state.toText(event);
    }
  }
  expect(isEnough()).toBe(true);
});

test("sizes that change while they are read: each batch is whole, or none", () => {
  using state = hostile("sizes that change while they are read");
  using instance = state.open("");
  let events = 0;
  for (const time = atLeast(2_500, () => events > 0); time.isLeft; ) {
    const batch = instance.nextBatch();
    if (batch.rc === rc.failure) break;
    expect(batch.rc).toBe(batch.events.length > 0 ? rc.success : rc.timeout);
    expect(batch.events.length).toBeLessThan(10_000);
    for (const event of batch.events.slice(0, 10)) {
      events++;
      state.extract(event, ALL);
    }
  }
  expect(events).toBeGreaterThan(0);
});

describe.each([
  ["its ring", false],
  ["its ring, and its memory of where the engines stood", true],
])("a runtime that breaks %s with events that Falco has not taken", (_, all) => {
  test.each([
    [100, 0],
    // More than an engine keeps, and more than a ring remembers.
    [700, 700 - KEPT],
    [2_000, 2_000 - KEPT],
  ])(
    "%d of them: each comes, or is announced",
    async (count, lost) => {
      const call = `runBreaking(${all}, ${JSON.stringify(BUILT)})`;
      const module = JSON.stringify(join(import.meta.dir, "breaking_runtime.ts"));
      const plugin = pluginBeside(`#!${process.execPath}\nimport { runBreaking } from ${module};\n${call};\n`);
      await using engine = await TestEngine.start();
      using state = plugin.init('{"statefile": "", "inspect": false}');
      using instance = state.open(engine.address);
      const number = (event: HostEvent) => {
        const [type, name] = state.extract(event, ["docker.type", "docker.attributes.name"]);
        return type === "plugin" ? "lost" : Number(String(name).replace("event-", ""));
      };
      await engine.flow(NUMBERED, 2_000, 10);
      expect(instance.take(10, number)).toEqual(Array.from({ length: 10 }, (_, i) => i));
      await engine.flow(NUMBERED, 2_000, count);
      while (state.metrics().received !== 10 + count) await Bun.sleep(10);
      const pid = runtimePid();
      signalTo(pid, "SIGUSR2");
      while (!/State:\tT/.test(await Bun.file(`/proc/${pid}/status`).text())) await Bun.sleep(5);
      const taken: (number | "lost")[] = [];
      const isAll = () => new Set(taken.filter((one) => one !== "lost" && one >= 10)).size >= count - lost;
      for (const time = atLeast(4_000, isAll); time.isLeft; ) taken.push(...instance.take(1, number, 100));
      const numbers = taken.filter((one) => one !== "lost");
      const fresh = numbers.filter((one) => one >= 10);
      expect(new Set(fresh).size).toBe(count - lost);
      expect(fresh.length).toBe(count - lost);
      expect(taken.filter((one) => one === "lost").length).toBe(lost > 0 || all ? 1 : 0);
      // Where nothing says what has come, what the engine still has comes once more.
      expect(numbers.length - fresh.length).toBe(all && lost === 0 ? 10 : 0);
      expect(state.logs.some(({ text }) => text.includes("has left no trace"))).toBe(all);
    },
    30_000,
  );
});

test("a list that names one string 4,096 times is no list: Falco would copy more than the record holds", () => {
  using state = hostile("lists that name one string again and again");
  using instance = state.open("");
  const values = instance.take(5, (event) => state.extract(event, ["docker.container.capadd", "docker.type"]));
  expect(values.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => [undefined, "container"]));
});

test("answers that lie, of another length or to another question", () => {
  using state = hostile("nothing");
  let absent = 0;
  let present = 0;
  for (let i = 0; i < 24; i++) {
    const values = state.extract(state.foreign(`{"Type":"${i}"}`), ALL);
    if (values.every((value) => value === undefined)) absent++;
    else present++;
    if (i % 10 === 0) state.listOpenParams();
  }
  expect(present).toBeGreaterThan(0);
  expect(absent).toBeGreaterThan(0);
  expect(state.metrics().extract_failures).toBeGreaterThan(0);
});

test("a line of the log stays one line, whatever the runtime says", () => {
  using state = hostile("nothing");
  using instance = state.open("");
  const said = () => state.logs.find(({ text }) => text.includes("first"));
  for (let i = 0; i < 20 && said() === undefined; i++) instance.nextBatch();
  expect(said()?.text).toMatch(/first.*second/);
  expect(said()?.text).not.toMatch(/[\p{Cc}]/u);
});
