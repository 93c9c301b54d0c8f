/** Rules files as data: what is in them, and their conditions with macros and lists written out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dir, "../../rules");

/** The files that ship, in the order in which they are loaded. */
export const RULES_FILES = [
  "docker_rules.yaml",
  "docker_cis_rules.yaml",
  "docker_activity_rules.yaml",
  "docker_example_rules.yaml",
] as const;
export type RulesFile = (typeof RULES_FILES)[number];

export interface Rule {
  readonly rule: string;
  readonly desc: string;
  readonly condition: string;
  readonly output: string;
  readonly priority: string;
  readonly source: string;
  readonly tags: readonly string[];
  readonly enabled?: boolean;
}

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

/** A quoted text, or a bare word that could be the name of a list or a macro. */
const WORD = /'[^']*'|"[^"]*"|(?<![\w.[/-])[a-z_]\w*(?![\w.[/-])/g;

/** An element of a list as Falco writes it into a condition (falco 0.44: userspace/engine/rule_loader_compiler.cpp). */
const quoted = (item: string): string => (item.includes(" ") && !/^['"]/.test(item) ? `"${item}"` : item);

/**
 * The rules with their macros and lists written out, as Falco does before libsinsp sees a condition. A list or a macro
 * that comes again takes the place of the one before it, wherever that is used.
 */
export function writtenOut(items: readonly Item[]): Rule[] {
  const lists = new Map<string, string>();
  const macros = new Map<string, string>();
  for (const item of items) {
    if ("list" in item) lists.set(item.list, item.items.map((each) => quoted(String(each))).join(", "));
    if ("macro" in item) macros.set(item.macro, `(${item.condition.trim()})`);
  }
  const expand = (text: string): string =>
    text.replaceAll(WORD, (word) => {
      const known = macros.get(word) ?? lists.get(word);
      return known === undefined ? word : expand(known);
    });
  return items.filter(isRule).map((rule) => ({
    ...rule,
    condition: expand(rule.condition).trim(),
    output: rule.output.trim(),
  }));
}
