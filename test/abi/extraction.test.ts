/** Both ways of extraction over every real line: from the batch of a live event, and from other memory, as a capture is. */
import { expect, test } from "bun:test";
import { fields } from "../../src/plugin/fields.ts";
import { runtimePid } from "../faults/faults.ts";
import { TestEngine } from "../support/engine.ts";
import { type Ask, Plugin, type State, type Value } from "../support/host.ts";
import { recordedLines } from "../support/recordings.ts";
import { signalTo } from "../support/signal.ts";

interface Line {
  status?: string;
  id?: string;
  from?: string;
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> | null };
  scope?: string;
}

/** The fields that are one attribute, said once more on purpose. */
const ATTRIBUTES = {
  "docker.stack.namespace": "com.docker.stack.namespace",
  "docker.node.id": "com.docker.swarm.node.id",
  "docker.swarm.task": "com.docker.swarm.task",
  "docker.swarm.taskid": "com.docker.swarm.task.id",
  "docker.swarm.taskname": "com.docker.swarm.task.name",
  "docker.swarm.servicename": "com.docker.swarm.service.name",
  "docker.node.statenew": "state.new",
  "docker.node.stateold": "state.old",
  "docker.attributes.container": "container",
  "docker.attributes.image": "image",
  "docker.attributes.name": "name",
  "docker.attributes.type": "type",
  "docker.attributes.exitcode": "exitCode",
  "docker.attributes.signal": "signal",
} as const;

const visible = (text: string | undefined): string | undefined => text?.replaceAll("\0", "\ufffd");

const START =
  '{"Type":"container","Action":"start","Actor":{"ID":"x","Attributes":{"image":"alpine","name":"n"}},"timeNano":1}';

/** What the specification says a line's fields are, from nothing but its JSON. */
function expected(text: string): Map<string, Value> {
  const { status, id, from, Type, Action, Actor, scope } = JSON.parse(text) as Line;
  const attributes = Actor.Attributes ?? {};
  const legacy = Type === "container" || Type === "image";
  const values = new Map<string, Value>([
    ["docker.status", visible(status ?? (legacy ? Action : undefined))],
    ["docker.id", visible(id ?? (legacy ? Actor.ID : undefined))],
    ["docker.from", visible(from ?? (Type === "container" ? attributes.image : undefined))],
    ["docker.type", visible(Type)],
    ["docker.action", visible(Action)],
    ["docker.scope", visible(scope)],
    ["docker.actor.id", visible(Actor.ID)],
    ["docker.time", BigInt(/"timeNano":(\d+)[,}]/.exec(text)?.[1] ?? "")],
  ]);
  for (const [name, key] of Object.entries(ATTRIBUTES)) values.set(name, visible(attributes[key]));
  return values;
}

/** Every field; of those with an argument, one that the line has where it has any. */
function asksFor(text: string): Ask[] {
  const keys = Object.keys((JSON.parse(text) as Line).Actor.Attributes ?? {});
  return fields.map(({ name, key }) => (key === undefined ? name : ([name, keys.at(-1) ?? "none"] as const)));
}

function check(state: State, text: string, values: Value[]): void {
  const wanted = expected(text);
  for (const [i, { name }] of fields.entries())
    if (wanted.has(name)) expect([name, values[i]]).toEqual([name, wanted.get(name)]);
  expect(state.error).toBe("");
}

/** A line that the engine writes with another time, so that none counts as sent before. */
const numbered = (line: string, i: number, base: bigint): string =>
  line.replace(/"timeNano":\d+(?=[,}])/, `"timeNano":${base + BigInt(i)}`);

test("every line of the recordings gives the specified values, live and replayed alike", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": "", "inspect": false}');
  using instance = state.open(engine.address);
  const base = BigInt(Date.now()) * 1_000_000n;
  const recorded = recordedLines();
  const modern = recorded.map((line) =>
    line.replace(/^\{(?:"(?:status|id|from)":"(?:[^"\\]|\\.)*",)+"Type"/, '{"Type"'),
  );
  const lines = [...recorded, ...modern].map((line, i) => numbered(line, i, base));
  await engine.send(...lines);
  const live = instance.take(lines.length, (event) => {
    const payload = event.payload;
    return { payload, ts: event.ts, values: state.extract(event, asksFor(payload)) };
  });
  expect(live.length).toBe(lines.length);
  let compared = 0;
  for (const [i, { payload, values, ts }] of live.entries()) {
    expect(payload).toBe(lines[i] as string);
    check(state, payload, values);
    expect(ts).toBe(base + BigInt(i));
    const replayed = state.extract(state.foreign(payload), asksFor(payload));
    expect(replayed).toEqual(values);
    compared += values.length;
  }
  const legacy = live.filter(({ payload }) => payload.startsWith('{"status"')).length;
  expect(legacy).toBeGreaterThan(0);
  expect(legacy).toBeLessThan(lines.length / 2);
  console.log(`${lines.length} lines, ${fields.length} fields each: ${compared} values were the same both ways`);
});

