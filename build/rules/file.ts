/** Rules files as data: what is in them, and their conditions with macros and lists written out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { filterText } from "../../src/cli/rules/filter_text.ts";
import { Ruleset } from "../../src/cli/rules/rules_file.ts";

const FOLDER = join(import.meta.dir, "../../rules");

/** The files that ship, in the order in which they are loaded. */
export const RULES_FILES = [
  "docker_rules.yaml",
  "docker_cis_rules.yaml",
  "docker_activity_rules.yaml",
  "docker_example_rules.yaml",
] as const;
export type RulesFile = (typeof RULES_FILES)[number];

export type Rule = {
  readonly rule: string;
  readonly desc: string;
  readonly condition: string;
  readonly output: string;
  readonly priority: string;
  readonly source: string;
  readonly tags: readonly string[];
  readonly enabled?: boolean;
};

/** What a rules file holds, one of these an item. */
export type Item =
  | { readonly required_engine_version: string }
  | { readonly required_plugin_versions: readonly { readonly name: string; readonly version: string }[] }
  | { readonly list: string; readonly items: readonly string[] }
  | { readonly macro: string; readonly condition: string }
  | Rule;

export const pathOf = (file: RulesFile): string => join(FOLDER, file);
export const textOf = (file: RulesFile): string => readFileSync(pathOf(file), "utf8");

/** Reads the items of a rules file; what they hold nobody has checked. */
export const itemsOf = (text: string): Item[] => Bun.YAML.parse(text) as Item[];

export const isRule = (item: Item): item is Rule => "rule" in item;

/** What the tool makes of a rules file. */
export function rulesetOf(items: readonly Item[]): Ruleset {
  const ruleset = new Ruleset();
  ruleset.take(items, "");
  return ruleset;
}

/**
 * The rules with their macros and lists written out, as Falco does before libsinsp compiles a condition. A list or a macro
 * that comes again takes the place of the one before it, wherever that is used.
 * @throws BadCondition
 */
export function writtenOut(items: readonly Item[]): Rule[] {
  const ruleset = rulesetOf(items);
  return items.filter(isRule).map((rule) => ({
    ...rule,
    condition: filterText(rule.condition, ruleset),
    output: rule.output.trim(),
  }));
}
