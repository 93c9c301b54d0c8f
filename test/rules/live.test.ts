/** Attacks, with harmless commands in the place of theirs, on a real engine: the alert of each comes, and at once. */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { itemsOf, type Rule, textOf, writtenOut } from "../../build/rules/file.ts";
import { DOCKERD_NEEDS, Dockerd } from "../support/dockerd.ts";
import { lenientEnvironment } from "../support/lenient.ts";
import { aptInstall, skipped } from "../support/needs.ts";
import { missing, Sinsp, tellIfMissing } from "../support/sinsp.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { CAMPAIGNS } from "./campaigns.ts";
import { hitsOfAll } from "./evaluate.ts";
import { listened, type Performed, perform, recorded } from "./real.ts";
import { ATTACKS, CIS_SCENARIOS, SCENARIOS } from "./scenarios.ts";

const config = { statefile: "", snapshot: false, inspecttimeout: 10_000 };
const FILE = join(temporaryFolder(), "live.scap");

tellIfMissing("attacks on a real engine");
const engine = missing === undefined ? await Dockerd.start([], lenientEnvironment()) : "no libsinsp";
if (missing === undefined && typeof engine === "string")
  skipped("attacks on a real engine", engine, aptInstall(...DOCKERD_NEEDS));
const real = test.skipIf(typeof engine === "string");
const dockerd = engine as Dockerd;
afterAll(() => (typeof engine === "string" ? undefined : engine.stop()), 60_000);

const rules = new Map(
  (["docker_rules.yaml", "docker_cis_rules.yaml"] as const).flatMap((file) =>
    writtenOut(itemsOf(textOf(file))).map((rule) => [rule.rule, rule] as const),
  ),
);
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
    await using sinsp = new Sinsp(config, "-I", `docker:${dockerd.address}`, "-p", format, condition);
    await listened(dockerd, [sinsp]);
    const id = `attack${place}`;
    const began = BigInt(Date.now()) * 1_000_000n;
    await run((...args) => dockerd.docker(...args), id, dockerd);
    const timeOf = (line: string) => BigInt(line.split(" ")[1] ?? 0);
    // A stream begins a little before its open: the attack before this one may be told of by the same rule.
    const line = await sinsp.line((line) => line.startsWith("alert ") && timeOf(line) >= began);
    const late = Date.now() - Number(timeOf(line) / 1_000_000n);
    console.log(`${from}: ${priority} ${line.split(" ").slice(2).join(" ")}\n    (${late} ms after the event)`);
    // Whatever else the machine does: what takes as long as this waits for something.
    expect(late).toBeLessThan(10_000);
  },
  60_000,
);

real(
  "each rule that a real engine can make an event for tells of that",
  async () => {
    const performed = await perform(dockerd, [...SCENARIOS, ...CIS_SCENARIOS], FILE, config);
    const names = new Set(performed.map(({ scenario }) => scenario.rule));
    const hits = await hitsOfAll([...names].map(ruleOf), FILE, config);
    const isTold = ({ scenario, time }: Performed) => hits.get(scenario.rule)?.some((hit) => hit.time === time);
    const untold = performed.filter((one) => !isTold(one));
    expect(untold.map(({ scenario }) => `${scenario.rule}: ${scenario.why}`)).toEqual([]);
  },
  300_000,
);

real(
  "each step of a campaign is told of, in its order",
  async () => {
    const file = join(temporaryFolder(), "campaigns.scap");
    const idOf = (place: number): string => `campaign${place}`;
    const events = await recorded(dockerd, file, config, () => {
      for (const [place, { run }] of CAMPAIGNS.entries())
        run((...args) => dockerd.docker(...args), idOf(place), dockerd);
    });
    const campaignOf = new Map(
      events.map(({ time, event }) => [time, /^campaign\d+/.exec(event.Actor.Attributes.name ?? "")?.[0]]),
    );
    const names = new Set(CAMPAIGNS.flatMap(({ alerts }) => alerts));
    const hits = await hitsOfAll([...names].map(ruleOf), file, config);
    for (const [place, { name, alerts }] of CAMPAIGNS.entries()) {
      let last = 0n;
      const told = alerts.filter((rule) => {
        const own = (hits.get(rule) ?? []).filter(({ time }) => campaignOf.get(time) === idOf(place) && time >= last);
        last = own[0]?.time ?? last;
        return own.length > 0;
      });
      expect([name, told]).toEqual([name, [...alerts]]);
      expect([name, alerts.filter((rule) => ruleOf(rule).enabled === false)]).toEqual([name, []]);
    }
  },
  120_000,
);
