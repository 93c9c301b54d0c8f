/** What a rule uses, and what is wrong with it: fields, their arguments, and what they are compared with. */
import { didYouMean } from "../../base/nearest.ts";
import { type Field, typeOf } from "../../plugin/fields/field.ts";
import { fields } from "../../plugin/fields.ts";
import { BadCondition, type Check, type Condition, LIST_OPERATORS, parseCondition, partsOf } from "./condition.ts";
import { isBare } from "./lexer.ts";
import type { Rule, Ruleset } from "./rules_file.ts";

/** A field of ours as a rule uses it. */
export interface Use {
  readonly field: Field;
  readonly key: string | undefined;
}

export interface Used {
  readonly uses: readonly Use[];
  /** Each comparison, those of its macros among them, in their order. */
  readonly checks: readonly Check[];
  /** What is wrong with it, in words. */
  readonly problems: readonly string[];
}

const EQUAL = ["=", "==", "!=", "in", "intersects", "exists"];
const ORDER = ["<", "<=", ">", ">="];
const TEXT = ["contains", "icontains", "glob", "iglob", "startswith", "endswith", "pmatch", "regex"];

/** What is compared: a field as it is, or what transformers make of it. */
type Compared = Pick<Field, "type" | "list">;

/** What can be compared by which operators, as libsinsp takes it (test/sinsp/rules.test.ts asks it). */
function operatorsOf({ type, list }: Compared): readonly string[] {
  if (list) return ["in", "intersects", "exists"];
  if (type === "string") return [...EQUAL, ...ORDER, ...TEXT];
  return type === "bool" ? EQUAL : [...EQUAL, ...ORDER];
}

/** What transformers make of a field; undefined where one of them does not take it. @param transformers the outer first */
function transformed(field: Compared, transformers: readonly string[]): Compared | undefined {
  return transformers.reduceRight<Compared | undefined>((inner, transformer) => {
    if (inner === undefined || transformer === "val") return inner;
    if (transformer === "len")
      return inner.type === "string" || inner.list ? { type: "uint64", list: false } : undefined;
    return inner.type === "string" ? inner : undefined;
  }, field);
}

/** Why a value is none of a type; undefined where it is one. */
function valueProblem({ type }: Compared, value: string): string | undefined {
  if (type === "bool") return value === "true" || value === "false" ? undefined : "true or false";
  if (type === "string") return undefined;
  return /^\s*[+-]?\d+$/.test(value) ? undefined : "a number";
}

const NAMES = fields.map(({ name }) => name);
/** Of each event, and those of a plugin that reads any event's JSON. */
const GENERIC = /^(evt|jevt|json)\./;

/** The field of that name; else what is wrong with it. */
function fieldOrProblem(name: string, key: string | undefined): Use | string | undefined {
  const field = fields.find((each) => each.name === name);
  if (field === undefined) {
    if (GENERIC.test(name)) return undefined;
    return `there is no field ${name} for events of Docker${didYouMean(name, NAMES)}`;
  }
  if (field.key !== undefined && key === undefined) return `${name} needs an argument: ${name}[${field.key}]`;
  if (field.key === undefined && key !== undefined) return `${name} takes no argument`;
  if (key !== undefined && /[ \]]/.test(key))
    return `${name}[${JSON.stringify(key)}]: an argument with a blank or "]" cannot be written for Falco`;
  return { field, key };
}

/** Fields in a rule's output, within transformers too. */
const OUTPUT_FIELD = /%\*?(?:\w+\()*([a-z]\w*(?:\.\w+)+)(?:\[([^\]]*)\])?/g;

class Reader {
  readonly uses: Use[] = [];
  readonly checks: Check[] = [];
  readonly problems: string[] = [];

  constructor(readonly ruleset: Ruleset) {}

  condition(text: string, within: readonly string[]): void {
    let condition: Condition;
    try {
      condition = parseCondition(text);
    } catch (error) {
      if (!(error instanceof BadCondition)) throw error;
      const where = within.length === 0 ? "the condition" : `the macro ${within.at(-1)}`;
      this.problems.push(`${where} is none that Falco reads: ${error.message}`);
      return;
    }
    for (const part of partsOf(condition)) {
      if (part.kind === "macro") this.#macro(part.name, within);
      if (part.kind === "check") this.#check(part);
    }
  }

  output(text: string): void {
    for (const [, name = "", key] of text.matchAll(OUTPUT_FIELD)) this.#use(name, key, "the output: ");
  }

  #macro(name: string, within: readonly string[]): void {
    const text = this.ruleset.macros.get(name);
    if (text === undefined)
      this.problems.push(`there is no macro ${name}${didYouMean(name, [...this.ruleset.macros.keys(), ...NAMES])}`);
    else if (within.includes(name)) this.problems.push(`the macro ${name} uses itself`);
    else this.condition(text, [...within, name]);
  }

  #use(name: string, key: string | undefined, where = ""): Field | undefined {
    const found = fieldOrProblem(name, key);
    if (typeof found === "string") this.problems.push(`${where}${found}`);
    if (typeof found !== "object") return undefined;
    this.uses.push(found);
    return found.field;
  }

  #check(check: Check): void {
    this.checks.push(check);
    const { operator, other, text, transformers } = check;
    const field = this.#use(check.field, check.key);
    if (other?.includes(".") && !this.ruleset.lists.has(other)) this.#use(other, undefined);
    if (field === undefined) return;
    const compared = transformed(field, transformers);
    if (compared === undefined) {
      this.problems.push(`${text}: ${transformers.join(" of ")} cannot be taken of ${anOf(typeOf(field))}`);
      return;
    }
    const allowed = operatorsOf(compared);
    if (!allowed.includes(operator)) {
      this.problems.push(`${text}: ${field.name} is ${anOf(typeOf(field))}, and takes ${allowed.join(" ")}`);
      return;
    }
    const values = this.ruleset.comparedWith(check);
    const isOne = !LIST_OPERATORS.has(operator) || (other !== undefined && this.ruleset.lists.has(other));
    if (values.length !== 1 && operator !== "exists" && isOne)
      this.problems.push(
        `${text}: ${operator}${LIST_OPERATORS.has(operator) ? " without parentheses" : ""} takes one value, and the list has ${values.length}`,
      );
    for (const { text: value, quoted } of values) {
      if (!quoted && !isBare(value))
        this.problems.push(`${text}: ${JSON.stringify(value)} of a list needs quotes of its own: '"${value}"'`);
      const expected = valueProblem(compared, value);
      if (expected !== undefined) this.problems.push(`${text}: ${JSON.stringify(value)} is not ${expected}`);
    }
  }
}

const anOf = (type: string): string => `${/^[aeio]/.test(type) ? "an" : "a"} ${type}`;

/** What a rule uses, and what Falco would not take of it. */
export function usedBy(rule: Rule, ruleset: Ruleset): Used {
  const reader = new Reader(ruleset);
  reader.condition(rule.condition, []);
  reader.output(rule.output);
  // Falco wants them to be there, whether they have values or not; what has values is shown already.
  const ofExceptions = new Reader(ruleset);
  for (const field of rule.exceptionFields) ofExceptions.condition(`${field} exists`, []);
  const { uses, checks, problems } = reader;
  return { uses, checks, problems: [...new Set([...problems, ...ofExceptions.problems, ...rule.problems])] };
}
