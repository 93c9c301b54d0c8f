import { afterAll, expect, test } from "bun:test";
import { aptInstall, skipped } from "../support/needs.ts";
import { pairs, realEngines, runPair, wrongs } from "./pairs.ts";

const engines = { dockerd: await realEngines.dockerd.start(), podman: await realEngines.podman.start() };
for (const kind of ["dockerd", "podman"] as const) {
  const engine = engines[kind];
  if (typeof engine === "string")
    skipped(`faults of a real ${kind} beside another engine`, engine, aptInstall(...realEngines[kind].needs));
}
afterAll(async () => {
  for (const engine of Object.values(engines)) if (typeof engine !== "string") await engine.stop();
}, 60_000);

for (const fault of pairs.filter(({ isBaseline, times: [short] }) => !isBaseline && short > 0)) {
  const engine = engines[fault.kind];
  test.skipIf(typeof engine === "string")(
    `${fault.name}: what is lost of it is announced, and the other engine's events all come in time`,
    async () => {
      if (typeof engine === "string") return;
      const [times] = fault.times;
      const tallies = await runPair(fault, engine, times);
      expect(wrongs(fault, tallies, times)).toEqual([]);
    },
    120_000,
  );
}
