/** A condition as a filter of its own, with its macros and lists written out: what sysdig takes. */
import { BadCondition, type Check, type Condition, parseCondition } from "./condition.ts";
import type { Ruleset } from "./rules_file.ts";

/** Macros within macros: one that uses itself never ends. */
const DEPTH_MAX = 50;

const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;

class Writer {
  constructor(readonly ruleset: Ruleset) {}

  text(condition: Condition, depth: number): string {
    if (depth > DEPTH_MAX) throw new BadCondition("a macro uses itself");
    switch (condition.kind) {
      case "and":
      case "or":
        return `(${condition.of.map((each) => this.text(each, depth)).join(` ${condition.kind} `)})`;
      case "not":
        return `not ${this.text(condition.of, depth)}`;
      case "macro": {
        const macro = this.ruleset.macros.get(condition.name);
        if (macro === undefined) throw new BadCondition(`there is no macro ${condition.name}`);
        return `(${this.text(parseCondition(macro), depth + 1)})`;
      }
      case "check":
        return this.#check(condition);
    }
  }

  /** As it stands there, but for the names of lists. */
  #check({ text, values, other }: Check): string {
    const { lists } = this.ruleset;
    const isPlain = !values.some((value) => lists.has(value.text)) && (other === undefined || !lists.has(other));
    if (isPlain) return text;
    const left = other === undefined ? text.slice(0, text.lastIndexOf("(")) : text.slice(0, -other.length);
    const named = other === undefined ? values.map((value) => value.text) : [other];
    const items = named.flatMap((value) => this.#items(value, 0));
    return `${left.trimEnd()} (${items.map(quoted).join(", ")})`;
  }

  #items(value: string, depth: number): readonly string[] {
    const items = this.ruleset.lists.get(value);
    return items === undefined || depth > DEPTH_MAX ? [value] : items.flatMap((item) => this.#items(item, depth + 1));
  }
}

/**
 * The filter that a condition is.
 * @throws BadCondition where it or one of its macros is none
 */
export const filterText = (condition: string, ruleset: Ruleset): string =>
  new Writer(ruleset).text(parseCondition(condition), 0);
