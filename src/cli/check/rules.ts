/** Whether the rules for Docker events use fields that are there, as they are. */
import { compareVersions } from "../../docker/api_version.ts";
import { readConfig } from "../../plugin/config.ts";
import { info } from "../../plugin/info.ts";
import { BadRules, type Rule, Ruleset } from "../rules/rules_file.ts";
import { type Use, usedBy } from "../rules/used.ts";
import { OLDEST } from "./engine.ts";
import { bad, type Finding, good, unknown } from "./finding.ts";

/** What is known of where the events come from. */
export interface Sent {
  /** The engine's API; undefined where it is not known. */
  readonly apiVersion: string | undefined;
  /** Falco's `init_config`, as JSON text. */
  readonly initConfig: string;
}

const isInspected = (name: string): boolean =>
  (name.startsWith("docker.container.") && !/\.(id|name|uninspected)$/.test(name)) ||
  /^docker\.exec\.(user|privileged|tty)$/.test(name);

/** Why a field is never there; undefined where it may be. */
function neverThere({ field }: Use, { apiVersion, initConfig }: Sent): string | undefined {
  // Of an engine that is too old for all of them more is said elsewhere.
  const isNewer = field.since !== OLDEST && apiVersion !== undefined && compareVersions(field.since, apiVersion) > 0;
  if (isNewer) return `the engine speaks API ${apiVersion}, and ${field.name} comes with ${field.since}`;
  const settings = readConfig(initConfig);
  const asks = !("config" in settings) || settings.config.inspect;
  return asks || !isInspected(field.name) ? undefined : `${field.name} is never there, as the setting inspect is false`;
}

function ruleFindings(rule: Rule, ruleset: Ruleset, sent: Sent): Finding[] {
  const { uses, problems } = usedBy(rule, ruleset);
  const never = uses.map((use) => neverThere(use, sent)).filter((why) => why !== undefined);
  const where = `${rule.file}: ${rule.name}`;
  return [
    ...problems.map((problem) => bad(`${where}: ${problem}`, "correct the rule, or Falco does not take it")),
    ...[...new Set(never)].map((why) => bad(`${where}: ${why}`, "take the field out of the rule")),
  ];
}

/**
 * Looks at rules files, which go on with each other in their order.
 * @param missing those that Falco's configuration names and that are not there, which Falco passes over
 */
export function checkRules(files: readonly string[], sent: Sent, missing: readonly string[] = []): Finding[] {
  if (files.length === 0 && missing.length > 0)
    return [bad(`rules_files: ${missing.join(", ")}: not there`, "copy rules/docker_rules.yaml there, or correct it")];
  if (files.length === 0)
    return [unknown("there are no rules files to look at", "name one: docker-plugin --check --rules FILE")];
  const ruleset = new Ruleset();
  const findings: Finding[] = [];
  for (const file of files) {
    try {
      ruleset.load(file);
    } catch (error) {
      if (!(error instanceof BadRules)) throw error;
      findings.push(bad(error.message, "correct the file"));
    }
  }
  const rules = ruleset.ours;
  if (rules.length === 0)
    findings.push(
      unknown(
        `no rule is for the source ${info.eventSource}${missing.length > 0 ? `, and ${missing.join(", ")}, which rules_files names, is not there` : ""}`,
        "load rules/docker_rules.yaml, or write some",
      ),
    );
  for (const file of new Set(rules.map((rule) => rule.file))) {
    const own = rules.filter((rule) => rule.file === file);
    const problems = own.flatMap((rule) => ruleFindings(rule, ruleset, sent));
    const off = own.filter(({ enabled }) => !enabled).length;
    const offs = off === 0 ? "" : `, ${off} of them off`;
    const count = `${own.length} ${own.length === 1 ? "rule" : "rules"} for Docker events${offs}`;
    findings.push(
      ...(problems.length > 0 ? problems : [good(`${file}: ${count}, whose fields are there and of the right type`)]),
    );
    if (off === own.length)
      findings.push(unknown(`${file}: none of its rules is enabled`, "enabled: true, where one should match"));
  }
  return findings;
}
