/** Two real Docker Engines in one stream. */
import { afterAll, expect, test } from "bun:test";
import { DOCKERD_NEEDS, Dockerd } from "../support/dockerd.ts";
import { type Ask, type Instance, Plugin, type State, type Value } from "../support/host.ts";
import { aptInstall, skipped } from "../support/needs.ts";

const started = [await Dockerd.start(), await Dockerd.start()];
const engines = started.filter((engine) => typeof engine !== "string");
const why = started.find((engine) => typeof engine === "string");
if (why !== undefined) skipped("the test with two real dockerds", why, aptInstall(...DOCKERD_NEEDS));
const real = test.skipIf(why !== undefined);
afterAll(async () => {
  for (const engine of engines) await engine.stop();
}, 60_000);

const ASKS: Ask[] = [
  "docker.engine.host",
  "docker.engine.id",
  "docker.action",
  "docker.attributes.name",
  "docker.container.networkmode",
];

/** What came until an event fits. */
function until(state: State, instance: Instance, fits: (values: Value[]) => boolean): Value[][] {
  const came: Value[][] = [];
  for (const end = performance.now() + 30_000; !came.some(fits); ) {
    if (performance.now() > end) throw new Error(`it never came; came: ${JSON.stringify(came)}`);
    for (const event of instance.nextBatch().events) came.push(state.extract(event, ASKS));
  }
  return came;
}

real(
  "each container's events come with their own engine and its facts, also while the other engine is gone",
  () => {
    const [one, two] = engines as [Dockerd, Dockerd];
    const id = (engine: Dockerd) => engine.docker("info", "--format", "{{.ID}}");
    // Two of one machine may have the same, made of its /etc/docker/key.json.
    const ids = [id(one), id(two)];
    using state = new Plugin().init('{"statefile": ""}');
    using instance = state.open(`${one.address},${two.address}`);
    expect(state.error).toBe("");
    const begin = (engine: Dockerd, name: string) =>
      engine.docker("run", "-d", "--network", "none", "--name", name, "bb:1", "sleep", "600");
    begin(one, "first");
    begin(two, "second");
    const starts = new Map<Value, Value[]>();
    until(state, instance, ([host, engine, action, name, mode]) => {
      if (action === "start") starts.set(host, [engine, name, mode]);
      return starts.size === 2;
    });
    expect([starts.get(one.address), starts.get(two.address)]).toEqual([
      [ids[0], "first", "none"],
      [ids[1], "second", "none"],
    ]);
    one.terminate();
    for (const end = performance.now() + 60_000; state.metrics().engines_connected !== 1; instance.nextBatch())
      if (performance.now() > end) throw new Error("the engine that ends is still connected");
    two.docker("rm", "-f", "second");
    const came = until(state, instance, ([, , action]) => action === "destroy");
    expect(came.every(([host]) => host === two.address)).toBe(true);
  },
  120_000,
);
