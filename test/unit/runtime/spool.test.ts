import { expect, test } from "bun:test";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bytesOf, textOf } from "../../../src/base/line.ts";
import type { Waiting } from "../../../src/ipc/ring.ts";
import { BadCheckpoint, Checkpoint } from "../../../src/runtime/checkpoint.ts";
import { SPOOL_BYTES_MAX, Spool, timeOf, type Undelivered, writeSpool } from "../../../src/runtime/spool.ts";
import { temporaryFolder } from "../../support/temporary.ts";

const line = (name: string, timeNano: number, more = ""): string =>
  `{"Type":"container","Action":"start","Actor":{"ID":"x","Attributes":{"name":"${name}"${more}}},"timeNano":${timeNano}}`;

function undelivered(events: readonly Waiting[], forgotten = true): Undelivered {
  const [oldest = 0n, newest = oldest] = [events[0], events.at(-1)].map((event) => event && timeOf(event));
  const room = { bytes: SPOOL_BYTES_MAX, until: performance.now() + 10_000 };
  return { count: events.length, oldest, newest, forgotten, room, events };
}

function waiting(text: string, hash?: number, addition = ""): Waiting {
  const buffer = Buffer.from(`..${text}..`);
  const line = { buffer, start: 2, end: buffer.length - 2 };
  return { line, addition, hash: hash === undefined ? undefined : BigInt(hash) };
}

/** Writes a spool, and returns what nobody has any more, and a reader of it. */
function write(what: Undelivered) {
  const path = join(temporaryFolder(), "spool");
  const fd = openSync(path, "w");
  const lost = writeSpool(fd, what);
  closeSync(fd);
  const malformed: string[] = [];
  const spool = new Spool(readFileSync(path), (why) => malformed.push(why));
  return { lost, spool, malformed };
}

function readAll(spool: Spool) {
  const read = [];
  for (let next = spool.peek(); next !== undefined; spool.shift(), next = spool.peek())
    read.push({
      text: textOf(next.line),
      fingerprint: next.fingerprint,
      falco: next.event.falco,
    });
  return read;
}

test("what is written is read again: payload, fingerprint, and what was found out", () => {
  const { lost, spool, malformed } = write(
    undelivered([
      waiting(line("é", 1), 4_294_967_295),
      waiting(line("facts", 2), 0, '{"inspected":false}'),
      waiting(line("ours", 3)),
    ]),
  );
  expect(lost).toBeUndefined();
  expect(spool.fingerprints()).toEqual([
    { timeNano: 1n, hash: 4_294_967_295n },
    { timeNano: 2n, hash: 0n },
  ]);
  expect(readAll(spool)).toEqual([
    { text: line("é", 1), fingerprint: { timeNano: 1n, hash: 4_294_967_295n }, falco: undefined },
    {
      text: line("facts", 2).replace(/\}$/, ',"falco":{"inspected":false}}'),
      fingerprint: { timeNano: 2n, hash: 0n },
      falco: { inspected: false },
    },
    { text: line("ours", 3), fingerprint: undefined, falco: undefined },
  ]);
  expect([malformed, spool.left]).toEqual([[], 0]);
});

test("what is left of a spool is written once more as it was", () => {
  const events = Array.from({ length: 10 }, (_, i) => waiting(line(`n${i}`, i), i % 3 === 0 ? undefined : i));
  const { spool } = write(undelivered(events));
  for (let i = 0; i < 4; i++) {
    spool.peek();
    spool.shift();
  }
  const rest = [...spool.rest()];
  expect(rest.map((event) => [event.hash, timeOf(event)])).toEqual(
    events.slice(4).map((event) => [event.hash, timeOf(event)]),
  );
  const { spool: again } = write(undelivered(rest));
  expect(readAll(again).map(({ text }) => text)).toEqual(events.slice(4).map((_, i) => line(`n${i + 4}`, i + 4)));
});

test("as many fingerprints as a stream remembers, the newest", () => {
  const { spool } = write(undelivered(Array.from({ length: 600 }, (_, i) => waiting(line(`n${i}`, i), i))));
  expect(spool.fingerprints()).toEqual(
    Array.from({ length: 512 }, (_, i) => ({ timeNano: BigInt(i + 88), hash: BigInt(i + 88) })),
  );
});

