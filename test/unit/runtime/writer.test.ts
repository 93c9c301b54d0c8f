import { expect, test } from "bun:test";
import { bytesOf, type Line, lineOf, textOf } from "../../../src/base/line.ts";
import { type DockerEvent, parseEvent } from "../../../src/docker/event.ts";
import type { Loss } from "../../../src/docker/stream/reader.ts";
import type { Bridge } from "../../../src/ipc/bridge.ts";
import { layout } from "../../../src/ipc/layout.ts";
import { recordBound } from "../../../src/ipc/record_bound.ts";
import type { RingProducer } from "../../../src/ipc/ring.ts";
import { Spool } from "../../../src/runtime/spool.ts";
import { EventWriter } from "../../../src/runtime/writer.ts";

const LOSS = '{"Type":"plugin","Action":"events_lost","Actor":{"ID":"","Attributes":{}},"timeNano":1}';

/** A writer into a ring with so much room, and what came of it. */
function writerInto(room: number, queueBytes = 1 << 20) {
  const written: string[] = [];
  const losses: Loss[] = [];
  const counted: Record<string, number> = {};
  const ring = {
    room,
    write(line: Line, event: DockerEvent, _mark: unknown, addition: string): boolean {
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
  const made = new EventWriter(bridge as unknown as Bridge, ring as unknown as RingProducer, queueBytes, (loss) => {
    losses.push(loss);
    return lineOf(LOSS);
  });
  return { writer: made, ring, written, losses, counted };
}

const event = (name: string, timeNano: number): string =>
  `{"Type":"container","Action":"${name}","Actor":{"ID":"x","Attributes":{}},"timeNano":${timeNano}}`;

function write(into: EventWriter, text: string): void {
  const parsed = parseEvent(text);
  into.write(lineOf(text), parsed, { timeNano: parsed.timeNano, hash: 1n });
}

test("what finds no room in the ring waits, and goes in order", async () => {
  const { writer: out, ring, written, losses } = writerInto(0);
  for (const name of ["a", "b", "c"]) write(out, event(name, 1));
  expect(written).toEqual([]);
  ring.room = layout.RING_BYTES;
  write(out, event("d", 1));
  while (written.length < 4) await Bun.sleep(2);
  expect(written).toEqual(["a", "b", "c", "d"].map((name) => event(name, 1)));
  expect(losses).toEqual([]);
  out.close(true);
});

test("past the queue's bound the newest are dropped, counted, and announced once at their place", async () => {
  const { writer: out, ring, written, losses, counted } = writerInto(0, 1000);
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
  out.close(true);
});

test("an event that no ring could hold is dropped and announced, and stops nobody", async () => {
  const { writer: out, written, losses, counted } = writerInto(layout.RING_BYTES);
  const many = { label: "x".repeat(layout.RING_BYTES) };
  write(out, event("before", 1));
  write(out, event("huge", 2).replace('"Attributes":{}', `"Attributes":${JSON.stringify(many)}`));
  write(out, event("after", 3));
  while (written.length < 3) await Bun.sleep(2);
  expect(written).toEqual([event("before", 1), LOSS, event("after", 3)]);
  expect(counted.dropped).toBe(1);
  expect(losses).toEqual([{ reason: "an event is larger than the ring", since: 2n, until: 2n, count: 1 }]);
  out.close(true);
});

test("an event of an earlier life that no ring could hold stops nobody either", async () => {
  const { writer: out, written, losses, counted } = writerInto(layout.RING_BYTES);
  const many = { label: "x".repeat(layout.RING_BYTES) };
  const huge = event("huge", 2).replace('"Attributes":{}', `"Attributes":${JSON.stringify(many)}`);
  const lines = [event("before", 1), huge, event("behind", 3)].map((text) => `7 ${text}\n`).join("");
  out.restore(new Spool(Buffer.from(lines), () => {}));
  write(out, event("after", 4));
  while (written.length < 4) await Bun.sleep(2);
  expect(written).toEqual([event("before", 1), event("behind", 3), LOSS, event("after", 4)]);
  expect(counted.dropped).toBe(1);
  expect(losses.length).toBe(1);
  out.close(true);
});
