import { expect, test } from "bun:test";
import { TestEngine } from "./engine.ts";
import { Plugin, rc } from "./host.ts";

test("first", async () => {
  await using engine = await TestEngine.start();
  const plugin = new Plugin();
  using state = plugin.init('{"flushinterval": 0}');
  expect(state.error).toBe("");
  expect(state.rc).toBe(rc.success);
  using instance = state.open(engine.address);
  expect(state.error).toBe("");
  expect(instance.rc).toBe(rc.success);
  const line =
    '{"status":"create","id":"x","from":"alpine","Type":"container","Action":"create","Actor":{"ID":"x","Attributes":{"image":"alpine","name":"n"}},"scope":"local","time":1795427240,"timeNano":1795427240090068681}';
  await engine.send(line);
  const got = instance.take(1, (e) => ({
    p: e.payload,
    ts: e.ts,
    v: state.extract(e, ["docker.status", "docker.attributes.name", "docker.attributes.signal"]),
    s: state.toText(e),
  }));
  console.log(got, state.metrics(), state.logs, state.listOpenParams());
  const t0 = performance.now();
  console.log(state.extract(state.foreign(line), ["docker.status", "docker.from"]), performance.now() - t0);
});
