import { expect, test } from "bun:test";
import { nearest } from "../../../src/base/nearest.ts";

const KNOWN = ["type", "event", "label", "container"];

test.each([
  ["lable", "label"],
  ["events", "event"],
  ["containers", "container"],
  ["colour", undefined],
  ["", undefined],
  ["x".repeat(100_000), undefined],
])("%p is most like %p", (text, meant) => {
  expect(nearest(text, KNOWN)).toBe(meant);
});
