/** The examples of docs/rules.md: what they override is there, and what they define keeps to what Falco takes. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Item, isRule, itemsOf, type Rule, rulesetOf, textOf } from "../../../build/rules/file.ts";
import { usedBy } from "../../../src/cli/rules/used.ts";

const text = readFileSync(join(import.meta.dir, "../../../docs/rules.md"), "utf8");
const examples = [...text.matchAll(/^```yaml\n(- .*?)^```$/gms)].flatMap(([, yaml = ""]) => itemsOf(yaml));
const shipped = itemsOf(textOf("docker_rules.yaml"));

type Overriding = Item & { readonly override?: Record<string, string> };

/** What can be overridden, and how (falco 0.38.0: userspace/engine/rule_loader_reader.cpp). */
const OVERRIDABLE: Record<string, readonly string[]> = {
  items: ["append", "replace"],
  condition: ["append", "replace"],
  enabled: ["replace"],
};

describe("an override", () => {
  const overrides = (examples as Overriding[]).filter(({ override }) => override !== undefined);

  test("of each kind is shown", () => {
    const kinds = overrides.flatMap((item) => Object.entries(item.override ?? {}).map((pair) => pair.join(" ")));
    expect(new Set(kinds)).toEqual(new Set(["items append", "items replace", "condition replace", "enabled replace"]));
  });

  test.each(overrides)("%j", ({ override = {}, ...item }) => {
    const [kind, name] = Object.entries(item)[0] ?? [];
    const named = shipped.some((one) => (one as unknown as Record<string, unknown>)[kind ?? ""] === name);
    expect(named).toBe(true);
    for (const [key, how] of Object.entries(override)) {
      expect(OVERRIDABLE[key]).toContain(how);
      expect(Object.keys(item)).toContain(key);
    }
  });
});

test("a rule of one's own is shown", () => {
  const rules = examples.filter((item): item is Rule => isRule(item) && "condition" in item);
  expect(rules.length).toBe(1);
});

test("the rules that ship are well with all examples after them", () => {
  const ruleset = rulesetOf([...shipped, ...examples]);
  expect(ruleset.ours.map((rule) => [rule.name, usedBy(rule, ruleset).problems])).toEqual(
    ruleset.ours.map(({ name }) => [name, []]),
  );
});
