/** The tables of docs/rules.md, made from the rules files. */
import { parseCondition } from "../../src/cli/rules/condition.ts";
import { fields } from "../../src/plugin/fields.ts";
import { TECHNIQUES } from "./attack.ts";
import { checksOf } from "./condition.ts";
import { CHAPTERS } from "./conventions.ts";
import type { Rule, RulesFile } from "./file.ts";
import { eventKinds, reachOf, wholeRules } from "./reach.ts";

const MAIN = "docker_rules.yaml";
const CIS = "docker_cis_rules.yaml";
const ACTIVITY = "docker_activity_rules.yaml";

const TITLES: Record<(typeof CHAPTERS)[number], string> = {
  escape: "Escape by configuration",
  command: "Attack commands",
  exec: "Exec and access",
  image: "Images",
  impact: "Impact",
  engine: "Engine and swarm",
  sensor: "The sensor itself",
};

const cell = (text: string): string => text.replaceAll("\n", " ").replaceAll("|", "\\|").trim();
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");

const techniquesOf = ({ tags }: Rule): string[] => tags.filter((tag) => /^T\d/.test(tag));
const itemsOfCis = ({ tags }: Rule): string[] =>
  tags.filter((tag) => tag.startsWith("CIS_")).map((tag) => tag.slice(4));
const sentenceOf = ({ output }: Rule): string => output.split(" | ", 1)[0] ?? "";

const sources = new Map(fields.map(({ name, from }) => [name, from]));

/** What the engine, or a proxy before it, must answer for a rule to see all that it looks for. */
function needsOf({ condition }: Rule): string {
  const asked = checksOf(parseCondition(condition)).flatMap(({ field }) => [
    ...(sources.get(field) ?? "").matchAll(/GET (\/[a-z]+)/g),
  ]);
  return [...new Set(asked.map(([, path]) => `\`${path}\``))].sort().join(" ");
}

const RULE_HEAD = ["rule", "what it sees", "technique", "CIS", "priority", "on", "asks"];

const ruleRow = (rule: Rule): string[] => [
  rule.rule,
  sentenceOf(rule),
  techniquesOf(rule).join(" "),
  itemsOfCis(rule).join(" "),
  rule.priority,
  rule.enabled === false ? "off" : "on",
  needsOf(rule),
];

function rulesMarkdown(): string {
  const rules = wholeRules(MAIN);
  return CHAPTERS.map((chapter) => {
    const own = rules.filter(({ tags }) => tags.includes(`docker_${chapter}`));
    return `### ${TITLES[chapter]}: \`docker_${chapter}\`\n\n${table(RULE_HEAD, own.map(ruleRow))}`;
  }).join("\n\n");
}

function cisMarkdown(): string {
  const rows = wholeRules(CIS).map((rule) => [rule.rule, sentenceOf(rule), needsOf(rule)]);
  return table(["rule", "what it reports", "asks"], rows);
}

function techniquesMarkdown(): string {
  const rules = wholeRules(MAIN);
  const rows = Object.entries(TECHNIQUES).map(([id, { name, tactics, since19 }]) => [
    id,
    since19 ?? id,
    name,
    tactics.join(", "),
    rules
      .filter((rule) => techniquesOf(rule).includes(id))
      .map(({ rule }) => rule)
      .join("; "),
  ]);
  return table(["v18", "v19", "technique", "tactics", "rules"], rows);
}

/** Rules that look at any event of a kind; of a list that is long, only how many they are. */
function eventsMarkdown(): string {
  const [rules, cis] = [wholeRules(MAIN), wholeRules(CIS)];
  const [looks, looksAtCis] = [reachOf(rules), reachOf(cis)];
  const rows = eventKinds().map((kind) => [
    `\`${kind.type}\``,
    `\`${kind.action}\``,
    rules
      .filter(({ rule }) => looks(rule, kind))
      .map(({ rule }) => rule)
      .join("; "),
    String(cis.filter(({ rule }) => looksAtCis(rule, kind)).length || ""),
    kind.rule,
  ]);
  return table(["type", "action", `rules of ${MAIN}`, "CIS rules", `rule of ${ACTIVITY}`], rows);
}

function countsMarkdown(): string {
  const about: readonly (readonly [RulesFile, string])[] = [
    [MAIN, "attacks, ways out of a container, and what blinds the sensor"],
    [CIS, "what falls short of the CIS Docker Benchmark, at the moment of a container's start"],
    [ACTIVITY, "one rule an action: a record of all that happens"],
    ["docker_example_rules.yaml", "the smallest rule, to see it work"],
  ];
  const rows = about.map(([file, what]) => {
    const rules = wholeRules(file);
    const off = rules.filter(({ enabled }) => enabled === false).length;
    return [`[\`${file}\`](rules/${file})`, `${rules.length}${off > 0 ? `, ${off} of them off` : ""}`, what];
  });
  return table(["file", "rules", "what they report"], rows);
}

/** The tables by the name of the mark that they stand at. */
export const ruleTables: Record<string, () => string> = {
  rules: rulesMarkdown,
  cis: cisMarkdown,
  techniques: techniquesMarkdown,
  events: eventsMarkdown,
};

/** The README's: what the rules files are. */
export const readmeRuleTables: Record<string, () => string> = { rulesfiles: countsMarkdown };
