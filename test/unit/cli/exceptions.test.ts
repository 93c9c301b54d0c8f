/** The exceptions of rules, as Falco writes them into the condition. */
import { expect, test } from "bun:test";
import { Ruleset } from "../../../src/cli/rules/rules_file.ts";
import { usedBy } from "../../../src/cli/rules/used.ts";

const CONDITION = "docker.action = start or docker.action = die";

/** The rule that some documents make, each an item of it. */
function ruleOf(...items: readonly string[]): { condition: string; problems: readonly string[] } {
  const ruleset = new Ruleset();
  ruleset.take([{ list: "known", items: ["a", "b c"] }], "lists.yaml");
  for (const item of items)
    ruleset.take([{ rule: "R", source: "docker", output: "x", ...(Bun.YAML.parse(item) as object) }], "rules.yaml");
  const rule = ruleset.rules.get("R");
  if (rule === undefined) throw new Error("no rule");
  return { condition: rule.condition, problems: usedBy(rule, ruleset).problems };
}

const rule = (exceptions: string) => `{condition: ${CONDITION}, exceptions: ${exceptions}}`;

test.each([
  ["none", "[]", CONDITION],
  ["one without values", "[{name: e, fields: [docker.type]}]", CONDITION],
  [
    "one field",
    "[{name: e, fields: docker.image.repository, values: [a, known, 'b c', '\"d e\"', 5]}]",
    `(${CONDITION}) and not (docker.image.repository in (a, known, "b c", "d e", 5))`,
  ],
  [
    "one field with its comparison",
    "[{name: e, fields: docker.container.capadd, comps: intersects, values: [ALL]}]",
    `(${CONDITION}) and not (docker.container.capadd intersects (ALL))`,
  ],
  [
    "several fields, which are compared by = where nothing is said",
    "[{name: e, fields: [docker.type, docker.id], values: [[a, b], ['c d', e]]}]",
    `(${CONDITION}) and not ((docker.type = a and docker.id = b) or (docker.type = "c d" and docker.id = e))`,
  ],
  [
    "several fields, each with its comparison, and lists in the place of a value",
    "[{name: e, fields: [docker.type, docker.id, docker.from], comps: [startswith, in, in], values: [[a, known, [x, 'y z']]]}]",
    `(${CONDITION}) and not ((docker.type startswith a and docker.id in (known) and docker.from in (x, "y z")))`,
  ],
  [
    "two of them",
    "[{name: e, fields: docker.type, values: [a]}, {name: f, fields: docker.id, comps: pmatch, values: [b]}]",
    `(${CONDITION}) and not (docker.type in (a)) and not (docker.id pmatch (b))`,
  ],
])("%s", (_, exceptions, condition) => {
  expect(ruleOf(rule(exceptions))).toEqual({ condition, problems: [] });
});

const ONE = rule("[{name: e, fields: docker.type, values: [a]}]");

test.each([
  ["values are appended", [ONE, "{append: true, exceptions: [{name: e, values: [b]}]}"], "docker.type in (a, b)"],
  [
    "values are appended by override",
    [ONE, "{override: {exceptions: append}, exceptions: [{name: e, values: [b]}]}"],
    "docker.type in (a, b)",
  ],
  [
    "another one replaces it",
    [ONE, "{override: {exceptions: replace}, exceptions: [{name: f, fields: docker.id, values: [b]}]}"],
    "docker.id in (b)",
  ],
])("%s", (_, items, excepted) => {
  expect(ruleOf(...items)).toEqual({ condition: `(${CONDITION}) and not (${excepted})`, problems: [] });
});

test("what is appended to the condition stands before its exceptions", () => {
  expect(ruleOf(ONE, "{append: true, condition: and docker.id = x}").condition).toBe(
    `(${CONDITION} and docker.id = x) and not (docker.type in (a))`,
  );
  expect(ruleOf(ONE, "{enabled: false}").condition).toContain("and not (docker.type in (a))");
});

test("a rule that is defined anew has none of the old ones", () => {
  expect(ruleOf(ONE, "{condition: docker.type = x}").condition).toBe("docker.type = x");
});

test.each([
  ["[{fields: docker.type, values: [a]}]", /an exception is a map with a name/],
  ["[{name: e, values: [a]}]", /the exception e: it has no fields/],
  ["[{name: e, fields: docker.type, comps: startswith, values: [a]}]", /one of intersects, in, pmatch/],
  ["[{name: e, fields: docker.type, values: [[a]]}]", /its values are a list of texts/],
  ["[{name: e, fields: docker.type, values: a}]", /its values are no list/],
  ["[{name: e, fields: [docker.type, docker.id], comps: [in], values: []}]", /needs a list of 2 comps/],
  ["[{name: e, fields: [docker.type], comps: [is], values: [[a]]}]", /"is" compares nothing/],
  ["[{name: e, fields: [docker.type, docker.id], values: [[a]]}]", /each of its values is a list of 2/],
  ["[{name: e, fields: docker.tpye}]", /there is no field docker\.tpye .*did you mean docker\.type/],
  ["[{name: e, fields: docker.container.privileged, values: [yes please]}]", /"yes please" is not true or false/],
])("%s is said", (exceptions, words) => {
  expect(ruleOf(rule(exceptions)).problems).toEqual([expect.stringMatching(words)]);
});

test("fields of an exception that is there cannot be added", () => {
  const { problems } = ruleOf(ONE, "{append: true, exceptions: [{name: e, fields: docker.id, values: [b]}]}");
  expect(problems).toEqual(["the exception e is there: more values may be added to it, and nothing else"]);
});
