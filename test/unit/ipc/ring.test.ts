/** The writing end of a ring, and what its journal is good for when the writer dies. */
import { expect, test } from "bun:test";
import { lineOf } from "../../../src/base/line.ts";
import { parseEvent } from "../../../src/docker/event.ts";
import type { Bridge } from "../../../src/ipc/bridge.ts";
import { layout } from "../../../src/ipc/layout.ts";
import { RingProducer } from "../../../src/ipc/ring.ts";

const ADDRESSES = ["unix:///a", "unix:///b", "unix:///c"];

/** A ring of the test's own, whose head is what a writer has published. */
function bridge() {
  const header = new ArrayBuffer(layout.RING_DATA);
  const data = new ArrayBuffer(2 * layout.RING_BYTES);
  const ring = { head: 0, ended: false };
  const made = {
    ring: () => ({ header, data, head: ring.head }),
    ringTail: () => 0,
    ringPublish: (_instance: number, head: number) => {
      ring.head = head;
    },
    ringEnd: () => {
      ring.ended = true;
    },
  };
  return { ring, header, bridge: made as unknown as Bridge };
}

const line = '{"Type":"container","Action":"start","Actor":{"ID":"x","Attributes":{}},"timeNano":5}';

function write(producer: RingProducer, hash: bigint, place = 0): void {
  const journal = producer.journals[place]!;
  expect(producer.write(journal, lineOf(line), parseEvent(line), { timeNano: 5n, hash }, "")).toBe(true);
}

/** The hashes of what a writer that comes now knows of an engine. */
const known = (to: Bridge, place = 0, addresses = ADDRESSES): bigint[] | undefined => {
  const producer = new RingProducer(to, 0, addresses);
  return producer.written(producer.journals[place]!)?.fingerprints.map(({ hash }) => hash);
};

/** A writer whose engines' streams have begun. */
function begun(to: Bridge, addresses = ADDRESSES): RingProducer {
  const producer = new RingProducer(to, 0, addresses);
  for (const journal of producer.journals) journal.began = 1n;
  return producer;
}

test("a writer that dies before it published what it wrote leaves a journal that says where the last one stood", () => {
  for (const events of [1, 511, 512, 513, 2000]) {
    const { ring, bridge: to } = bridge();
    const producer = begun(to);
    write(producer, 1n);
    producer.publish();
    for (let i = 2; i <= events; i++) write(producer, BigInt(i));
    const visible = Array.from(new RingProducer(to, 0, ADDRESSES).undelivered()).length;
    expect(visible).toBeGreaterThan(0);
    // What stands in the ring last is what the next one knows as last, however much was written behind it.
    expect(known(to)?.at(-1)).toBe(BigInt(visible));
    expect(ring.head).toBeGreaterThan(0);
  }
});

test("its end comes after all that was written", () => {
  const { ring, bridge: to } = bridge();
  const producer = begun(to);
  write(producer, 1n);
  expect(ring.head).toBe(0);
  producer.end();
  expect(ring.head).toBeGreaterThan(0);
  expect(ring.ended).toBe(true);
});

test("a flood of one engine's events leaves the places of the others as they were", () => {
  const { bridge: to } = bridge();
  const producer = begun(to);
  write(producer, 1n, 0);
  write(producer, 2n, 2);
  for (let i = 0; i < 10_000; i++) write(producer, BigInt(100 + i), 1);
  write(producer, 3n, 2);
  producer.publish();
  expect(known(to, 0)).toEqual([1n]);
  expect(known(to, 1)).toEqual(Array.from({ length: 512 }, (_, i) => BigInt(100 + 10_000 - 512 + i)));
  expect(known(to, 2)).toEqual([2n, 3n]);
});

test("what is in the ring is told with its engine's place, and known again by its engine", () => {
  const { bridge: to } = bridge();
  const producer = begun(to);
  for (const [hash, place] of [7, 8, 9, 10].entries()) write(producer, BigInt(hash + 7), place % 3);
  producer.publish();
  const undelivered = [...producer.undelivered()].map(({ hash, place }) => [hash, place]);
  expect(undelivered).toEqual([
    [7n, 1],
    [8n, 2],
    [9n, 0],
    [10n, 1],
  ]);
  expect(producer.delivered(producer.journals[0]!).fingerprints).toEqual([]);
});

test("what was not visible when its writer died never counts, whatever others write behind it", () => {
  const { bridge: to } = bridge();
  write(begun(to), 1n, 0);
  // The first engine is away, and the second one's events take the place in the ring, and more.
  const second = begun(to);
  for (let i = 0; i < 10; i++) write(second, BigInt(50 + i), 1);
  second.publish();
  expect(known(to, 0)).toEqual([]);
});

test("the place of another engine is empty for one that comes in its stead", () => {
  const { bridge: to } = bridge();
  const producer = begun(to);
  for (const place of [0, 1, 2]) {
    write(producer, BigInt(place + 1), place);
    producer.journals[place]!.snapshotTaken = true;
  }
  producer.publish();
  const others = ["unix:///a", "unix:///other", "unix:///c"];
  expect([0, 1, 2].map((place) => known(to, place, others))).toEqual([[1n], undefined, [3n]]);
  const again = begun(to, others);
  expect(again.journals.map(({ snapshotTaken }) => snapshotTaken)).toEqual([true, false, true]);
  expect(known(to, 1, others)).toEqual([]);
});

test("an engine's place touches no memory of another's", () => {
  const { bridge: to, header } = bridge();
  const producer = begun(to, ["unix:///a"]);
  write(producer, 1n);
  const bytes = new Uint8Array(header);
  const last = bytes.findLastIndex((byte) => byte !== 0);
  // The pages that one engine needs are the first four of 4 KiB, however many engines there may be.
  expect(last).toBeLessThan(4 * 4096);
  expect(layout.RING_JOURNALS + layout.JOURNAL_ENTRIES * layout.JOURNAL_ENTRY_BYTES).toBe(4 * 4096);
});
