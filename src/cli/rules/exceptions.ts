/**
 * The exceptions of a rule, as Falco writes them into its condition (falco 0.44: userspace/engine/rule_loader_reader.cpp,
 * rule_loader_collector.cpp, rule_loader_compiler.cpp).
 */
import { isMap, type Json } from "../../base/lenient.ts";
import { LIST_OPERATORS, OPERATORS } from "./condition.ts";

/** A text, or a list of texts and lists. */
type Entry = string | readonly Entry[];

interface Exception {
  readonly name: string;
  readonly fields: Entry | undefined;
  readonly comps: Entry | undefined;
  readonly values: readonly Entry[];
}

const entryOf = (value: unknown): Entry => (Array.isArray(value) ? value.map(entryOf) : String(value ?? ""));
const isText = (entry: Entry | undefined): entry is string => typeof entry === "string";

/** What is wrong with an exception, in words. */
class BadException extends Error {}

function exceptionOf(item: unknown): Exception {
  if (!isMap(item) || typeof item.name !== "string") throw new BadException("an exception is a map with a name");
  const { name, fields, comps, values = [] } = item;
  if (!Array.isArray(values)) throw new BadException(`the exception ${name}: its values are no list`);
  return {
    name,
    fields: fields === undefined ? undefined : entryOf(fields),
    comps: comps === undefined ? undefined : entryOf(comps),
    values: values.map(entryOf),
  };
}

/** Falco quotes what has a blank and no quote at its begin. */
const quoted = (text: string): string => (text.includes(" ") && !/^["']/.test(text) ? `"${text}"` : text);
const inParentheses = (text: string): string => (text.startsWith("(") ? text : `(${text})`);
const joined = (entries: readonly Entry[]): string => entries.map((each) => quoted(String(each))).join(", ");

/** One field, which holds one of the values. */
function ofOneField(field: string, comps: Entry, values: readonly Entry[]): string {
  if (!isText(comps) || !LIST_OPERATORS.has(comps.trim()))
    throw new BadException(`its fields are one field, so its comps are one of ${[...LIST_OPERATORS].join(", ")}`);
  if (!values.every(isText)) throw new BadException("its fields are one field, so its values are a list of texts");
  return values.length === 0 ? "" : `(${field} ${comps.trim()} (${joined(values)}))`;
}

/** Several fields, which hold all of one of the values. */
function ofFields(fields: readonly Entry[], comps: Entry, values: readonly Entry[]): string {
  if (isText(comps) || comps.length !== fields.length)
    throw new BadException(`it has ${fields.length} fields, and so needs a list of ${fields.length} comps`);
  const operators = comps.map((comp) => String(comp).trim());
  const unknown = operators.find((operator) => !OPERATORS.has(operator));
  if (unknown !== undefined) throw new BadException(`${JSON.stringify(unknown)} compares nothing`);
  const alternatives = values.map((value) => {
    if (isText(value) || value.length !== fields.length)
      throw new BadException(`it has ${fields.length} fields, and so each of its values is a list of ${fields.length}`);
    const parts = value.map((each, i) => {
      const operator = operators[i] ?? "";
      const right = !isText(each)
        ? `(${joined(each)})`
        : LIST_OPERATORS.has(operator)
          ? inParentheses(each)
          : quoted(each);
      return `${String(fields[i])} ${operator} ${right}`;
    });
    return `(${parts.join(" and ")})`;
  });
  return alternatives.length === 0 ? "" : `(${alternatives.join(" or ")})`;
}

/** What is excepted, as a condition; empty where nothing is. @throws BadException */
function conditionOf({ name, fields, comps, values }: Exception): string {
  if (fields === undefined) throw new BadException(`the exception ${name}: it has no fields`);
  try {
    return isText(fields)
      ? ofOneField(fields, comps ?? "in", values)
      : ofFields(fields, comps ?? fields.map(() => "="), values);
  } catch (error) {
    throw error instanceof BadException ? new BadException(`the exception ${name}: ${error.message}`) : error;
  }
}

/** The exceptions of one rule, over all items that tell of it. */
export class Exceptions {
  #all: readonly Exception[] = [];
  readonly #problems: string[] = [];

  /** What is wrong with them, in words. */
  get problems(): readonly string[] {
    return [...new Set([...this.#problems, ...this.#written().problems])];
  }

  /** The fields that they look at, also those without values. */
  get fields(): readonly string[] {
    return this.#all.flatMap(({ fields = [] }) => (isText(fields) ? [fields] : fields.map(String)));
  }

  /** Takes what an item of the rule says of its exceptions: all of them, more of them, or nothing. */
  take(item: Json): void {
    const override = isMap(item.override) ? item.override.exceptions : undefined;
    const isAppended = item.append === true || override === "append";
    // An item that defines the rule anew begins without any.
    if (!isAppended && (override === "replace" || ("condition" in item && !isMap(item.override)))) this.#all = [];
    for (const each of Array.isArray(item.exceptions) ? item.exceptions : []) {
      try {
        this.#add(exceptionOf(each));
      } catch (error) {
        if (!(error instanceof BadException)) throw error;
        this.#problems.push(error.message);
      }
    }
  }

  /** A condition with all that is excepted. */
  in(condition: string): string {
    const { texts } = this.#written();
    return texts.length === 0 ? condition : [`(${condition})`, ...texts].join(" and not ");
  }

  #add(more: Exception): void {
    const before = this.#all.find(({ name }) => name === more.name);
    if (before === undefined) this.#all = [...this.#all, more];
    else if (more.fields !== undefined || more.comps !== undefined)
      throw new BadException(`the exception ${more.name} is there: more values may be added to it, and nothing else`);
    else {
      const values = [...before.values, ...more.values];
      this.#all = this.#all.map((each) => (each === before ? { ...before, values } : each));
    }
  }

  #written(): { texts: string[]; problems: string[] } {
    const texts: string[] = [];
    const problems: string[] = [];
    for (const exception of this.#all) {
      try {
        texts.push(conditionOf(exception));
      } catch (error) {
        if (!(error instanceof BadException)) throw error;
        problems.push(error.message);
      }
    }
    return { texts: texts.filter(Boolean), problems };
  }
}
