import { describe, expect, test } from "bun:test";
import { nanoseconds, timestamp } from "../../../src/base/time.ts";

describe("times in nanoseconds", () => {
  const cases: [time: string, expected: string | undefined][] = [
    ["1970-01-01T00:00:00Z", "0"],
    ["1970-01-01T00:00:00.000000001Z", "1"],
    ["2026-11-23T09:48:09.451457035Z", "1795427289451457035"],
    ["2026-11-23T10:28:24.0476202Z", "1795429704047620200"],
    ["2026-11-23T10:28:24Z", "1795429704000000000"],
    ["2026-11-23T12:28:24.5+02:00", "1795429704500000000"],
    ["2026-11-23T05:58:24.5-04:30", "1795429704500000000"],
    ["1970-01-01T01:00:00+01:00", "0"],
    ["2024-02-29T00:00:00Z", "1709164800000000000"],
    ["2554-07-21T23:34:33.709551615Z", "18446744073709551615"],
    ["2554-07-21T23:34:33.709551616Z", undefined],
    ["9999-12-31T23:59:59.999999999Z", undefined],
    ["0001-01-01T00:00:00Z", undefined],
    ["0075-01-01T00:00:00Z", undefined],
    ["1969-12-31T23:59:59.999999999Z", undefined],
    ["1970-01-01T00:59:59+01:00", undefined],
    ["2023-02-29T00:00:00Z", undefined],
    ["2026-13-01T00:00:00Z", undefined],
    ["2026-11-23T24:00:00Z", undefined],
    ["2026-11-23T10:28:60Z", undefined],
    ["2026-11-23T10:28:24.1234567890Z", undefined],
    ["2026-11-23T10:28:24.Z", undefined],
    ["2026-11-23T10:28:24+24:00", undefined],
    ["2026-11-23T10:28:24", undefined],
    ["2026-11-23 10:28:24Z", undefined],
    ["2026-11-23T10:28:24Z\n", undefined],
    ["", undefined],
  ];
  test.each(cases)("%s", (time, expected) => {
    expect(nanoseconds(time)).toBe(expected as string);
  });
});

test("a time is written with nine digits behind its second", () => {
  expect(timestamp(1_795_427_240_000_000_007n)).toBe("1795427240.000000007");
});
