import { expect, test } from "bun:test";
import { lineOf } from "../../../src/base/line.ts";
import { shortened } from "../../../src/docker/inspect/bounds.ts";
import { containerInspection } from "../../../src/docker/inspect/container.ts";
import { containerMount } from "../../../src/docker/inspect/mounts.ts";
import { layout } from "../../../src/ipc/layout.ts";
import { RecordWriter } from "../../../src/ipc/record.ts";
import { recordBound } from "../../../src/ipc/record_bound.ts";
import { RecordReader } from "../../../src/ipc/record_reader.ts";
import { containerPart } from "../../../src/plugin/fields/container/part.ts";
import type { Field } from "../../../src/plugin/fields/field.ts";
import { fields } from "../../../src/plugin/fields.ts";
import {
  additionOf,
  type EnrichedEvent,
  type Enrichment,
  parseEnriched,
  readEnrichment,
} from "../../../src/sensor/enrichment.ts";
import { SENSITIVE_KINDS } from "../../../src/sensor/sensitive_paths.ts";
import { recordedLines } from "../../support/recordings.ts";

const memory = new ArrayBuffer(2 * layout.RECORD_MAX);
const bytes = new Uint8Array(memory);
const writer = new RecordWriter(memory);
const reader = new RecordReader(memory);
const CANARY = 0xa5;
const MOUNT = { source: "/srv", destination: "/host", mode: "rw", type: "bind" };

const named = (name: string): Field => fields.find((field) => field.name === name) as Field;

/** Writes a record and sees that it stays within its bound, guessed and counted. Returns its bytes. */
function write(event: EnrichedEvent, text: string): number {
  const line = Buffer.from(text);
  const addition = event.falco === undefined ? "" : additionOf(event.falco);
  const bound = recordBound(line.length, event, addition, 0);
  expect(recordBound(line.length, event, addition)).toBeGreaterThanOrEqual(Math.min(bound, layout.RECORD_MAX + 1));
  bytes.fill(CANARY, 0, Math.min(memory.byteLength, bound + 64));
  const size = writer.write(0, lineOf(line), event, addition);
  expect(size).toBeLessThanOrEqual(bound);
  expect(size).toBeLessThanOrEqual(recordBound(line.length, event, addition));
  expect(bytes.subarray(size, bound + 64).every((byte) => byte === CANARY)).toBe(true);
  return size;
}

const eventOf = (parts: object): string =>
  JSON.stringify({ Type: "container", Action: "start", Actor: { ID: "x", Attributes: {} }, timeNano: 1, ...parts });

test("a record is as long as its bound says at most, for every real line", () => {
  for (const line of recordedLines()) {
    write(parseEnriched(line, "engine"), line);
    expect(reader.payload(0)).toBe(line);
  }
});

const MiB = 1024 * 1024;
const many = (count: number, value: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [i.toString(36), value]));

/** The most that an inspection leaves of a part of each kind: texts of characters of three bytes, short texts, mounts. */
const LONG = "€".repeat(100_000);
/** A path that has three names. */
const PATH = `/run/lock/${LONG}`;
const worstOf = (entries: object): Record<string, string> =>
  Object.fromEntries(Object.keys(entries).map((key) => [key, PATH]));
const WORST: readonly unknown[] = [
  true,
  Number.MAX_SAFE_INTEGER,
  "unconfined",
  "18446744073709551615",
  LONG,
  Array.from({ length: 65_535 }, (_, i) => i + 1),
  Array.from({ length: 1000 }, () => [LONG, LONG]),
  Array.from({ length: 100_000 }, (_, i) => String.fromCharCode(0x20ac + (i % 1000))),
  Array.from({ length: 100 }, () => worstOf(containerMount.entries)),
];

/** A container whose every part is as long as can be, found by trying what the part takes. */
const worst = shortened(
  Object.fromEntries(
    Object.keys(containerInspection.entries).map((key) => {
      const taken = WORST.filter(
        (value) => readEnrichment({ container: { [key]: value } })?.container?.[key as "user"],
      );
      return [key, taken.at(-1)];
    }),
  ),
) as NonNullable<Enrichment["container"]>;
const [texts, pairs] = [WORST[7], WORST[6]] as [string[], [string, string][]];
const facts: Enrichment = {
  inspected: true,
  container: {
    ...worst,
    sensitiveMount: true,
    sensitiveMounts: SENSITIVE_KINDS,
    volumeDevices: shortened({ pairs }).pairs,
  },
  image: shortened({ digests: texts, labels: pairs, created: "18446744073709551615" }),
  exit: { code: 137, oomKilled: true },
};

