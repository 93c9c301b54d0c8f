/** A condition as a filter of its own, with its macros and lists written out: what sysdig takes. */
import { BadCondition, type Check, type Condition, LIST_OPERATORS, parseCondition, type Value } from "./condition.ts";
import type { Ruleset } from "./rules_file.ts";

/** Macros within macros: one that uses itself never ends. */
const DEPTH_MAX = 50;

const written = ({ text, quoted }: Value): string => (quoted ? `"${text.replace(/["\\]/g, "\\$&")}"` : text);

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
  #check(check: Check): string {
    const { operator, values, other, text, left } = check;
    const names = other === undefined ? values.filter(({ quoted }) => !quoted).map(({ text }) => text) : [other];
    if (!names.some((name) => this.ruleset.lists.has(name))) return text;
    const items = this.ruleset.comparedWith(check).map(written).join(", ");
    return LIST_OPERATORS.has(operator) && other === undefined ? `${left} (${items})` : `${left} ${items}`;
  }
}

/**
 * The filter that a condition is.
 * @throws BadCondition where it or one of its macros is none
 */
export const filterText = (condition: string, ruleset: Ruleset): string =>
  new Writer(ruleset).text(parseCondition(condition), 0);
