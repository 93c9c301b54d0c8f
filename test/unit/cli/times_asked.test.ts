import { expect, test } from "bun:test";
import { BadUsage } from "../../../src/cli/args.ts";
import { timeAsked } from "../../../src/cli/events/times_asked.ts";

const NOW = 1_795_427_240_000_000_000n;
const read = (text: string): bigint => timeAsked("since", text, () => NOW);

test.each([
  ["0", 0n],
  ["1795427238", 1_795_427_238_000_000_000n],
  ["1795427238.966794737", 1_795_427_238_966_794_737n],
  ["1795427238.5", 1_795_427_238_500_000_000n],
  ["10m", NOW - 600_000_000_000n],
  ["1h30m", NOW - 5_400_000_000_000n],
  ["1.5h", NOW - 5_400_000_000_000n],
  ["90s", NOW - 90_000_000_000n],
  ["250ms", NOW - 250_000_000n],
  ["999999h", 0n],
  ["2026-11-23T09:47:18Z", 1_795_427_238_000_000_000n],
  ["2026-11-23T09:47:18.966794737Z", 1_795_427_238_966_794_737n],
  ["2026-11-23T10:47:18+01:00", 1_795_427_238_000_000_000n],
  ["2026-11-23T09:47:18.5", BigInt(new Date(2026, 10, 23, 9, 47, 18).getTime()) * 1_000_000n + 500_000_000n],
  ["2026-11-23T09:47", BigInt(new Date(2026, 10, 23, 9, 47).getTime()) * 1_000_000n],
  ["2026-11-23", BigInt(new Date(2026, 10, 23).getTime()) * 1_000_000n],
] as const)("%s is %d", (text, nano) => {
  // A time ago that lies before 1970 is 1970.
  expect(read(text)).toBe(nano < 0n ? 0n : nano);
});

test.each(["", "yesterday", "10x", "-10m", "2026-13-01", "2026-02-30T00:00:00Z", "99999999999"])(
  "%p is no time that an engine could take",
  (text) => {
    expect(() => read(text)).toThrow(BadUsage);
  },
);
