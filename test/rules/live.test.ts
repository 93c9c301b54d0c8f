/** Attacks, with harmless commands in the place of theirs, on a real engine: the alert of each comes, and at once. */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { itemsOf, type Rule, textOf, writtenOut } from "../../build/rules/file.ts";
import { DOCKERD_NEEDS, Dockerd } from "../support/dockerd.ts";
import { lenientEnvironment } from "../support/lenient.ts";
import { aptInstall, skipped } from "../support/needs.ts";
import { missing, Sinsp, tellIfMissing } from "../support/sinsp.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { hitsOf } from "./evaluate.ts";
import { listened, perform } from "./real.ts";
import { ATTACKS, SCENARIOS } from "./scenarios.ts";

const config = { statefile: "", snapshot: false, inspecttimeout: 10_000 };
const FILE = join(temporaryFolder(), "live.scap");

tellIfMissing("attacks on a real engine");
const engine = missing === undefined ? await Dockerd.start([], lenientEnvironment()) : "no libsinsp";
if (missing === undefined && typeof engine === "string")
  skipped("attacks on a real engine", engine, aptInstall(...DOCKERD_NEEDS));
const real = test.skipIf(typeof engine === "string");
const dockerd = engine as Dockerd;
afterAll(() => (typeof engine === "string" ? undefined : engine.stop()), 60_000);

const rules = new Map(writtenOut(itemsOf(textOf("docker_rules.yaml"))).map((rule) => [rule.rule, rule]));
const ruleOf = (name: string): Rule => {
  const rule = rules.get(name);
  if (rule === undefined) throw new Error(`there is no rule ${name}`);
  return rule;
};

real.each(ATTACKS.map((attack, place) => ({ ...attack, place })))(
  "$from: $why: $rule",
  async ({ rule, run, place, from }) => {
    const { condition, output, priority } = ruleOf(rule);
    const format = `*alert %evt.rawtime ${output}`;
    await using sinsp = new Sinsp(config, "-I", `docker:${dockerd.address}`, "-n", "1", "-p", format, condition);
    await listened(dockerd, [sinsp]);
    const id = `attack${place}`;
    await run((...args) => dockerd.docker(...args), id, dockerd);
    const line = await sinsp.line((line) => line.startsWith("alert "));
    const late = Date.now() - Number(BigInt(line.split(" ")[1] ?? 0) / 1_000_000n);
    console.log(`${from}: ${priority} ${line.split(" ").slice(2).join(" ")}\n    (${late} ms after the event)`);
    await sinsp.end;
    // Whatever else the machine does: what takes as long as this waits for something.
    expect(late).toBeLessThan(10_000);
  },
  60_000,
);

real(
  "each rule that a real engine can make an event for tells of that",
  async () => {
    const performed = await perform(dockerd, SCENARIOS, FILE, config);
    const untold: string[] = [];
    for (const { scenario, time } of performed) {
      const hits = await hitsOf(ruleOf(scenario.rule), FILE, config);
      if (!hits.some((hit) => hit.time === time)) untold.push(`${scenario.rule}: ${scenario.why}`);
    }
    expect(untold).toEqual([]);
  },
  300_000,
);
