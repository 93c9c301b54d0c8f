import { expect, test } from "bun:test";
import { additionOf, type Enrichment, keepAddition } from "../../../src/sensor/enrichment.ts";
import { Identity } from "../../../src/sensor/identity.ts";

const engine = { host: "tcp://node:2375", name: "node-1" };

test("the identity is added beside what an event has, and its JSON says both", () => {
  const identity = new Identity(engine);
  const kept: Enrichment = { inspected: true };
  keepAddition(kept);
  for (const found of [undefined, {}, kept, { inspected: false, uninspected: "late" } as const]) {
    const both = identity.with(found);
    expect(both).toEqual({ ...found, engine });
    expect(JSON.parse(additionOf(both))).toEqual({ ...found, engine });
  }
});

test("what many events have is joined once with it, and what one has is not kept", () => {
  const identity = new Identity(engine);
  const kept: Enrichment = { inspected: true };
  keepAddition(kept);
  expect(identity.with(kept)).toBe(identity.with(kept));
  expect(identity.with(undefined)).toBe(identity.with(undefined));
  const own = { inspected: false };
  expect(identity.with(own)).not.toBe(identity.with(own));
});
