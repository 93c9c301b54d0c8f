import { expect, test } from "bun:test";
import { filterQuery } from "../../../src/docker/filters.ts";

test("filters are sets, in a query", () => {
  expect(filterQuery({})).toBe("");
  expect(filterQuery({ type: [] })).toBe("");
  const query = filterQuery({ type: ["container", "image"], label: ["a=b&c d"], event: [] });
  expect(query).toStartWith("filters=%7B");
  expect(JSON.parse(new URLSearchParams(query).get("filters") ?? "")).toEqual({
    type: { container: true, image: true },
    label: { "a=b&c d": true },
  });
});
