/** A recording as a source: all its lines, in order, and then its end. */
import { expect, test } from "bun:test";
import { lineOf, textOf } from "../../../src/base/line.ts";
import type { EnrichedEvent } from "../../../src/sensor/enrichment.ts";
import { Feed } from "../../../src/sensor/feed.ts";
import { Recording, timeOfPayload, withoutAddition } from "../../../src/sensor/recording.ts";
import { recordedLines } from "../../support/recordings.ts";

/** Reads a recording through a feed. Returns what was told, in order. */
async function read(text: string, maxEventBytes = 4 * 1024 * 1024) {
  const told: string[] = [];
  const progress: (number | undefined)[] = [];
  const events: EnrichedEvent[] = [];
  const feed = new Feed(
    (sink) => new Recording(Buffer.from(text), sink, maxEventBytes),
    undefined,
    {
      event: (event, line) => {
        events.push(event);
        told.push(textOf(line));
      },
      malformed: (why) => told.push(`malformed: ${why}`),
      lost: ({ reason }) => told.push(`lost: ${reason}`),
      known: () => told.push("known"),
      opened: () => told.push("opened"),
      ended: () => told.push("ended"),
      flush: () => progress.push(feed.progress),
      connection: () => {},
      snapshotTaken: () => {},
      warning: (warning) => told.push(`warning: ${warning}`),
    },
    { inspect: undefined, snapshot: false, identified: () => false },
  );
  await feed.open();
  return { told, progress, events, feed };
}

test("each line of it is told of, byte for byte, and then its end", async () => {
  const lines = recordedLines("docker-29");
  const { told, progress, feed } = await read(lines.join("\n"));
  expect(told).toEqual(["opened", ...lines, "ended"]);
  expect(progress.at(-1)).toBe(1);
  expect(progress).toEqual(progress.toSorted((a = 0, b = 0) => a - b));
  expect(feed.began).toBeGreaterThan(1_700_000_000_000_000_000n);
});

test("a line that is no event is told of as one, and a long one is cut, as of an engine", async () => {
  const event = (label: string) =>
    `{"Type":"container","Action":"start","Actor":{"ID":"x","Attributes":{"name":"n","l":"${label}"}},"timeNano":5}`;
  const { told, events } = await read(`nonsense\n${event("x".repeat(100_000))}\n`, 64 * 1024);
  expect(told[1]).toStartWith("malformed: not JSON");
  expect(told.slice(2, 3)).toEqual(["known"]);
  expect(events.map(({ falco }) => falco?.cut?.attributes)).toEqual([["l"]]);
  expect(told.at(-1)).toBe("ended");
});

test("what was found out then is believed, and the line is the engine's once more", async () => {
  const line = '{"Type":"container","Action":"start","Actor":{"ID":"x","Attributes":{}},"timeNano":5}';
  const { events, told } = await read(`${line.slice(0, -1)},"falco":{"inspected":true}}\n${line}`);
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
  const recording = new Recording(Buffer.from(`${line}\n`.repeat(10_000)), sinkThat(told), 1 << 20);
  const done = recording.open();
  recording.close();
  await done;
  expect(told.includes("ended")).toBe(false);
  expect(recording.progress).toBeLessThan(1);
});

function sinkThat(told: string[]) {
  return {
    opened: () => {},
    event: () => told.push("event"),
    known: () => {},
    malformed: () => {},
    lost: () => {},
    flush: () => {},
    connection: () => {},
    ended: () => told.push("ended"),
  };
}
