/**
 * What every rules file keeps to, beside what Falco itself asks for: falcosecurity/rules' conventions (CONTRIBUTING, its
 * STYLE_GUIDE) and ours. It is a part of `npm run check`: `bun build/rules/conventions.ts`.
 */
import { errorMessage } from "../../src/base/errors.ts";
import { type Condition, parseCondition, partsOf } from "../../src/cli/rules/condition.ts";
import { usedBy } from "../../src/cli/rules/used.ts";
import { info } from "../../src/plugin/info.ts";
import { tacticTags } from "./attack.ts";
import { notInOldest } from "./condition.ts";
import { type Item, isRule, itemsOf, RULES_FILES, type Rule, rulesetOf, textOf } from "./file.ts";

const LINE_CHARS_MAX = 130;
/** Falco 0.38, the oldest that the plugin runs in. */
const ENGINE_VERSION = "0.40.0";
const KEYS = ["rule", "desc", "condition", "output", "priority", "source", "tags", "enabled"];
const PRIORITIES = ["CRITICAL", "WARNING", "NOTICE", "INFO"];
export const CHAPTERS = ["escape", "command", "exec", "image", "impact", "engine", "sensor"] as const;
const MATURITIES = ["maturity_stable", "maturity_incubating", "maturity_sandbox"];
/** Falco 0.41 and newer append these to each output by themselves. */
const APPENDED = ["docker.container.name", "docker.container.id"];

const EXAMPLE = "docker_example_rules.yaml";
const MAIN = "docker_rules.yaml";
/** Files whose rules have a tag of their own in the place of a chapter's. */
const TAG_OF: Record<string, string> = { "docker_cis_rules.yaml": "cis", "docker_activity_rules.yaml": "activity" };

/** The macro that says what is known and well of what a rule tells. */
export const knownMacro = (rule: string): string =>
  `user_known_${rule
    .toLowerCase()
    .replaceAll("'", "")
    .replaceAll(/[^a-z0-9]+/g, "_")}`;

/** What is wrong in a rules file, each as a person is to read it. */
export function faultsOf(file: string, text: string): string[] {
  const faults: string[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.length > LINE_CHARS_MAX)
      faults.push(`line ${i + 1}: ${line.length} characters; ${LINE_CHARS_MAX} are allowed`);
    if (/\s$|\t/.test(line)) faults.push(`line ${i + 1}: a tab, or a blank at its end`);
  }
  const items = itemsOf(text);
  faults.push(...headFaults(items), ...nameFaults(items));
  const ruleset = rulesetOf(items);
  for (const rule of ruleset.rules.values())
    for (const problem of usedBy(rule, ruleset).problems) faults.push(`${rule.name}: ${problem}`);
  if (file !== EXAMPLE)
    for (const rule of items.filter(isRule))
      for (const fault of ruleFaults(file, rule)) faults.push(`${rule.rule}: ${fault}`);
  return faults;
}

function headFaults([engine, plugins]: readonly Item[]): string[] {
  const wanted: Item[] = [
    { required_engine_version: ENGINE_VERSION },
    { required_plugin_versions: [{ name: info.name, version: info.version }] },
  ];
  return Bun.deepEquals([engine, plugins], wanted) ? [] : [`it begins with ${JSON.stringify(wanted)}`];
}