test("the worst container has a value for each of its fields, and its record has a bound", () => {
  const text = eventOf({});
  const event: EnrichedEvent = { ...parseEnriched(text, "engine"), falco: readEnrichment(facts) ?? {} };
  const size = write(event, text);
  const absent = Object.keys(containerInspection.entries).filter((key) => worst[key as "user"] === undefined);
  expect(absent).toEqual([]);
  const missing = fields.filter(({ source, key }) => "part" in source && source.part === containerPart && !key);
  expect(missing.filter((field) => reader.value(0, field) === undefined).map(({ name }) => name)).toEqual([]);
  expect(size).toBeLessThan(4 * MiB);
  console.log(`the worst container's record takes ${size} bytes`);
});

test("what events share is copied from the first of them, and is what would be written anew", () => {
  const keeping = new RecordWriter(memory, 0, true);
  const container = (privileged: boolean, ...capAdd: string[]): Enrichment => ({
    inspected: true,
    container: { privileged, capAdd, user: "é", created: "18446744073709551615", mounts: [MOUNT] },
    engine: { host: "unix:///run/docker.sock" },
  });
  const one = container(true, "CAP_SYS_ADMIN", "CAP_NET_ADMIN");
  const other = container(false, "ALL");
  for (const [i, falco] of [one, other, one, one, other, undefined, one].entries()) {
    const text = eventOf({ scope: "x".repeat(i) });
    const event = parseEnriched(text, "engine");
    if (falco !== undefined) event.falco = falco;
    const addition = falco === undefined ? "" : additionOf(falco);
    bytes.fill(CANARY, 0, 4096);
    const fresh = Buffer.from(bytes.slice(0, new RecordWriter(memory).write(0, lineOf(text), event, addition)));
    bytes.fill(CANARY, 0, 4096);
    expect(keeping.write(0, lineOf(text), event, addition)).toBe(fresh.length);
    expect(Buffer.from(memory, 0, fresh.length).equals(fresh)).toBe(true);
    expect(reader.value(0, named("docker.container.capadd"))).toEqual(falco?.container?.capAdd);
    expect(reader.value(0, named("docker.container.privileged"))).toBe(falco?.container?.privileged);
    expect(reader.value(0, named("docker.container.mount"), "/host")).toBe(falco && "/srv");
  }
});

test.each([
  ["the smallest attributes, as many as fit", { Actor: { ID: "", Attributes: many(400_000, "") } }],
  [
    "attributes of NUL, which takes three bytes where its JSON takes six",
    { Actor: { ID: "", Attributes: many(80_000, "\0\0\0\0") } },
  ],
  ["one attribute of four megabytes", { Actor: { ID: "", Attributes: { image: "x".repeat(4 * MiB) } } }],
  ["a command of four megabytes", { Action: `exec_create: ${"ä".repeat(2 * MiB)}` }],
  [
    "a command that stands in every text",
    { status: "y".repeat(MiB), id: "z".repeat(MiB), from: "w".repeat(MiB), Action: `exec_start: ${"x".repeat(MiB)}` },
  ],
  ["a health status of megabytes", { Action: `health_status: ${"\u2028".repeat(MiB)}` }],
  ["an image's name of megabytes", { Type: "image", Actor: { ID: `a/b:${"t".repeat(4 * MiB)}`, Attributes: {} } }],
  ["small and escaped", { Action: "\0".repeat(9000) }],
  ["nothing at all", {}],
])("%s: the record stays within its bound, and that fits the ring", (_, parts) => {
  const text = eventOf(parts);
  for (const falco of [undefined, facts]) {
    const event = parseEnriched(text, "engine");
    if (falco !== undefined) event.falco = falco;
    write(event, text);
    if (text.length > 4 * MiB + 1000) continue;
    expect(
      recordBound(Buffer.byteLength(text), event, falco === undefined ? "" : additionOf(falco)),
    ).toBeLessThanOrEqual(layout.RECORD_MAX);
  }
});

