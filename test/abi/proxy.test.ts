/** A socket proxy before the engine that lets nothing pass but events and pings. */
import { expect, test } from "bun:test";
import { TestEngine } from "../support/engine.ts";
import { Plugin } from "../support/host.ts";

const COUNT = 50;

test("its events arrive without facts, and say why; what is refused is not said for each", async () => {
  await using engine = await TestEngine.start({ passes: ["/events", "/_ping"] });
  using state = new Plugin().init('{"statefile": "", "inspecttimeout": 5000}');
  using instance = state.open(engine.address);
  expect(state.error).toBe("");
  const nano = BigInt(Date.now()) * 1_000_000n;
  for (let i = 0; i < COUNT; i++) {
    const Actor = { ID: i.toString(16).padStart(64, "a"), Attributes: { image: "bb:1", name: `web-${i}` } };
    const event = JSON.stringify({ Type: "container", Action: "start", Actor, scope: "local", time: 1 });
    await engine.send(`${event.slice(0, -1)},"timeNano":${nano + BigInt(i)}}`);
  }
  const asked = ["docker.action", "docker.attributes.name", "docker.container.uninspected"];
  const came = instance.take(COUNT, (event) => state.extract(event, asked));
  expect(came).toEqual(Array.from({ length: COUNT }, (_, i) => ["start", `web-${i}`, "refused"]));
  const lines = state.logs.map(({ text }) => text);
  expect(lines.filter((line) => line.includes("/containers/json with 403")).length).toBe(1);
  // Nothing is said again for each event.
  expect(lines.length).toBeLessThan(5);
});
