import { expect, test } from "bun:test";
import { type DockerEvent, parseEvent } from "../../../../src/docker/event.ts";
import { HEAD_BYTES, TAIL_BYTES } from "../../../../src/docker/stream/lines.ts";
import { rejoin, truncate } from "../../../../src/docker/stream/truncation.ts";
import { recordedLines } from "../../../support/recordings.ts";

const MAX = 64 * 1024;

const TIME = 1795427240090068681n;

interface Parts {
  readonly attributes: Record<string, string>;
  readonly action?: string;
  readonly id?: string;
}

/** A line as an engine sends it in its own version, or by the alphabet as Engine 29 does in an older one. */
function lineOf({ attributes, action = "start", id = "c1" }: Parts, order: "usual" | "alphabetical"): string {
  const Attributes = attributes;
  const event =
    order === "usual"
      ? { status: action, id, from: "alpine", Type: "container", Action: action, Actor: { ID: id, Attributes } }
      : { Action: action, Actor: { Attributes, ID: id }, Type: "container", from: "alpine", id };
  const rest = order === "usual" ? { scope: "local" } : { scope: "local", status: action };
  return `${JSON.stringify({ ...event, ...rest, time: 1795427240 }).slice(0, -1)},"timeNano":${TIME}}`;
}

function cut(line: string, max = MAX) {
  const result = truncate(Buffer.from(line), max);
  if (result === undefined) throw new Error("of another form");
  return { ...result, event: parseEvent(result.line.toString()) };
}

const engine = { image: "alpine", name: "pensive", exitCode: "137", signal: "9" };

const many = (count: number, value = ""): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, value]));

const hostile: ({ name: string } & Parts)[] = [
  { name: "one huge label", attributes: { ...engine, big: "x".repeat(1 << 20) } },
  { name: "many tiny labels", attributes: { ...many(40_000), ...engine } },
  { name: "a huge name of a label", attributes: { ...engine, ["k".repeat(1 << 20)]: "v" } },
  { name: "escapes that grow", attributes: { ...engine, big: "\u0001".repeat(200_000) } },
  { name: "characters of four bytes", attributes: { ...engine, big: "😀".repeat(100_000) } },
  { name: "a huge image", attributes: { ...engine, image: "i".repeat(1 << 20) } },
  { name: "a huge command", attributes: engine, action: `exec_create: ${"c".repeat(1 << 20)}` },
  {
    name: "a label that is no plain key",
    attributes: JSON.parse(`{"__proto__":"${"x".repeat(100_000)}","name":"pensive","exitCode":"137"}`),
  },
  {
    name: "labels that look like the line's own parts",
    attributes: {
      ...engine,
      '"Attributes":{': '"Attributes":{"name":"lie"}},',
      "},": "}}",
      "a\\": '\\"\\\\',
      '"': `}},"scope":"lie"}${"\\".repeat(99_999)}`,
    },
  },
  { name: "all that is the engine's huge", attributes: Object.fromEntries(hugeOwn()) },
];

/** Labels in place of what the engine says: each too long. */
function hugeOwn(): [string, string][] {
  const own = ["signal", "container", "type", "execID", "oldName", "imageID", "comment", "driver"];
  const nodes = ["state.new", "state.old", "com.docker.stack.namespace", "com.docker.swarm.node.id"];
  const tasks = ["com.docker.swarm.task", "com.docker.swarm.task.id", "com.docker.swarm.service.name"];
  const long = [...own, ...nodes, ...tasks].map((key): [string, string] => [key, "\u2028".repeat(9_000)]);
  return [["image", "alpine"], ["name", "pensive"], ["exitCode", "137"], ...long];
}

test.each((["usual", "alphabetical"] as const).flatMap((order) => hostile.map((parts) => ({ ...parts, order }))))(
  "$name, $order order: the line fits, and what rules need stays",
  ({ order, ...parts }) => {
    const line = lineOf(parts, order);
    const result = cut(line);
    expect(result.line.length).toBeLessThanOrEqual(MAX);
    expect(result.event).toMatchObject({ Type: "container", id: "c1", scope: "local", from: "alpine", timeNano: TIME });
    expect(result.event.Actor.ID).toBe("c1");
    const kept = result.event.Actor.Attributes;
    expect([kept.name, kept.exitCode]).toEqual(["pensive", "137"]);
    expect(result.cut.bytes).toBe(Buffer.byteLength(line));
    const missing = Object.keys(parts.attributes).filter((key) => kept[key] !== parts.attributes[key]);
    expect(result.cut.count).toBe(missing.length);
    expect(result.cut.attributes.length).toBe(Math.min(20, missing.length));
    for (const key of result.cut.attributes) expect(missing.some((name) => name.startsWith(key))).toBe(true);
    // What there is is a beginning of what there was.
    for (const [key, value] of Object.entries(kept)) expect(parts.attributes[key]?.startsWith(value)).toBe(true);
  },
);

