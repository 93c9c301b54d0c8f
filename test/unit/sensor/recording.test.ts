/** A recording as a source: all its lines, in order, and then its end. */
import { expect, test } from "bun:test";
import { textOf } from "../../../src/base/line.ts";
import type { EnrichedEvent } from "../../../src/sensor/enrichment.ts";
import { Feed } from "../../../src/sensor/feed.ts";
import { Recording } from "../../../src/sensor/recording.ts";
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
      skipped: () => told.push("skipped"),
      opened: () => told.push("opened"),
      ended: () => told.push("ended"),
      flush: () => progress.push(feed.progress),
      connection: () => {},
      snapshotTaken: () => {},
      warning: (warning) => told.push(`warning: ${warning}`),
    },
    { inspect: undefined, skipHealthchecks: false, snapshot: false, identified: () => false },
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

test("what it says under our key is not believed", async () => {
  const { events } = await read(
    '{"Type":"container","Action":"start","Actor":{"ID":"x","Attributes":{}},"timeNano":5,"falco":{"inspected":true}}',
  );
  expect(events.map(({ falco, forgedFalco }) => [falco, forgedFalco])).toEqual([[{}, true]]);
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
    skipped: () => {},
    malformed: () => {},
    lost: () => {},
    flush: () => {},
    connection: () => {},
    ended: () => told.push("ended"),
  };
}
