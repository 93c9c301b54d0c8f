import { expect, test } from "bun:test";
import { REMEMBERED, Resume, timestamp } from "../../../src/docker/resume.ts";

const SECOND = 1_000_000_000n;
const BEGAN = 1_795_427_240n * SECOND;

test("a stream that knows nothing asks from its beginning", () => {
  expect(new Resume(BEGAN).connecting()).toBe("1795427240.000000000");
  expect(timestamp(BEGAN + 7n)).toBe("1795427240.000000007");
});

test("after a cut it asks from two seconds before the newest, and knows what it had by content", () => {
  const resume = new Resume(BEGAN);
  resume.connecting();
  const mark = { timeNano: BEGAN + 5n * SECOND, hash: 1 };
  expect(resume.isNew(mark)).toBe(true);
  expect(resume.connecting()).toBe("1795427243.000000000");
  expect(resume.overlapped).toBe(false);
  expect(resume.isNew(mark)).toBe(false);
  expect(resume.overlapped).toBe(true);
  // Of the same time, and of an earlier one: others all the same.
  expect(resume.isNew({ ...mark, hash: 2 })).toBe(true);
  expect(resume.isNew({ timeNano: BEGAN + 4n * SECOND, hash: 3 })).toBe(true);
});

test("two equal events are two events while the connection lives", () => {
  const resume = new Resume(BEGAN);
  resume.connecting();
  const mark = { timeNano: BEGAN + 1n, hash: 1 };
  expect([resume.isNew(mark), resume.isNew(mark)]).toEqual([true, true]);
});

test("what is older than the stream is not delivered by who takes it over, and proves that nothing is missing", () => {
  const delivered = { timeNano: BEGAN + SECOND / 2n, hash: 1 };
  const resume = new Resume(BEGAN, [delivered]);
  expect(resume.connecting()).toBe("1795427238.500000000");
  expect(resume.isNew({ timeNano: BEGAN - SECOND, hash: 9 })).toBe(false);
  expect(resume.overlapped).toBe(true);
  expect(resume.isNew(delivered)).toBe(false);
  expect(resume.isNew({ timeNano: BEGAN + SECOND, hash: 2 })).toBe(true);
});

test("an engine whose clock is behind is believed: what comes live is new", () => {
  const resume = new Resume(BEGAN);
  resume.connecting();
  expect(resume.isNew({ timeNano: BEGAN - 60n * SECOND, hash: 1 })).toBe(true);
  expect(resume.isNew({ timeNano: BEGAN - 59n * SECOND, hash: 2 })).toBe(true);
});

test("twice of what an engine keeps is remembered, and no more", () => {
  const resume = new Resume(BEGAN);
  const marks = Array.from({ length: REMEMBERED + 1 }, (_, i) => ({ timeNano: BEGAN + BigInt(i), hash: i }));
  for (const mark of marks) resume.remember(mark);
  resume.connecting();
  expect(resume.isNew(marks[1] as (typeof marks)[0])).toBe(false);
  expect(resume.isNew(marks[0] as (typeof marks)[0])).toBe(true);
});
