import { expect, test } from "bun:test";
import { bytesOf, type Line, lineOf, textOf } from "../../../src/base/line.ts";
import { type DockerEvent, parseEvent } from "../../../src/docker/event.ts";
import type { Loss } from "../../../src/docker/stream/reader.ts";
import type { Bridge } from "../../../src/ipc/bridge.ts";
import type { Journal } from "../../../src/ipc/journal.ts";
import { layout } from "../../../src/ipc/layout.ts";
import { recordBound } from "../../../src/ipc/record_bound.ts";
import type { RingProducer } from "../../../src/ipc/ring.ts";
import type { Lane } from "../../../src/runtime/lane.ts";
import { Spool } from "../../../src/runtime/spool.ts";
import { EventWriter } from "../../../src/runtime/writer.ts";

const LOSS =
  '{"Type":"plugin","Action":"events_lost","Actor":{"ID":"","Attributes":{}},"scope":"local","time":1,"timeNano":1}';

/** Lanes into a ring with so much room, and what came of it. */
function writerInto(room: number, queueBytes = 1 << 20, lanes = 1) {
  const written: string[] = [];
  const losses: Loss[] = [];
  const counted: Record<string, number> = {};
  const ring = {
    room,
    write(_journal: unknown, line: Line, event: DockerEvent, _mark: unknown, addition: string): boolean {
      const bound = recordBound(bytesOf(line), event, addition, this.room);
      if (bound > this.room) return false;
      this.room -= bound;
      written.push(textOf(line));
      return true;
    },
    publish() {},
    *undelivered() {},
  };
  const bridge = {
    count: (name: string) => {
      counted[name] = (counted[name] ?? 0) + 1;
    },
    gauge() {},
  };
  const writer = new EventWriter(bridge as unknown as Bridge, ring as unknown as RingProducer, queueBytes);
  const all = Array.from({ length: lanes }, () =>
    writer.lane({} as Journal, (loss) => {
      losses.push(loss);
      return parseEvent(LOSS);
    }),
  );
  return { writer, lane: all[0]!, lanes: all, ring, written, losses, counted };
}

const event = (name: string, timeNano: number): string =>
  `{"Type":"container","Action":"${name}","Actor":{"ID":"x","Attributes":{}},"timeNano":${timeNano}}`;

function write(into: Lane, text: string): void {
  const parsed = parseEvent(text);
  into.write(lineOf(text), parsed, { timeNano: parsed.timeNano, hash: 1n });
}

test("what finds no room in the ring waits, and goes in order", async () => {
  const { writer, lane: out, ring, written, losses } = writerInto(0);
  for (const name of ["a", "b", "c"]) write(out, event(name, 1));
  expect(written).toEqual([]);
  ring.room = layout.RING_BYTES;
  write(out, event("d", 1));
  while (written.length < 4) await Bun.sleep(2);
  expect(written).toEqual(["a", "b", "c", "d"].map((name) => event(name, 1)));
  expect(losses).toEqual([]);
  writer.close();
});

test("past the queue's bound the newest are dropped, counted, and announced once at their place", async () => {
  const { writer, lane: out, ring, written, losses, counted } = writerInto(0, 1000);
  for (let i = 0; i < 50; i++) write(out, event(`e${i}`, 100 + i));
  ring.room = layout.RING_BYTES;
  while (!written.includes(LOSS)) await Bun.sleep(2);
  write(out, event("after", 200));
  const kept = written.indexOf(LOSS);
  expect(kept).toBeGreaterThan(3);
  expect(written).toEqual([
    ...Array.from({ length: kept }, (_, i) => event(`e${i}`, 100 + i)),
    LOSS,
    event("after", 200),
  ]);
  expect(counted.dropped).toBe(50 - kept);
  expect(losses).toEqual([
    {
      reason: "Falco was too slow and the queue was full",
      count: 50 - kept,
      since: BigInt(100 + kept),
      until: 149n,
    },
  ]);
  writer.close();
});

test("an event that no ring could hold is dropped and announced, and stops nobody", async () => {
  const { writer, lane: out, written, losses, counted } = writerInto(layout.RING_BYTES);
  const many = { label: "x".repeat(layout.RING_BYTES) };
  write(out, event("before", 1));
  write(out, event("huge", 2).replace('"Attributes":{}', `"Attributes":${JSON.stringify(many)}`));
  write(out, event("after", 3));
  while (written.length < 3) await Bun.sleep(2);
  expect(written).toEqual([event("before", 1), LOSS, event("after", 3)]);
  expect(counted.dropped).toBe(1);
  expect(losses).toEqual([{ reason: "an event is larger than the ring", since: 2n, until: 2n, count: 1 }]);
  writer.close();
});

