/** What is asked of the conditions that ship, beside what the tool asks of any. */
import { type Check, type Condition, LIST_OPERATORS, partsOf } from "../../src/cli/rules/condition.ts";

export const checksOf = (condition: Condition): Check[] =>
  [...partsOf(condition)].filter((part) => part.kind === "check");

/**
 * What a check has that engine version 0.40.0 does not know (Falco 0.38; falcosecurity/libs 0.17.2:
 * userspace/libsinsp/filter/parser.cpp).
 */
export function notInOldest({ transformers, operator, other, text }: Check): string[] {
  const missing = transformers.map((each) => `there is no function ${each}`);
  if (operator === "regex") missing.push("there is no operator regex");
  if (LIST_OPERATORS.has(operator) && !text.endsWith(")")) missing.push(`${operator} takes only a list in parentheses`);
  else if (other !== undefined) missing.push("there is no field on the right side");
  return missing;
}
