/** A recording as a source: all its lines, in order, and then its end. */
import { expect, test } from "bun:test";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lineOf, textOf } from "../../../src/base/line.ts";
import { BadAddress } from "../../../src/docker/endpoint.ts";
import { hashLine } from "../../../src/docker/stream/resume.ts";
import type { EnrichedEvent } from "../../../src/sensor/enrichment.ts";
import { Feed } from "../../../src/sensor/feed.ts";
import {
  Recording,
  type RecordingOptions,
  recordingAt,
  timeOfPayload,
  withoutAddition,
} from "../../../src/sensor/recording.ts";
import { recordedLines } from "../../support/recordings.ts";
import { temporaryFolder } from "../../support/temporary.ts";

/** Reads a recording through a feed. Returns what was told, in order. */
async function read(bytes: Blob, options: Partial<RecordingOptions> = {}) {
  const told: string[] = [];
  const places: bigint[] = [];
  const { promise: end, resolve: ended } = Promise.withResolvers<void>();
  const progress: (number | undefined)[] = [];
  const events: EnrichedEvent[] = [];
  const feed = new Feed(
    (sink) => new Recording(() => bytes, sink, { maxEventBytes: 4 * 1024 * 1024, ...options }),
    undefined,
    {
      event: (event, line, fingerprint) => {
        events.push(event);
        places.push(fingerprint?.hash ?? -1n);
        told.push(textOf(line));
      },
      malformed: (why) => told.push(`malformed: ${why}`),
      lost: ({ reason }) => told.push(`lost: ${reason}`),
      known: () => told.push("known"),
      skipped: () => told.push("skipped"),
      opened: () => told.push("opened"),
      ended: () => {
        told.push("ended");
        ended();
      },
      flush: () => progress.push(feed.progress),
      connection: () => {},
      snapshotTaken: () => {},
      warning: (warning) => told.push(`warning: ${warning}`),
    },
    { inspect: undefined, skipHealthchecks: false, snapshot: false, identified: () => false },
  );
  await feed.open();
  await end;
  return { told, progress, events, places, feed };
}

test("each line of it is told of, byte for byte, and then its end", async () => {
  const lines = recordedLines("docker-29");
  const { told, progress, feed } = await read(new Blob([lines.join("\n")]));
  expect(told).toEqual(["opened", ...lines, "ended"]);
  expect(progress.at(-1)).toBe(1);
  expect(progress).toEqual(progress.toSorted((a = 0, b = 0) => a - b));
  expect(feed.began).toBeGreaterThan(1_700_000_000_000_000_000n);
});

test("a line that is no event is told of as one, and a long one is cut, as of an engine", async () => {
  const event = (label: string) =>
    `{"Type":"container","Action":"start","Actor":{"ID":"x","Attributes":{"name":"n","l":"${label}"}},"timeNano":5}`;
  const { told, events } = await read(new Blob([`nonsense\n${event("x".repeat(100_000))}\n`]), {
    maxEventBytes: 64 * 1024,
  });
  expect(told[1]).toStartWith("malformed: not JSON");
  expect(events.map(({ falco }) => falco?.cut?.attributes)).toEqual([["l"]]);
  expect(told.at(-1)).toBe("ended");
});

test("what was found out then is believed, and the line is the engine's once more", async () => {
  const line = '{"Type":"container","Action":"start","Actor":{"ID":"x","Attributes":{}},"timeNano":5}';
  const { events, told } = await read(new Blob([`${line.slice(0, -1)},"falco":{"inspected":true}}\n${line}`]));
  expect(events.map(({ falco, forgedFalco }) => [falco, forgedFalco])).toEqual([
    [{ inspected: true }, undefined],
    [undefined, undefined],
  ]);
  expect(told).toEqual(["opened", line, line, "ended"]);
});