test("the shortest labels stay", () => {
  const lengths = Array.from({ length: 300 }, (_, i) => (299 - i) * 10);
  const labels = Object.fromEntries(lengths.map((length) => [`l${length}`, "x".repeat(length)]));
  const kept = cut(lineOf({ attributes: { ...engine, ...labels } }, "usual")).event.Actor.Attributes;
  const left = lengths.filter((length) => kept[`l${length}`] !== undefined);
  expect(left.length).toBeGreaterThan(90);
  expect(left).toEqual(lengths.slice(-left.length));
});

test.each([
  ["four bytes", "😀"],
  ["two escapes for one", "\\ud83d\\ude00"],
  ["an escape", "\\u001b"],
  ["a short escape", "\\n"],
  ["three bytes", "€"],
])("a shortened text ends with a whole character: %s", (_, character) => {
  for (const before of ["", "x", "xx", "xxx", "x".repeat(11)]) {
    const line = lineOf({ attributes: { ...engine, image: "IMAGE" } }, "usual");
    const image = before + character.repeat(100_000);
    const short = cut(line.replace("IMAGE", image)).event.Actor.Attributes.image ?? "";
    expect(JSON.parse(`"${image}"`).startsWith(short)).toBe(true);
    expect(short.isWellFormed()).toBe(true);
    expect(short.length).toBeGreaterThan(1000);
  }
});

test("a line that has another form than an event's is not cut", () => {
  const line = lineOf({ attributes: { ...engine, big: "x".repeat(100_000) } }, "usual");
  for (const broken of [
    line.slice(0, -100),
    line.replace('"name":"pensive"', '"name":1'),
    line.replace('"name":"pensive"', '"name" : "pensive"'),
    line.replace('"name":"pensive",', '"name":"pensive"'),
    `{"x":[${"1,".repeat(50_000)}1]}`,
  ])
    try {
      const short = truncate(Buffer.from(broken), MAX);
      expect(short === undefined || parseEvent(short.line.toString()) === undefined).toBe(true);
    } catch (error) {
      expect(String(error)).toMatch(/not JSON|Type/);
    }
});

test("only the actor's attributes are those that are cut", () => {
  const line = lineOf({ attributes: { ...engine, big: "x".repeat(100_000) } }, "usual");
  const beside = line.replace("{", '{"Attributes":{"a":"b"},');
  expect(cut(beside).event.Actor.Attributes).toEqual(engine);
  expect(cut(beside).line.toString()).toContain('{"Attributes":{"a":"b"},');
  expect(truncate(Buffer.from(line.replace("{", '{"Other":{"Attributes":{"a":"b"}},')), MAX)).toBeUndefined();
});

test("half a million labels cost no more than the look at each byte", () => {
  const value = "x".repeat(4);
  const line = Buffer.from(lineOf({ attributes: { ...many(500_000, value), ...engine } }, "usual"));
  expect(line.length).toBeGreaterThan(7_000_000);
  const time = (what: () => unknown): number => {
    const before = process.cpuUsage();
    what();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  const least = (times: number, what: () => unknown): number =>
    Math.min(...Array.from({ length: times }, () => time(what)));
  let event: DockerEvent | undefined;
  const whole = least(2, () => JSON.parse(line.toString()));
  const short = least(5, () => {
    event = parseEvent(truncate(line, 4 * 1024 * 1024)?.line.toString() ?? "");
  });
  console.log(
    `${line.length} bytes: cut and parsed in ${short.toFixed()} ms of CPU, parsed whole in ${whole.toFixed()} ms`,
  );
  expect(event?.Actor.Attributes.exitCode).toBe("137");
  expect(short).toBeLessThan(whole);
});

/** The beginning and the end of a line, as far as they are kept of one that is too long. */
const ends = (line: string): [Buffer, Buffer] => [
  Buffer.from(line).subarray(0, HEAD_BYTES),
  Buffer.from(line).subarray(-TAIL_BYTES),
];

test.each([
  ["its own version", "docker-29.7.2.jsonl.gz"],
  ["an older version", "docker-29.7.2-asked-as-1.51.jsonl.gz"],
  ["podman 4", "podman-4.3.1.jsonl.gz"],
])("a line beyond all bounds keeps all but its attributes: %s", (_, recording) => {
  const lines = recordedLines(recording);
  expect(lines.length).toBeGreaterThan(100);
  for (const line of lines) {
    const big = line.replace('"Attributes":{', `"Attributes":{"!":"${'}},\\"scope\\":{'.repeat(9_000)}",`);
    const { Actor, ...rest } = parseEvent(line);
    const rejoined = parseEvent(rejoin(...ends(big)) ?? "");
    expect(rejoined).toEqual({ ...rest, Actor: { ID: Actor.ID, Attributes: {} } });
  }
});

test.each([
  ['"}},"', '","},":"'],
  ["},", '":1,'],
  ['},"ID":"x"},"Type":"lie"', "}"],
])("labels %p and %p do not pose as the end of a line beyond all bounds", (value, key) => {
  for (const order of ["usual", "alphabetical"] as const) {
    const attributes = { a: "x".repeat(100_000), ...many(50, value), [key]: value, z: key };
    const rejoined = parseEvent(rejoin(...ends(lineOf({ attributes }, order))) ?? "");
    expect(rejoined).toMatchObject({ Type: "container", Actor: { ID: "c1", Attributes: {} }, timeNano: TIME });
  }
});