test("an event of an earlier life that no ring could hold stops nobody either", async () => {
  const { writer, lane: out, written, losses, counted } = writerInto(layout.RING_BYTES);
  const many = { label: "x".repeat(layout.RING_BYTES) };
  const huge = event("huge", 2).replace('"Attributes":{}', `"Attributes":${JSON.stringify(many)}`);
  const lines = [event("before", 1), huge, event("behind", 3)].map((text) => `7 ${text}\n`).join("");
  out.restore(new Spool(Buffer.from(lines), () => {}));
  write(out, event("after", 4));
  while (written.length < 4) await Bun.sleep(2);
  expect(written).toEqual([event("before", 1), event("behind", 3), LOSS, event("after", 4)]);
  expect(counted.dropped).toBe(1);
  expect(losses.length).toBe(1);
  writer.close();
});

const waited = async (what: () => boolean): Promise<void> => {
  while (!what()) await Bun.sleep(2);
};

test("behind a flood of one engine's events those of the others go by turns", async () => {
  const { writer, lanes, ring, written } = writerInto(0, 1 << 20, 3);
  for (let i = 0; i < 1000; i++) write(lanes[0]!, event(`flood${i}`, i));
  for (let i = 0; i < 3; i++) for (const lane of [1, 2]) write(lanes[lane]!, event(`lane${lane}-${i}`, i));
  ring.room = 1e12;
  await waited(() => written.length === 1006);
  const quiet = written.map((text, at) => [/lane\d-\d/.exec(text)?.[0], at] as const).filter(([name]) => name);
  expect(quiet.map(([name]) => name)).toEqual(["lane1-0", "lane2-0", "lane1-1", "lane2-1", "lane1-2", "lane2-2"]);
  expect(quiet.at(-1)?.[1]).toBeLessThan(9);
  expect(written.filter((text) => text.includes("flood"))).toEqual(
    Array.from({ length: 1000 }, (_, i) => event(`flood${i}`, i)),
  );
  writer.close();
});

test("whose turn it was when the ring was full is the first when it has room again", async () => {
  const { writer, lanes, ring, written } = writerInto(0, 1 << 20, 2);
  for (let i = 0; i < 3; i++) for (const lane of [0, 1]) write(lanes[lane]!, event(`lane${lane}`, i));
  const one = recordBound(event("lane0", 1).length, parseEvent(event("lane0", 1)), "");
  for (let room = 1; room <= 6; room++) {
    ring.room = one;
    await waited(() => written.length === room);
  }
  expect(written.map((text) => /lane\d/.exec(text)?.[0])).toEqual([
    "lane0",
    "lane1",
    "lane0",
    "lane1",
    "lane0",
    "lane1",
  ]);
  writer.close();
});

test("who floods drops; the others have room that nobody takes from them", async () => {
  const queueBytes = 100_000;
  const { writer, lanes, ring, written, losses, counted } = writerInto(0, queueBytes, 4);
  for (let i = 0; i < 2000; i++) write(lanes[0]!, event(`flood${i}`, i));
  expect(counted.dropped).toBeGreaterThan(0);
  const dropped = counted.dropped ?? 0;
  // A quarter of the room is for those that need little, in equal parts.
  for (const lane of [1, 2, 3])
    for (let i = 0; i < 40; i++) write(lanes[lane]!, event(`lane${lane}-${i}`.padEnd(12), 5000 + i));
  expect(counted.dropped).toBe(dropped);
  expect(lanes.reduce((all, { queued }) => all + queued, 0)).toBeLessThanOrEqual(queueBytes);
  ring.room = 1e12;
  await waited(() => written.includes(LOSS));
  await waited(() => lanes.every(({ isEmpty }) => isEmpty));
  expect(written.filter((text) => text.includes("lane")).length).toBe(120);
  expect(losses.map(({ count }) => count)).toEqual([dropped]);
  writer.close();
});

test("an engine that has nothing waiting does not wait behind one that has", () => {
  const { writer, lanes, ring, written } = writerInto(0, 1 << 20, 2);
  write(lanes[0]!, event("waits", 1));
  ring.room = 1e12;
  write(lanes[1]!, event("goes", 2));
  expect(written).toEqual([event("goes", 2)]);
  writer.close();
});