test("a replayed event is asked of the runtime once, however many calls ask for its fields", async () => {
  using state = new Plugin().init('{"statefile": ""}');
  const event = state.foreign(START);
  expect(state.extract(event, ["docker.type"])).toEqual(["container"]);
  // One that stands still answers nothing more.
  const pid = runtimePid();
  signalTo(pid, "SIGSTOP");
  for (let i = 0; i < 1_000; i++) expect(state.extract(event, ["docker.action"])).toEqual(["start"]);
  signalTo(pid, "SIGCONT");
  expect(state.extract(state.foreign(START), ["docker.type"])).toEqual(["container"]);
  expect(state.metrics()).toMatchObject({ runtime_restarts: 0, extract_failures: 0 });
});

test("the same buffer with another event in it is another event", () => {
  using state = new Plugin().init('{"statefile": ""}');
  const lines = recordedLines().slice(0, 2);
  const long = Math.max(...lines.map((line) => Buffer.byteLength(line)));
  const padded = lines.map((line) => line + " ".repeat(long - Buffer.byteLength(line)));
  const event = state.foreign(padded[0] ?? "");
  const before = state.extract(event, ["docker.action", "docker.actor.id"]);
  event.bytes.write(padded[1] ?? "", 38);
  const after = state.extract(event, ["docker.action", "docker.actor.id"]);
  expect([before, after]).toEqual(
    lines.map((line) => {
      const { Action, Actor } = JSON.parse(line) as Line;
      return [Action, Actor.ID];
    }),
  );
});

test.each([
  ["what is not JSON", "{"],
  ["no event", "{}"],
  ["nothing", ""],
  ["an event of no time", '{"Type":"a","Action":"b","Actor":{"ID":"","Attributes":{}},"timeNano":"1"}'],
])("a capture that holds %s gives absent values, and is counted", (_, payload) => {
  using state = new Plugin().init('{"statefile": ""}');
  expect(state.extract(state.foreign(payload), ["docker.type", "docker.time", ["docker.attributes", "x"]])).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(state.metrics().extract_failures).toBe(1);
  // The next one is not harmed.
  expect(state.extract(state.foreign(START), ["docker.type"])).toEqual(["container"]);
});

test("an argument that is absent, empty or none of the event's gives no value", () => {
  using state = new Plugin().init('{"statefile": ""}');
  const line = '{"Type":"container","Action":"a","Actor":{"ID":"x","Attributes":{"":"empty","name":"n"}},"timeNano":1}';
  const asks: Ask[] = ["docker.attributes", ["docker.attributes", "nam"], ["docker.attributes", "name2"]];
  expect(state.extract(state.foreign(line), asks)).toEqual([undefined, undefined, undefined]);
  expect(
    state.extract(state.foreign(line), [
      ["docker.attributes", ""],
      ["docker.attributes", "name"],
    ]),
  ).toEqual(["empty", "n"]);
});

test.each(["é", "€", "\u{1f40b}"])("a text that is too long for a line ends with a whole %p", (character) => {
  using state = new Plugin().init('{"statefile": ""}');
  // Each place within a character is where one of these is cut.
  for (const before of ["", "x", "xx", "xxx"]) {
    const action = `exec_create: ${before}${character.repeat(2000)}`;
    const text = state.toText(state.foreign(START.replace('"start"', JSON.stringify(action))));
    expect(text).toBe(`container ${action.slice(0, text.length - "container ".length)}`);
    expect(Buffer.byteLength(text)).toBeGreaterThan(1000);
  }
});

test("events that the host has written over are read as what they are now, not as what the batch was", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": "", "inspect": false}');
  using instance = state.open(engine.address);
  const at = BigInt(Date.now()) * 1_000_000n;
  const line = (name: string, time: bigint) =>
    `{"Type":"container","Action":"start","Actor":{"ID":"x","Attributes":{"name":"${name}"}},"timeNano":${time}}`;
  await engine.send(line("one", at), line("two", at + 1n));
  // Falco sets the thread and the plugin's id in the event that it was given.
  const names: Value[] = [];
  while (names.length < 2)
    for (const event of instance.nextBatch().events) {
      event.bytes.writeBigUInt64LE(7n, 8);
      names.push(...state.extract(event, ["docker.attributes.name"]));
    }
  expect(names).toEqual(["one", "two"]);
});
