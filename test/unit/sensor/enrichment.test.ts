/** What we add to an event, and who is believed to have said it. */
import { expect, test } from "bun:test";
import { parseEnriched, uninspectedOf } from "../../../src/sensor/enrichment.ts";

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