test("words, arguments and labels stay within the bound, however much more than their text they take", () => {
  // Of each of these a command gives many words for few characters.
  const pieces = ["a", "/a", "/aa/bb/cc/dd", "-abcdefgh", "a=b:c@d", "http://a/b", "a$x", "€", "/€€/€€/€€/€", "\\x41"];
  for (const piece of pieces)
    for (const count of [1, 10, 300, 3000]) {
      const command = Array.from({ length: count }, (_, i) => `${piece}${i % 2 === 0 ? i.toString(36) : piece}`);
      const text = eventOf({ Action: `exec_start: ${command.join(" ")}` });
      const labels = many(count, piece);
      const event = parseEnriched(text, "engine");
      event.falco = { inspected: true, container: { command, healthcheck: command }, exec: { command }, labels };
      write(event, text);
      expect(reader.value(0, named("docker.exec.words"))).toBeArray();
      expect(reader.value(0, named("docker.container.label"), "0")).toBe(piece);
    }
});

test("a label that an attribute shows takes no more than a pair, and one that we add wins over an attribute", () => {
  const Attributes = { ...many(300, "value"), image: "bb", name: "web" };
  const text = eventOf({ Actor: { ID: "x", Attributes } });
  const written = (falco?: Enrichment): number => {
    const event = parseEnriched(text, "engine");
    if (falco !== undefined) event.falco = falco;
    return write(event, text);
  };
  const label = (key: string) => reader.value(0, named("docker.container.label"), key);
  const without = written({ inspected: true });
  expect(label("0")).toBeUndefined();
  const known = written({ inspected: true, labels: {} });
  expect(known - without).toBeLessThanOrEqual(
    300 * layout.PAIR_BYTES + layout.COUNT_BYTES + 2 * layout.RECORD_ALIGN + 12,
  );
  expect(label("0")).toBe("value");
  expect(label("name")).toBeUndefined();
  written({ inspected: true, labels: { 0: "more", name: "label" } });
  expect([label("0"), label("1"), label("name")]).toEqual(["more", "value", "label"]);
  expect(reader.value(0, named("docker.attributes"), "0")).toBe("value");
  expect(reader.value(0, named("docker.attributes.name"))).toBe("web");
});

test("a NUL inside a value becomes U+FFFD, so that no label ends a string early", () => {
  const text = eventOf({ Actor: { ID: "a\0b", Attributes: { name: "\0", "k\0y": "v\0\0w" } } });
  write(parseEnriched(text, "engine"), text);
  expect(reader.value(0, named("docker.actor.id"))).toBe("a\ufffdb");
  expect(reader.value(0, named("docker.attributes.name"))).toBe("\ufffd");
  expect(reader.value(0, named("docker.attributes"), "k\0y")).toBe("v\ufffd\ufffdw");
});

test("nothing of one event shows in the next, at the same place", () => {
  const full = recordedLines().find((line) => line.includes('"exitCode"')) as string;
  write(parseEnriched(full, "engine"), full);
  expect(reader.value(0, named("docker.attributes.exitcode"))).toBeString();
  const bare = eventOf({});
  write(parseEnriched(bare, "engine"), bare);
  const present = fields.filter((field) => reader.value(0, field, "exitCode") !== undefined).map(({ name }) => name);
  expect(present).toEqual([
    ...["docker.status", "docker.id", "docker.type", "docker.action", "docker.actor.id", "docker.time"],
    "docker.container.id",
    "docker.container.uninspected",
  ]);
});

test("present and empty is not absent", () => {
  const text = eventOf({ Type: "volume", scope: "", Actor: { ID: "", Attributes: { name: "" } } });
  write(parseEnriched(text, "engine"), text);
  expect(reader.value(0, named("docker.scope"))).toBe("");
  expect(reader.value(0, named("docker.attributes.name"))).toBe("");
  expect(reader.value(0, named("docker.attributes.image"))).toBeUndefined();
  expect(reader.value(0, named("docker.status"))).toBeUndefined();
});

test("the addition stands before the line's last brace, and nothing else is moved", () => {
  const text = `${eventOf({ scope: "}" })}  `;
  const event = parseEnriched(text, "engine");
  event.falco = { inspected: false };
  write(event, text);
  expect(reader.payload(0)).toBe(`${text.trimEnd().slice(0, -1)},"falco":{"inspected":false}}  `);
});