test("past its bound the newest are left out; what the engine does not keep is counted", () => {
  const huge = waiting(line("huge", 5, `,"label":"${"x".repeat(4 * 1024 * 1024)}"`), 1);
  const fit = Math.floor(SPOOL_BYTES_MAX / bytesOf(huge.line)) - 1;
  const small = Array.from({ length: 300 }, (_, i) => waiting(line(`n${i}`, 100 + i), i));
  const events = [...Array.from({ length: fit + 1 }, () => huge), ...small];
  const { lost, spool } = write(undelivered(events));
  const kept = readAll(spool).length;
  expect(kept).toBeGreaterThanOrEqual(fit);
  expect(kept).toBeLessThanOrEqual(fit + 1);
  expect(lost?.count).toBe(events.length - kept - 256);
  expect(lost?.until).toBe(399n);
  // The engine of the second one has them all.
  expect(write(undelivered(events, false)).lost).toBeUndefined();
  // And one that keeps 256 has as many.
  expect(write({ ...undelivered(events.slice(0, kept + 100)) }).lost).toBeUndefined();
}, 60_000);

test("past its time the newest are left out too", () => {
  const events = Array.from({ length: 300 }, (_, i) => waiting(line(`n${i}`, i), i));
  // The time is looked at between two writes.
  const long = waiting(line("long", 7, `,"label":"${"x".repeat(1024 * 1024)}"`), 7);
  const { lost, spool } = write({ ...undelivered([long, ...events]), room: { bytes: SPOOL_BYTES_MAX, until: 0 } });
  expect([spool.left, lost]).toEqual([0, { count: 45, since: 7n, until: 299n }]);
});

test("several engines share the room: what one has taken, the next one has not", () => {
  const events = Array.from({ length: 300 }, (_, i) =>
    waiting(line(`n${i}`, i, `,"label":"${"x".repeat(10_000)}"`), i),
  );
  const room = { bytes: 2 * 1024 * 1024 + 3_100_000, until: performance.now() + 10_000 };
  const first = write({ ...undelivered(events), room });
  expect([first.lost, readAll(first.spool).length]).toEqual([undefined, 300]);
  const left = room.bytes;
  expect(left).toBeLessThan(2.1 * 1024 * 1024);
  const second = write({ ...undelivered(events), room });
  expect(readAll(second.spool).length).toBeLessThan(250);
  expect(second.lost).toBeUndefined();
  expect(room.bytes).toBeGreaterThanOrEqual(0);
});

test.each(["", "x {}", "- ", "12345678901234567890123 {}", "1 {}", "-{}", `5${line("n", 1)}`])(
  "a line that is none is told and passed over: %p",
  (bad) => {
    const malformed: string[] = [];
    const text = `1 ${line("a", 1)}\n${bad}\n- ${line("b", 2)}\n`;
    const spool = new Spool(Buffer.from(text), (why) => malformed.push(why));
    expect(spool.fingerprints()).toEqual([{ timeNano: 1n, hash: 1n }]);
    expect(readAll(spool).map(({ text: each }) => each)).toEqual([line("a", 1), line("b", 2)]);
    expect(malformed.length).toBe(1);
  },
);

const point = { began: 1_795_427_240_000_000_000n, fingerprints: [{ timeNano: 1n, hash: 1n }] };

test("the state and what was not delivered are one file", () => {
  const file = new Checkpoint(join(temporaryFolder(), "resume"), "unix:///x");
  file.keep(point, 1_000, undelivered([waiting(line("a", 1), 7), waiting(line("b", 2))]));
  const kept = file.read(1_000);
  expect(kept).toMatchObject(point);
  expect(kept?.spooled?.toString()).toBe(`7 ${line("a", 1)}\n- ${line("b", 2)}\n`);
  file.forget();
  expect(file.read(1_000)).toBeUndefined();
});

test("where there is no room for all, the state is kept, and says how many are lost", () => {
  const file = new Checkpoint(join(temporaryFolder(), "resume"), "unix:///x");
  const events = Array.from({ length: 300 }, (_, i) => waiting(line(`n${i}`, 100 + i), i));
  function* full(): Generator<Waiting> {
    yield* events.slice(0, 200);
    throw new Error("ENOSPC");
  }
  file.keep(point, 1_000, { ...undelivered(events), events: full() });
  expect(file.read(1_000)).toEqual({ ...point, pause: 0, lost: { count: 44, since: 100n, until: 399n } });
});

test("a state behind a spool is as bounded as one alone", () => {
  const file = new Checkpoint(join(temporaryFolder(), "resume"), "unix:///x");
  const many = Array.from({ length: 5000 }, (_, i) => ({ timeNano: 2n ** 64n - 1n, hash: BigInt(i) }));
  file.keep({ ...point, fingerprints: many }, 1_000, undelivered([waiting(line("a", 1), 7)]));
  expect(() => file.read(1_000)).toThrow(BadCheckpoint);
});
