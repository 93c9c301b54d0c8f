import { expect, test } from "bun:test";
import { Outage } from "../../../../src/docker/stream/outage.ts";

test("an outage is told of again at growing intervals, at last once an hour", () => {
  const outage = new Outage(0);
  const told: number[] = [];
  for (let second = 1; second <= 6 * 3_600; second++) if (outage.isDue(second * 1000)) told.push(second);
  const gaps = told.map((second, i) => second - (told[i - 1] ?? 0));
  expect(gaps).toEqual([10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600, 3_600, 3_600]);
});