test.each([
  ['{"a":1,"falco":{"x":{"y":1}}}', '{"a":1}'],
  ['{"a":{"b":"","falco":"x"},"falco":{}}', '{"a":{"b":"","falco":"x"}}'],
  ['{"a":",\\"falco\\":{}","falco":{"z":",\\"falco\\":{}"}}', '{"a":",\\"falco\\":{}"}'],
  ['{"a":{"b":"","falco":{}},"c":1}', '{"a":{"b":"","falco":{}},"c":1}'],
  ['{"a":1,"falco":{"l":{"k":"","falco":{}}}}', '{"a":1}'],
  ['{"falco":{}}', '{"falco":{}}'],
])("what was added to %s is its last key", (payload, line) => {
  expect(textOf(withoutAddition(lineOf(payload)))).toBe(line);
});

test("an event's time is read where something was added behind it", () => {
  const time = (text: string) => timeOfPayload(lineOf(text));
  expect(time('{"a":{"timeNano":"7"},"timeNano":1795427238966794737}')).toBe(1795427238966794737n);
  expect(time('{"timeNano":5,"falco":{"container":{"created":"9"}}}')).toBe(5n);
  expect(time("nonsense")).toBe(0n);
});

test("closed, it tells no more and has no end", async () => {
  const line = recordedLines("docker-29")[0] ?? "";
  const told: string[] = [];
  const recording = new Recording(() => new Blob([`${line}\n`.repeat(10_000)]), sinkThat(told), {
    maxEventBytes: 1 << 20,
    room: async () => recording.close(),
  });
  await recording.open();
  await Bun.sleep(0);
  expect(told.length).toBeGreaterThan(0);
  expect(told.includes("ended")).toBe(false);
  expect(recording.progress).toBeLessThan(1);
});

function sinkThat(told: string[]) {
  return {
    opened: () => {},
    event: () => told.push("event"),
    known: () => {},
    skipped: () => {},
    malformed: () => {},
    lost: () => {},
    flush: () => {},
    connection: () => {},
    ended: () => told.push("ended"),
  };
}

const event = (name: string) =>
  `{"Type":"container","Action":"start","Actor":{"ID":"x","Attributes":{"name":"${name}"}},"timeNano":5}`;

test("a reader that begins at the place of any event goes on behind it, wherever pieces end and whatever lies between", async () => {
  const long = event("y".repeat(300_000));
  const lines = [event("a"), "", long, "nonsense", "\r", event("b"), `${event("c")}\r`, long, event("d")];
  const bytes = new Blob([lines.join("\n")]);
  const { places, told } = await read(bytes);
  expect(places).toHaveLength(6);
  expect(Number(places.at(-1))).toBeGreaterThanOrEqual(bytes.size);
  const all = told.filter((line) => line.startsWith("{"));
  for (const [i, place] of places.entries()) {
    const rest = await read(bytes, { place: Number(place) });
    expect(rest.told.filter((line) => line.startsWith("{"))).toEqual(all.slice(i + 1));
    expect(rest.places).toEqual(places.slice(i + 1));
  }
});

test("a line that ended processes is passed over, with its place", async () => {
  const [first, bad, last] = ["a", "b", "c"].map(event) as [string, string, string];
  const hash = hashLine(lineOf(bad));
  const trace = { begin: (now: bigint) => now !== hash, end: () => {} };
  const { told, places } = await read(new Blob([[first, bad, last].join("\n")]), { trace });
  expect(told).toEqual(["opened", first, expect.stringMatching(/^lost: .*twice/), last, "ended"]);
  expect(places).toHaveLength(2);
});

test("a file that becomes shorter while it is read is a loss, and an end", async () => {
  const path = join(temporaryFolder(), "events.jsonl");
  writeFileSync(path, `${event("a")}\n`.repeat(10_000));
  let pieces = 0;
  const room = async () => {
    if (pieces++ === 0) truncateSync(path, 1000);
  };
  const { told } = await read(recordingAt(`file://${path}`), { room });
  expect(told.slice(-2)).toEqual(["lost: the recording cannot be read on: it became shorter", "ended"]);
});

test.each([
  ["file://events.jsonl", "a recording's path begins with a slash"],
  ["file:///nowhere/events.jsonl", "there is no such file"],
  ["file:///dev/zero", "it is no file"],
  ["file:///tmp", "it is no file"],
  ["file:///etc/passwd/x", "a part of the path is no folder"],
])("no recording: %s", (address, why) => {
  expect(() => recordingAt(address)).toThrow(BadAddress);
  expect(() => recordingAt(address)).toThrow(why);
});