/** Lists and macros: what they are called, that each is used, and is there before it is. */
function nameFaults(items: readonly Item[]): string[] {
  const faults: string[] = [];
  const lists = new Map<string, boolean>();
  const macros = new Map<string, boolean>();
  const rules = new Set<string>();
  const use = (where: string, text: string) => {
    let condition: Condition;
    try {
      condition = parseCondition(text);
    } catch {
      return; // Of what is none, usedBy tells.
    }
    for (const part of partsOf(condition)) {
      if (part.kind === "macro") {
        if (!macros.has(part.name)) faults.push(`${where}: there is no macro ${part.name} before it`);
        macros.set(part.name, true);
      }
      if (part.kind !== "check") continue;
      for (const what of notInOldest(part)) faults.push(`${where}: ${part.text}: ${what} in ${ENGINE_VERSION}`);
      for (const { text, quoted } of part.values) {
        if (lists.has(text) && quoted) faults.push(`${where}: the list's name ${text} in quotes is only a text`);
        else if (lists.has(text)) lists.set(text, true);
        else if (/^docker_\w+$/.test(text)) faults.push(`${where}: there is no list ${text}`);
      }
    }
  };
  for (const item of items) {
    if ("list" in item) {
      if (!/^docker_[a-z_]+$/.test(item.list)) faults.push(`the list ${item.list} is called docker_…, in lower case`);
      lists.set(item.list, false);
    } else if ("macro" in item) {
      if (!/^(docker|user_known)_[a-z0-9_]+$/.test(item.macro))
        faults.push(`the macro ${item.macro} is called docker_… or user_known_…`);
      if (!/^\(.*\)$/s.test(item.condition.trim())) faults.push(`the macro ${item.macro} stands in parentheses`);
      use(`the macro ${item.macro}`, item.condition);
      macros.set(item.macro, false);
    } else if (isRule(item)) {
      if (rules.has(item.rule)) faults.push(`${item.rule}: it is there twice`);
      rules.add(item.rule);
      use(item.rule, item.condition);
    }
  }
  for (const [name, used] of [...lists, ...macros]) if (!used) faults.push(`nothing uses ${name}`);
  return faults;
}

function ruleFaults(file: string, rule: Rule): string[] {
  const { desc, condition, output, priority, source, tags, enabled } = rule;
  const faults: string[] = [];
  const need = (isWell: boolean, fault: string) => {
    if (!isWell) faults.push(fault);
  };
  const keys = Object.keys(rule);
  need(
    Bun.deepEquals(
      keys,
      KEYS.filter((key) => keys.includes(key)),
    ),
    `its keys come in the order ${KEYS.join(", ")}`,
  );
  const missing = KEYS.filter((key) => key !== "enabled" && !keys.includes(key));
  if (missing.length > 0) return [...faults, `it has no ${missing.join(", ")}`];
  need(/^[A-Z]/.test(rule.rule) && !rule.rule.includes(","), "its name begins with a capital letter, and has no comma");
  need(/^[A-Za-z].*\.$/.test(desc.trim().replaceAll("\n", " ")), "its desc is of whole sentences");
  need(PRIORITIES.includes(priority), `its priority is one of ${PRIORITIES.join(", ")}`);
  need(source === info.eventSource, `its source is ${info.eventSource}`);
  need(enabled === undefined || enabled === false, "enabled is false, or not there");
  need(
    /^[A-Z][^|%]* \| (\w+=%\S+ ?)+$/.test(output.trim()),
    "its output is a sentence and then ` | key=%field key=%field`",
  );
  for (const name of APPENDED)
    need(
      !new RegExp(`%${name.replaceAll(".", "\\.")}(?![.\\w])`).test(output),
      `Falco appends ${name} to its output by itself`,
    );
  const known = knownMacro(rule.rule);
  if (file === MAIN) need(condition.trim().endsWith(`and not ${known}`), `its condition ends in \`and not ${known}\``);
  faults.push(...tagFaults(TAG_OF[file], tags));
  return faults;
}

function tagFaults(own: string | undefined, tags: readonly string[]): string[] {
  const chapters = own === undefined ? CHAPTERS : [own];
  const techniques = tags.filter((tag) => /^T\d/.test(tag));
  const cis = tags.filter((tag) => /^CIS_\d+\.\d+$/.test(tag));
  try {
    const wanted = ["docker", tags[1], tags[2], ...tacticTags(techniques), ...techniques, ...cis];
    const isWell =
      Bun.deepEquals(tags, wanted) &&
      MATURITIES.includes(tags[1] ?? "") &&
      chapters.some((chapter) => tags[2] === `docker_${chapter}`);
    const words = `docker, maturity_…, docker_${chapters.join("|")}, ${wanted.slice(3).join(", ")}`;
    return isWell ? [] : [`its tags are ${words}`];
  } catch (error) {
    return [errorMessage(error)];
  }
}

if (import.meta.main) {
  const faults = RULES_FILES.flatMap((file) => faultsOf(file, textOf(file)).map((fault) => `rules/${file}: ${fault}`));
  for (const fault of faults) console.error(fault);
  process.exit(faults.length === 0 ? 0 : 1);
}
