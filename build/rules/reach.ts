/** Which events a rule looks at: of which types and actions there can be one that it matches. */
import { type Check, type Condition, parseCondition } from "../../src/cli/rules/condition.ts";
import { checksOf } from "./condition.ts";
import { isRule, itemsOf, type Rule, textOf, writtenOut } from "./file.ts";

/** A kind of event. Of an action with something behind it, `exec_start: sh`, only the word. */
export interface Kind {
  readonly type: string;
  readonly action: string;
}

/** The types and actions that engines tell of: the activity's rules have one for each. */
export function eventKinds(): (Kind & { readonly rule: string })[] {
  return itemsOf(textOf("docker_activity_rules.yaml"))
    .filter(isRule)
    .flatMap(({ rule, condition }) => {
      const checks = checksOf(parseCondition(condition));
      const values = (name: string) =>
        checks.filter(({ field }) => field === name).flatMap(({ values }) => values.map(({ text }) => text));
      const [type = ""] = values("docker.type");
      return values("docker.action").map((action) => ({ type, action, rule }));
    });
}

/** Where a field can be present at all; a field that is not here can be in any event. */
const PRESENT: readonly (readonly [field: RegExp, kind: (kind: Kind) => boolean])[] = [
  [/^docker\.exec\./, ({ type, action }) => type === "container" && action.startsWith("exec")],
  [/^docker\.health\./, ({ action }) => action === "health_status"],
  [
    /^docker\.container\./,
    ({ type, action }) =>
      type === "container" ||
      (type === "network" && /connect/.test(action)) ||
      (type === "volume" && /mount/.test(action)),
  ],
  [/^docker\.event\./, ({ type }) => type === "container"],
  [/^docker\.image\./, ({ type }) => type === "container" || type === "image"],
  [/^docker\.volume\./, ({ type }) => type === "volume"],
  [/^docker\.node\.state/, ({ type }) => type === "node"],
  [/^docker\.engine\.(?!host|name|version)/, ({ type }) => type === "daemon"],
];

/** What can become of a condition. */
interface Outcome {
  readonly canBe: boolean;
  readonly canFail: boolean;
}

const NEVER: Outcome = { canBe: false, canFail: true };
const MAYBE: Outcome = { canBe: true, canFail: true };

/** Actions with something behind them: a command, a result. */
const WITH_MORE = /^(exec_create|exec_start|exec_detach|health_status)$/;

function compared({ operator, values }: Check, text: string, hasMore: boolean): Outcome {
  const is = (yes: boolean): Outcome => ({ canBe: yes, canFail: !yes });
  const texts = values.map(({ text }) => text);
  switch (operator) {
    case "=":
    case "in":
      // podman leaves out what stands behind some.
      return hasMore && texts.includes(text) ? MAYBE : is(texts.includes(text));
    case "startswith":
      return texts.some((each) => (hasMore ? `${text}: ` : text).startsWith(each)) ? is(true) : NEVER;
    case "exists":
      return is(true);
    default:
      return MAYBE;
  }
}

function outcomeOf(condition: Condition, kind: Kind): Outcome {
  switch (condition.kind) {
    case "not": {
      const { canBe, canFail } = outcomeOf(condition.of, kind);
      return { canBe: canFail, canFail: canBe };
    }
    case "and":
    case "or": {
      const parts = condition.of.map((part) => outcomeOf(part, kind));
      const [each, some] = condition.kind === "and" ? (["canBe", "canFail"] as const) : (["canFail", "canBe"] as const);
      const outcome = { [each]: parts.every((part) => part[each]), [some]: parts.some((part) => part[some]) };
      return outcome as unknown as Outcome;
    }
    case "macro":
      throw new Error(`the macro ${condition.name} is not written out`);
    case "check": {
      const { field } = condition;
      if (field === "evt.num") return NEVER;
      if (field === "docker.type") return compared(condition, kind.type, false);
      if (field === "docker.action") return compared(condition, kind.action, WITH_MORE.test(kind.action));
      const isAbsent = PRESENT.some(([fields, present]) => fields.test(field) && !present(kind));
      return isAbsent ? NEVER : MAYBE;
    }
  }
}

/** For each rule, whether it looks at events of a kind. */
export function reachOf(rules: readonly Rule[]): (rule: string, kind: Kind) => boolean {
  const conditions = new Map(rules.map(({ rule, condition }) => [rule, parseCondition(condition)]));
  return (rule, kind) => {
    const condition = conditions.get(rule);
    return condition !== undefined && outcomeOf(condition, kind).canBe;
  };
}

/** The rules of a file with what they ask for written out. */
export const wholeRules = (file: Parameters<typeof textOf>[0]): Rule[] => writtenOut(itemsOf(textOf(file)));
