/** What we add to an event, and who is believed to have said it. */
import { expect, test } from "bun:test";
import {
  additionOf,
  type Enrichment,
  keepAddition,
  parseEnriched,
  uninspectedOf,
  withMore,
} from "../../../src/sensor/enrichment.ts";

const LINE =
  '{"status":"start","id":"x","from":"alpine","Type":"container","Action":"start","Actor":{"ID":"x","Attributes":{"image":"alpine","name":"n"}},"scope":"local","time":1795427240,"timeNano":1795427240090068681}';

test("what a live line says under our key is not believed, what a capture says is", () => {
  const line = LINE.replace(/\}$/, ',"falco":{"inspected":true,"container":{"privileged":true}}}');
  const live = parseEnriched(line, "engine");
  expect(live.falco).toBeUndefined();
  expect(live.forgedFalco).toBe(true);
  const captured = parseEnriched(line, "capture");
  expect(captured.falco).toEqual({ inspected: true, container: { privileged: true } });
  expect(captured.forgedFalco).toBeUndefined();
});

test("why facts are not there: what the payload says, and off where it says nothing", () => {
  const line = JSON.stringify({ Type: "container", Action: "start", Actor: { ID: "c1", Attributes: {} }, timeNano: 1 });
  const said = (falco: string) => uninspectedOf(parseEnriched(line.replace(/\}$/, `,"falco":${falco}}`), "capture"));
  expect(said('{"inspected":false,"uninspected":"huge"}')).toBe("huge");
  expect(said('{"inspected":false,"uninspected":"a lie"}')).toBeUndefined();
  expect(said('{"inspected":false}')).toBeUndefined();
  expect(said('{"inspected":true}')).toBeUndefined();
  expect(said('{"cut":{"bytes":1,"attributes":[]}}')).toBe("off");
  expect(uninspectedOf(parseEnriched(line, "engine"))).toBe("off");
  expect(uninspectedOf(parseEnriched(line.replace('"container"', '"image"'), "engine"))).toBeUndefined();
});

test.each(["soon", "", "99999999999999999999", "-1"])("a time of a capture that is none is absent: %p", (created) => {
  const falco = JSON.stringify({ inspected: true, container: { created, user: "root" } });
  const event = parseEnriched(LINE.replace(/\}$/, `,"falco":${falco}}`), "capture");
  expect(event.falco).toEqual({ inspected: true, container: { user: "root" } });
});

test("the JSON of what many events have is made once, and what one event adds to it stands in it", () => {
  const known: Enrichment = { inspected: true, container: { user: "root" } };
  const text = JSON.stringify(known);
  expect(keepAddition(known)).toBe(text.length);
  expect(additionOf(known)).toBe(text);
  // It is not made again: a change would not be seen.
  Object.assign(known, { uninspected: "gone" });
  expect(additionOf(known)).toBe(text);
  const engine = { host: "unix:///run/docker.sock" };
  expect(additionOf(withMore(known, { engine }))).toBe(`${text.slice(0, -1)},"engine":${JSON.stringify(engine)}}`);
  // More of more: an exec of a container of an engine.
  const both = withMore(withMore(known, { exec: { user: "" } }), { engine });
  expect(JSON.parse(additionOf(both))).toEqual({ ...JSON.parse(text), exec: { user: "" }, engine });
  expect(both).toEqual({ ...known, exec: { user: "" }, engine });
});

test.each([
  [undefined, { engine: {} }],
  [{}, { inspected: true }],
  [{ inspected: true }, {}],
  [{}, {}],
] as const)("%j with more, %j: the JSON is that of both", (known, more) => {
  const kept = known === undefined ? undefined : { ...known };
  if (kept !== undefined) keepAddition(kept);
  const both = withMore(kept, more);
  expect(both).toEqual({ ...known, ...more });
  expect(JSON.parse(additionOf(both))).toEqual(JSON.parse(JSON.stringify(both)));
});
