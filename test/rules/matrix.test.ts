/** Each rule over each case, in a real libsinsp: what matches, and that nothing else does. */
import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Item, isRule, itemsOf, RULES_FILES, type Rule, textOf, writtenOut } from "../../build/rules/file.ts";
import { reachOf } from "../../build/rules/reach.ts";
import { missing, tellIfMissing } from "../support/sinsp.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { captureCases, cases, placeOf } from "./cases.ts";
import { type Hit, hitsOf, hitsOfAll } from "./evaluate.ts";

tellIfMissing("the rules in a real libsinsp");

const config = { statefile: "", snapshot: false, inspecttimeout: 10_000 };
const CAPTURE = join(temporaryFolder(), "cases.scap");
const EXAMPLE = "docker_example_rules.yaml";
const PRIORITIES = ["EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"];

const files = RULES_FILES.map((file) => ({ file, items: itemsOf(textOf(file)) }));
const rulesOf = (items: readonly Item[]): Rule[] => items.filter(isRule);
const all = cases();
const places = new Map(all.map(({ at }, place) => [at, place]));
/** Which file a rule is in: what is expected of a case is said for the rules of its own rule's file. */
const fileOf = new Map(files.flatMap(({ file, items }) => rulesOf(items).map(({ rule }) => [rule, file])));

/** The rules that match a case, by its place. */
const matched: Set<string>[] = all.map(() => new Set());
const outputs = new Map<string, Hit[]>();

const real = describe.skipIf(missing !== undefined);

beforeAll(async () => {
  if (missing !== undefined) return;
  await captureCases(all, CAPTURE, config);
  for (const [rule, hits] of await hitsOfAll(
    files.flatMap(({ items }) => writtenOut(items)),
    CAPTURE,
    config,
  )) {
    outputs.set(rule, hits);
    for (const { time } of hits) matched[placeOf(time)]?.add(rule);
  }
}, 300_000);

test("each case is about a rule that there is", () => {
  expect(all.flatMap(({ rule, also = [] }) => [rule, ...also]).filter((rule) => !fileOf.has(rule))).toEqual([]);
});

test("each rule has two cases that match and two near misses", () => {
  // Of the activity an event is told by one rule, so that each case of another is a near miss.
  const rules = [...fileOf].filter(([, file]) => !["docker_activity_rules.yaml", EXAMPLE].includes(file));
  const lacking = rules.map(([rule]) => {
    const own = all.filter((one) => one.rule === rule);
    const matching = own.filter(({ match }) => match).length;
    return { rule, matching, near: own.length - matching };
  });
  expect(lacking.filter(({ matching, near }) => matching < 2 || near < 2)).toEqual([]);
});

real("in libsinsp", () => {
  test("the rules that match a case are those that it names", () => {
    const wrong = all.flatMap(({ at, rule, match, why, also = [], override }, place) => {
      const wanted = new Set([...(match && override === undefined ? [rule] : []), ...also]);
      const got = [...(matched[place] ?? [])].filter((name) => fileOf.get(name) === fileOf.get(rule));
      const more = got.filter((name) => !wanted.has(name));
      const less = [...wanted].filter((name) => !got.includes(name));
      return more.length + less.length === 0 ? [] : [{ at, rule, match, why, more, less }];
    });
    expect(wrong).toEqual([]);
  });

  test("what overrides a list or a macro does what its cases say", async () => {
    const overriding = all.filter(({ override }) => override !== undefined);
    expect(overriding.length).toBeGreaterThan(0);
    for (const { at, rule, override, match } of overriding) {
      const { items = [] } = files.find(({ file }) => file === fileOf.get(rule)) ?? {};
      const overridden = writtenOut([...items, ...(override as Item[])]).find((one) => one.rule === rule);
      const hits = await hitsOf(overridden as Rule, CAPTURE, config);
      expect([at, hits.some(({ time }) => placeOf(time) === places.get(at))]).toEqual([at, match]);
    }
  }, 60_000);

  test("the first rule that matches, which Falco tells of alone, is one of the gravest", () => {
    for (const { file, items } of files) {
      if (file === "docker_activity_rules.yaml") continue;
      const rules = rulesOf(items).filter(({ enabled }) => enabled !== false);
      for (const [place, names] of matched.entries()) {
        const graves = rules.filter(({ rule }) => names.has(rule)).map(({ priority }) => PRIORITIES.indexOf(priority));
        expect([all[place]?.at, graves[0]]).toEqual([
          all[place]?.at,
          graves.length === 0 ? undefined : Math.min(...graves),
        ]);
      }
    }
  });

  test("each campaign is told of as something to act on", () => {
    const priorities = new Map(
      files.flatMap(({ items }) => rulesOf(items).map(({ rule, priority }) => [rule, priority])),
    );
    const campaigns = Map.groupBy(
      all.flatMap((one, place) => (one.campaign === undefined ? [] : [{ campaign: one.campaign, place }])),
      ({ campaign }) => campaign,
    );
    expect(campaigns.size).toBeGreaterThan(10);
    for (const [campaign, events] of campaigns) {
      const alerts = events.flatMap(({ place }) => [...(matched[place] ?? [])]).map((rule) => priorities.get(rule));
      expect([campaign, alerts.includes("CRITICAL") || alerts.includes("WARNING")]).toEqual([campaign, true]);
    }
  });

  test("docs/rules.md tells of each event that a rule matches", () => {
    const kindOf = ({ event: { Type: type = "container", Action } }: (typeof all)[number]) => ({
      type: String(type),
      action: String(Action).replace(/:.*/s, ""),
    });
    const looks = reachOf(files.flatMap(({ items }) => writtenOut(items)));
    const untold = all.flatMap((one, place) =>
      [...(matched[place] ?? [])].filter((rule) => !looks(rule, kindOf(one))).map((rule) => [one.at, rule]),
    );
    expect(untold).toEqual([]);
  });

  test("each output is whole", () => {
    for (const [rule, hits] of outputs)
      for (const { output } of hits) expect([rule, output.includes("%docker")]).toEqual([rule, false]);
  });
});
