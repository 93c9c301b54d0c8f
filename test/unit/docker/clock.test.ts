import { expect, test } from "bun:test";
import { EngineClock } from "../../../src/docker/clock.ts";

const T = 1_795_427_240_000;
const HOUR = 3_600_000;

/** An engine's clock beside one of ours that only runs forward, and that a test turns. */
function make() {
  let elapsed = 5_000;
  const clock = new EngineClock(() => elapsed, T);
  return {
    clock,
    pass: (ms: number) => {
      elapsed += ms;
    },
  };
}

test("before the engine has said anything our own time stands in, and runs", () => {
  const { clock, pass } = make();
  pass(250);
  expect([clock.now, clock.nowMs, clock.isExact]).toEqual([BigInt(T + 250) * 1_000_000n, T + 250, false]);
});

test("the engine's own time is exact to the nanosecond, however far it is off ours", () => {
  const { clock, pass } = make();
  clock.set(BigInt(T - 3 * HOUR) * 1_000_000n + 7n, T - 3 * HOUR);
  pass(1_000.5);
  expect(clock.now).toBe(BigInt(T - 3 * HOUR + 1_000) * 1_000_000n + 500_007n);
  expect(clock.nowMs).toBeCloseTo(T - 3 * HOUR + 1_000.5, 2);
  expect(clock.isExact).toBe(true);
});

test("a header Date that agrees moves nothing; one that does not is believed", () => {
  const { clock, pass } = make();
  clock.set(BigInt(T + 900) * 1_000_000n, T);
  pass(10_000);
  clock.date(T + 10_000);
  expect([clock.nowMs, clock.isExact]).toEqual([T + 10_900, true]);
  for (const step of [-HOUR, HOUR]) {
    clock.date(T + step);
    expect([clock.nowMs, clock.isExact]).toEqual([T + step, false]);
  }
  clock.date(Number.NaN);
  expect(clock.nowMs).toBe(T + HOUR);
});

test("a first header Date is believed at once", () => {
  const { clock } = make();
  clock.date(T - 1_000);
  expect(clock.nowMs).toBe(T - 1_000);
});

test("a proxy's Date is not the engine's time, but a step of it shows", () => {
  const { clock, pass } = make();
  clock.set(BigInt(T) * 1_000_000n, T + HOUR);
  pass(10_000);
  clock.date(T + HOUR + 10_000);
  expect([clock.nowMs, clock.isExact]).toEqual([T + 10_000, true]);
  clock.date(T + 2 * HOUR + 10_000);
  expect([clock.nowMs, clock.isExact]).toEqual([T + HOUR + 10_000, false]);
});
