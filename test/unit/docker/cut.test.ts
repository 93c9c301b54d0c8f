import { expect, test } from "bun:test";
import { cutEvent } from "../../../src/docker/cut.ts";
import { parseEvent } from "../../../src/docker/event.ts";

const MAX = 64 * 1024;

function event(attributes: Record<string, string>, action = "start"): string {
  const head = { status: action, id: "c1", from: "alpine", Type: "container", Action: action };
  const text = JSON.stringify({
    ...head,
    Actor: { ID: "c1", Attributes: attributes },
    scope: "local",
    time: 1795427240,
  });
  return `${text.slice(0, -1)},"timeNano":1795427240090068681}`;
}

function cut(line: string) {
  const result = cutEvent(parseEvent(line), Buffer.byteLength(line), MAX);
  return { ...result, event: parseEvent(result.line) };
}

const engine = { image: "alpine", name: "pensive", exitCode: "137", signal: "9" };

const hostile: { name: string; attributes: Record<string, string>; action?: string }[] = [
  { name: "one huge label", attributes: { ...engine, big: "x".repeat(1 << 20) } },
  {
    name: "many tiny labels",
    attributes: { ...Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`l${i}`, ""])), ...engine },
  },
  { name: "a huge name of a label", attributes: { ...engine, ["k".repeat(1 << 20)]: "v" } },
  { name: "escapes that grow", attributes: { ...engine, big: "\u0001".repeat(200_000) } },
  { name: "characters of four bytes", attributes: { ...engine, big: "😀".repeat(100_000) } },
  { name: "a huge image", attributes: { ...engine, image: "i".repeat(1 << 20) } },
  { name: "a huge command", attributes: engine, action: `exec_create: ${"c".repeat(1 << 20)}` },
  {
    name: "a label that is no plain key",
    attributes: JSON.parse(`{"__proto__":"${"x".repeat(100_000)}","name":"pensive","exitCode":"137"}`),
  },
];

test.each(hostile)("$name: the line fits, and what rules need stays", ({ attributes, action }) => {
  const line = event(attributes, action);
  const result = cut(line);
  expect(Buffer.byteLength(result.line)).toBeLessThanOrEqual(MAX);
  expect(result.event.Type).toBe("container");
  expect(result.event.Actor.ID).toBe("c1");
  expect(result.event.timeNano).toBe(1795427240090068681n);
  expect(result.event.Actor.Attributes.name).toBe("pensive");
  expect(result.event.Actor.Attributes.exitCode).toBe("137");
  expect(result.cut.bytes).toBe(Buffer.byteLength(line));
  const kept = result.event.Actor.Attributes;
  const missing = Object.keys(attributes).filter((key) => kept[key] !== attributes[key]);
  expect(result.cut.count).toBe(missing.length);
  for (const key of result.cut.attributes) expect(missing.some((name) => name.startsWith(key))).toBe(true);
});

test("a shortened text is a beginning of the whole one, and no half character ends it", () => {
  const image = "😀".repeat(100_000);
  const short = cut(event({ ...engine, image })).event.Actor.Attributes.image ?? "";
  expect(image.startsWith(short)).toBe(true);
  expect(short.isWellFormed()).toBe(true);
  expect(short.length).toBeGreaterThan(1000);
});
