/**
 * A rule's condition, read as far as documents and checks need it: whether it matches is libsinsp's to say. The grammar is
 * libsinsp's of engine version 0.40.0 (Falco 0.38; falcosecurity/libs 0.17.2: userspace/libsinsp/filter/parser.cpp).
 */

export type Condition =
  | { readonly kind: "and" | "or"; readonly parts: readonly Condition[] }
  | { readonly kind: "not"; readonly part: Condition }
  /** A macro. */
  | { readonly kind: "name"; readonly name: string }
  | Check;

export interface Check {
  readonly kind: "check";
  readonly field: string;
  readonly argument: string | undefined;
  readonly operator: string;
  /** Of `in` and the like each element, a list's name among them; of `exists` none. */
  readonly values: readonly Value[];
}

export interface Value {
  readonly text: string;
  readonly quoted: boolean;
}

/** What compares with a list in parentheses. */
const LIST_OPERATORS = ["intersects", "in", "pmatch"] as const;
const OPERATORS: readonly string[] = [
  ...["==", "=", "!=", "<=", "<", ">=", ">"],
  ...["glob", "iglob", "contains", "icontains", "bcontains", "startswith", "bstartswith", "endswith"],
  ...LIST_OPERATORS,
  "exists",
];

const TOKEN =
  /\s*(?:(?<string>'[^']*'|"[^"]*")|(?<field>[a-zA-Z]\w*(?:\.[a-zA-Z]\w*)+(?:\[[^\][\s]*\])?)(?=[\s=!<>]|$)|(?<mark>[(),]|[=!<>]=|[=<>])|(?<bare>[^()"'\s=,]+))/y;

interface Token {
  readonly kind: "string" | "field" | "mark" | "bare";
  readonly text: string;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (const end = text.trimEnd().length; TOKEN.lastIndex < end; ) {
    const at = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    const found = Object.entries(groups ?? {}).find(([, part]) => part !== undefined);
    if (found === undefined) throw new SyntaxError(`not understood: ${text.slice(at, at + 40)}`);
    tokens.push({ kind: found[0] as Token["kind"], text: found[1] as string });
  }
  return tokens;
}

class Parser {
  readonly #tokens: Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokensOf(text);
  }

  whole(): Condition {
    const condition = this.#chain("or", () => this.#chain("and", () => this.#one()));
    const left = this.#tokens[this.#at];
    if (left !== undefined) throw new SyntaxError(`not expected: ${left.text}`);
    return condition;
  }

  #is(text: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.text !== text || token.kind === "string") return false;
    this.#at++;
    return true;
  }

  #next(): Token {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new SyntaxError("it ends too early");
    return token;
  }

  #chain(kind: "and" | "or", one: () => Condition): Condition {
    const first = one();
    const parts = [first];
    while (this.#is(kind)) parts.push(one());
    return parts.length === 1 ? first : { kind, parts };
  }

  #one(): Condition {
    if (this.#is("not")) return { kind: "not", part: this.#one() };
    if (this.#is("(")) {
      const inner = this.#chain("or", () => this.#chain("and", () => this.#one()));
      if (!this.#is(")")) throw new SyntaxError(`a parenthesis is not closed before: ${this.#tokens[this.#at]?.text}`);
      return inner;
    }
    const { kind, text } = this.#next();
    if (kind === "field") return this.#check(text);
    if (kind !== "bare" || !/^[a-zA-Z]\w*$/.test(text)) throw new SyntaxError(`not expected: ${text}`);
    return { kind: "name", name: text };
  }

  #check(written: string): Check {
    const [, field = "", argument] = /^([^[]*)(?:\[(.*)\])?$/.exec(written) ?? [];
    const operator = this.#next().text;
    if (!OPERATORS.includes(operator)) throw new SyntaxError(`${field}: there is no operator ${operator} in 0.40.0`);
    const check = { kind: "check", field, argument, operator } as const;
    if (operator === "exists") return { ...check, values: [] };
    if (!(LIST_OPERATORS as readonly string[]).includes(operator)) return { ...check, values: [this.#value()] };
    if (!this.#is("(")) throw new SyntaxError(`${field} ${operator}: expected a list in parentheses`);
    const values: Value[] = [];
    while (!this.#is(")")) {
      values.push(this.#value());
      if (!this.#is(",") && this.#tokens[this.#at]?.text !== ")") throw new SyntaxError(`${field}: a comma is missing`);
    }
    return { ...check, values };
  }

  #value(): Value {
    const { kind, text } = this.#next();
    if (kind === "mark") throw new SyntaxError(`not expected: ${text}; a value that holds it is quoted`);
    return kind === "string" ? { text: text.slice(1, -1), quoted: true } : { text, quoted: false };
  }
}

/** Reads a condition. @throws SyntaxError where engine version 0.40.0 would not take it, as far as is looked at */
export const parseCondition = (text: string): Condition => new Parser(text).whole();

/** All that a condition is made of, itself included. */
export function* partsOf(condition: Condition): Generator<Condition> {
  yield condition;
  if (condition.kind === "not") yield* partsOf(condition.part);
  if (condition.kind === "and" || condition.kind === "or") for (const part of condition.parts) yield* partsOf(part);
}

export const checksOf = (condition: Condition): Check[] =>
  [...partsOf(condition)].filter((part) => part.kind === "check");
