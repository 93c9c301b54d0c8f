/** The writing end of a ring, and what its journal is good for when the writer dies. */
import { expect, test } from "bun:test";
import { lineOf } from "../../../src/base/line.ts";
import { parseEvent } from "../../../src/docker/event.ts";
import type { Bridge } from "../../../src/ipc/bridge.ts";
import { layout } from "../../../src/ipc/layout.ts";
import { RingProducer } from "../../../src/ipc/ring.ts";

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
  return { ring, bridge: made as unknown as Bridge };
}

const line = '{"Type":"container","Action":"start","Actor":{"ID":"x","Attributes":{}},"timeNano":5}';

function write(producer: RingProducer, hash: bigint): void {
  expect(producer.write(lineOf(line), parseEvent(line), { timeNano: 5n, hash }, "")).toBe(true);
}

test("a writer that dies before it published what it wrote leaves a journal that says where the last one stood", () => {
  for (const events of [1, 511, 512, 513, 2000]) {
    const { ring, bridge: to } = bridge();
    const producer = new RingProducer(to, 0);
    producer.began = 1n;
    write(producer, 1n);
    producer.publish();
    for (let i = 2; i <= events; i++) write(producer, BigInt(i));
    const visible = Array.from(new RingProducer(to, 0).undelivered()).length;
    expect(visible).toBeGreaterThan(0);
    // What stands in the ring last is what the next one knows as last, however much was written behind it.
    expect(new RingProducer(to, 0).written?.fingerprints.at(-1)?.hash).toBe(BigInt(visible));
    expect(ring.head).toBeGreaterThan(0);
  }
});

test("its end comes after all that was written", () => {
  const { ring, bridge: to } = bridge();
  const producer = new RingProducer(to, 0);
  producer.began = 1n;
  write(producer, 1n);
  expect(ring.head).toBe(0);
  producer.end();
  expect(ring.head).toBeGreaterThan(0);
  expect(ring.ended).toBe(true);
});
