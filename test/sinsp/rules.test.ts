/** What --check holds against a rule, as the real engine judges it: each operator on each type of field. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { filterText } from "../../src/cli/rules/filter_text.ts";
import { Ruleset } from "../../src/cli/rules/rules_file.ts";
import { usedBy } from "../../src/cli/rules/used.ts";
import { Random, seedOf } from "../support/random.ts";
import { missing, run, tellIfMissing } from "../support/sinsp.ts";
import { temporaryFolder } from "../support/temporary.ts";

tellIfMissing("rules as a real libsinsp judges them");

const VALUES: Record<string, string> = {
  "docker.type": "x",
  "docker.exec.exitcode": "1",
  "docker.time": "1",
  "docker.container.privileged": "true",
  "docker.container.capadd": "x",
  "docker.container.hostports": "22",
};
const LISTS = ["in", "intersects", "pmatch"];
const OPERATORS = [
  ...[
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "contains",
    "icontains",
    "glob",
    "iglob",
    "startswith",
    "endswith",
    "regex",
  ],
  ...["bcontains", "bstartswith", ...LISTS],
];

const conditions = [
  ...Object.entries(VALUES).flatMap(([field, value]) => [
    `${field} exists`,
    ...OPERATORS.map((operator) => `${field} ${operator} ${LISTS.includes(operator) ? `(${value})` : value}`),
  ]),
  ...["docker.type < 1", "docker.exec.exitcode > abc", "docker.container.hostports in (ssh)", "docker.type >= -1"],
  ...["docker.container.privileged = 1", "docker.exec.exitcode = abc", "docker.exec.exitcode = -1"],
  ...["docker.attributes = x", "docker.attributes[x] = y", "docker.attributes[a b] = x", "docker.type[x] = y"],
  ...["docker.type", "docker.nope = 1", "tolower(docker.type) = x", "docker.type = val(docker.action)"],
  ...["not docker.type = x", "docker.type in x", 'docker.type = "a', "docker.type == (a)", "docker.type <> x"],
  ...["tolower", "b64", "len"].flatMap((each) => Object.keys(VALUES).map((field) => `${each}(${field}) exists`)),
  ...[
    "len(docker.type) > 1",
    "len(docker.type) = x",
    "tolower(docker.container.capadd) in (x)",
    "len(docker.type) glob 1",
  ],
  ...["docker.exec.exitcode = 0x1F", "docker.exec.exitcode > 0x1F", "docker.exec.exitcode = +5", 'docker.time = " 5"'],
  ...["docker.attributes['a b'] exists", "docker.attributes['a]b'] exists", "docker.attributes['a[b'] exists"],
  ...["docker.container.mount[/a] exists", "toupper(docker.attributes[x]) in (a,b)", "docker.exec.exitcode in (0, 1)"],
  ...['docker.type=x and (docker.action=y or docker.status in ("a b", c))', "len(docker.container.capadd) > 1"],
];

/** What a value may be made of, and what may stand around it. */
const PIECES = [
  ..."ab1.!<>=,()[]'\"\\-+:/*?%&|{};#@~^$_é",
  " ",
  "\t",
  "\\x41",
  "\\n",
  "in",
  "not",
  "val(",
  "and",
  "0x1F",
  "1e+3",
];
const FIELDS = [
  "docker.type",
  "docker.attributes[a]",
  "docker.attributes['a b']",
  "tolower(docker.type)",
  "docker.time",
];
const BETWEEN = ["", " ", "  ", "\n"];
/** libsinsp takes a list whose first text has an escape that is none as an empty one: it is better told. */
const READ_AS_EMPTY = /\(\s*(["']).*?\\[^bfnrt \\/]/s;

/** Conditions that are right, nearly, or not at all. */
function written(random: Random): string {
  const one = <T>(of: readonly T[]): T => of[random.below(of.length)] as T;
  const value = (): string => {
    const text = Array.from({ length: 1 + random.below(5) }, () => one(PIECES)).join("");
    return one([text, text, `"${text}"`, `'${text}'`]);
  };
  const check = (): string => {
    const operator = one([...OPERATORS, ...LISTS]);
    const values = Array.from({ length: random.below(4) }, value).join(one([",", ", ", " ,"]));
    const right = LISTS.includes(operator) ? one([`(${values})`, `( ${values} )`, value()]) : value();
    return `${one(FIELDS)}${one(BETWEEN)}${operator}${one(BETWEEN)}${right}`;
  };
  const part = (): string =>
    one([check, check, () => `not ${check()}`, () => `(${check()})`, () => `not(${check()})`])();
  return one([part, part, () => `${part()}${one(BETWEEN)}${one(["and", "or"])}${one(BETWEEN)}${part()}`])();
}

/** A rule of that condition in a file with some lists. */
function rulesetWith(condition: string, lists: Readonly<Record<string, readonly string[]>> = {}): Ruleset {
  const file = join(temporaryFolder(), "rules.yaml");
  const items = Object.entries(lists).map(([list, items]) => ({ list, items }));
  writeFileSync(file, JSON.stringify([...items, { rule: "R", condition, output: "x", source: "docker" }]));
  const ruleset = new Ruleset();
  ruleset.load(file);
  return ruleset;
}

/** What we say. */
const isWell = (ruleset: Ruleset): boolean => ruleset.ours.every((rule) => usedBy(rule, ruleset).problems.length === 0);

/** What libsinsp says: with a filter that it takes it goes on to open an engine, which is not there. */
async function judged(filter: string): Promise<string> {
  const { stderr } = await run({ statefile: "", waitforengine: false }, "-I", "docker:unix:///nowhere/x", filter);
  return stderr.includes("no Docker Engine at unix:///nowhere/x") ? "taken" : stderr;
}

test.skipIf(missing !== undefined)(
  "what is held against a rule is what libsinsp does not take",
  async () => {
    const well = conditions.filter((condition) => isWell(rulesetWith(condition)));
    // All that is well is so together.
    expect(await judged(well.map((condition) => `(${condition})`).join(" or "))).toBe("taken");
    const refused = conditions.filter((condition) => !well.includes(condition)).values();
    const taken: string[] = [];
    await Promise.all(
      Array.from({ length: 3 }, async () => {
        for (const condition of refused) if ((await judged(condition)) === "taken") taken.push(condition);
      }),
    );
    expect(taken).toEqual([]);
    expect(well.length).toBeGreaterThan(40);
  },
  120_000,
);

test.skipIf(missing !== undefined)(
  "what is read of a condition is what libsinsp reads, of any text",
  async () => {
    const random = new Random(seedOf("conditions as libsinsp reads them"));
    const all = Array.from({ length: 3_000 }, () => written(random));
    const well = [...new Set(all)].filter((condition) => isWell(rulesetWith(condition)));
    expect(well.length).toBeGreaterThan(200);
    // All that is well is so together; where it is not, the one that is not is looked for.
    const refused = async (some: readonly string[]): Promise<string[]> => {
      if ((await judged(some.map((each) => `(${each})`).join(" or "))) === "taken") return [];
      if (some.length === 1) return [...some];
      const half = some.length >>> 1;
      return [...(await refused(some.slice(0, half))), ...(await refused(some.slice(half)))];
    };
    expect(await refused(well)).toEqual([]);
    const isIll = (condition: string) => !well.includes(condition) && !READ_AS_EMPTY.test(condition);
    const ill = all.filter(isIll).slice(0, 60).values();
    const taken: string[] = [];
    await Promise.all(
      Array.from({ length: 3 }, async () => {
        for (const condition of ill) if ((await judged(condition)) === "taken") taken.push(condition);
      }),
    );
    expect(taken).toEqual([]);
  },
  120_000,
);

describe.skipIf(missing !== undefined)("a list in the place of its name is what libsinsp takes or does not", () => {
  test.each<[condition: string, items: readonly string[], isTaken: boolean]>([
    ["docker.type in (some, b)", ["x", "a b", "'c d'", '"e=f"', "a<b!"], true],
    ["docker.type in (some)", [], true],
    ["docker.type in ('a(b', some)", ["x"], true],
    ["docker.type = some", ["x"], true],
    ["docker.type in some", ["x"], true],
    ["docker.type in some", ["x", "y"], false],
    ["docker.type = some", ["x", "y"], false],
    ["docker.type = some", [], false],
    ["docker.type in (some)", ["a=b"], false],
    ["docker.type in (some)", ["a(b"], false],
    ["docker.type in (some)", ["it's"], false],
  ])("%s of %j", async (condition, some, isTaken) => {
    const ruleset = rulesetWith(condition, { some });
    expect(isWell(ruleset)).toBe(isTaken);
    expect((await judged(filterText(condition, ruleset))) === "taken").toBe(isTaken);
  });
});
