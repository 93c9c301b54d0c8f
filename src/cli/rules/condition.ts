/** A rule's condition as Falco reads it (libsinsp of sysdig 0.41.4: test/sinsp/rules.test.ts asks it). */

/** A condition that Falco would not read; the message says where and why. */
export class BadCondition extends Error {}

export interface Value {
  readonly text: string;
  readonly quoted: boolean;
}

export interface Check {
  readonly kind: "check";
  readonly field: string;
  readonly key: string | undefined;
  /** Such as `tolower`, from the outer to the inner. */
  readonly transformers: readonly string[];
  readonly operator: string;
  /** What it is compared with; empty where that is a field or the operator takes nothing. */
  readonly values: readonly Value[];
  /** A list's or another field's name on the right side. */
  readonly other: string | undefined;
  /** As it stands in the condition. */
  readonly text: string;
  /** Of that text what stands before the values: the field and the operator. */
  readonly left: string;
}

export type Condition =
  | { readonly kind: "and" | "or"; readonly of: readonly Condition[] }
  | { readonly kind: "not"; readonly of: Condition }
  | { readonly kind: "macro"; readonly name: string }
  | Check;

const SYMBOLS = ["<=", ">=", "==", "!=", "=", "<", ">"] as const;
const WORDS = [
  ...["contains", "icontains", "bcontains", "glob", "iglob", "startswith", "bstartswith", "endswith", "regex"],
  ...["in", "intersects", "pmatch", "exists"],
] as const;
const OPERATORS: ReadonlySet<string> = new Set([...SYMBOLS, ...WORDS]);
/** What compares with a list. */
export const LIST_OPERATORS: ReadonlySet<string> = new Set(["in", "intersects", "pmatch"]);
/** These take numbers only, of whatever type the field is. */
const NUMERIC: ReadonlySet<string> = new Set(["<", "<=", ">", ">="]);
const NUMBER = /^-?(\d+(\.\d+)?|0[xX][0-9a-fA-F]+)$/;
const TRANSFORMERS: ReadonlySet<string> = new Set(["val", "tolower", "toupper", "b64", "basename", "len"]);
const KEYWORDS: ReadonlySet<string> = new Set(["and", "or", "not"]);

interface Token {
  readonly kind: "word" | "text" | "symbol" | "end";
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A field with its argument, a word, a text in quotes, or what stands between them. */
const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(<=|>=|==|!=|[()=<>,])|([A-Za-z_][\w.]*\[(?:"[^"]*"|'[^']*'|[^\]\s"']*)\])|([^\s()=<>,'"!]+))/gy;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [all, quoted, symbol, field, word] = match;
    const end = match.index + all.length;
    const token = quoted ?? symbol ?? field ?? word ?? "";
    const kind = quoted !== undefined ? "text" : symbol !== undefined ? "symbol" : "word";
    const value = kind === "text" ? token.slice(1, -1).replace(/\\(.)/gs, "$1") : token;
    tokens.push({ kind, text: value, start: end - token.length, end });
    at = end;
  }
  const rest = text.slice(at).trim();
  if (rest !== "")
    throw new BadCondition(`${JSON.stringify(rest.slice(0, 20))} is not read: a quote or a bracket is open`);
  return [...tokens, { kind: "end", text: "the end", start: text.length, end: text.length }];
}

const asValue = ({ kind, text }: Token): Value => ({ text, quoted: kind === "text" });

const FIELD = /^([A-Za-z_][\w.]*)(?:\[(.*)\])?$/s;
const END: Token = { kind: "end", text: "the end", start: 0, end: 0 };
/** Deeper ones are nobody's, and would end the process. */
const DEPTH_MAX = 100;

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(readonly text: string) {
    this.#tokens = tokensOf(text);
  }

  whole(): Condition {
    const condition = this.#or();
    if (this.#next.kind !== "end") throw this.#expected("and, or, or the end");
    return condition;
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? END;
  }

  #expected(what: string): BadCondition {
    return new BadCondition(
      `expected ${what} in place of ${JSON.stringify(this.#next.text)} (at ${this.#next.start + 1})`,
    );
  }

  /** Takes a word or a symbol, if it is the next one. */
  #takes(text: string): boolean {
    const { kind } = this.#next;
    if (this.#next.text !== text || kind === "text" || kind === "end") return false;
    this.#at++;
    return true;
  }

  #or(): Condition {
    return this.#joined("or", () => this.#joined("and", () => this.#unary()));
  }

  #joined(kind: "and" | "or", part: () => Condition): Condition {
    const first = part();
    const of = [first];
    while (this.#takes(kind)) of.push(part());
    return of.length === 1 ? first : { kind, of };
  }

  #unary(): Condition {
    if (++this.#depth > DEPTH_MAX) throw new BadCondition("it is nested too deep");
    try {
      if (this.#takes("not")) return { kind: "not", of: this.#unary() };
      if (!this.#takes("(")) return this.#check();
      const inner = this.#or();
      if (!this.#takes(")")) throw this.#expected('")"');
      return inner;
    } finally {
      this.#depth--;
    }
  }

  /** A field with its argument, which transformers may stand around. */
  #field(): { field: string; key: string | undefined; transformers: string[] } {
    const { kind, text } = this.#next;
    if (kind !== "word" || KEYWORDS.has(text)) throw this.#expected("a field, a macro or a parenthesis");
    this.#at++;
    if (TRANSFORMERS.has(text) && this.#takes("(")) {
      const inner = this.#field();
      if (!this.#takes(")")) throw this.#expected('")"');
      return { ...inner, transformers: [text, ...inner.transformers] };
    }
    const [, field = text, key] = FIELD.exec(text) ?? [];
    return { field, key: key?.replace(/^(["'])(.*)\1$/s, "$2"), transformers: [] };
  }

  #check(): Condition {
    const { start } = this.#next;
    const field = this.#field();
    const operator = this.#next.text;
    if (this.#next.kind === "text" || !OPERATORS.has(operator)) {
      // What has a dot or an argument is a field, and a field is compared.
      if (field.field.includes(".") || field.transformers.length > 0) throw this.#expected("an operator");
      return { kind: "macro", name: field.field };
    }
    const left = this.text.slice(start, this.#next.end);
    this.#at++;
    const right = operator === "exists" ? { values: [], other: undefined } : this.#right(operator);
    const { end } = this.#tokens[this.#at - 1] ?? END;
    return { kind: "check", ...field, operator, ...right, text: this.text.slice(start, end), left };
  }

  #right(operator: string): { values: Value[]; other: string | undefined } {
    const isList = LIST_OPERATORS.has(operator);
    if (isList && this.#takes("(")) return { values: this.#list(), other: undefined };
    const { kind, text } = this.#next;
    const following = this.#tokens[this.#at + 1];
    if (kind === "word" && TRANSFORMERS.has(text) && following?.text === "(")
      return { values: [], other: this.#field().field };
    if ((kind !== "word" && kind !== "text") || (kind === "word" && KEYWORDS.has(text)))
      throw this.#expected(isList ? "a list" : "a value");
    if (NUMERIC.has(operator) && !NUMBER.test(text)) throw this.#expected("a number");
    const value = asValue(this.#next);
    this.#at++;
    return isList && !value.quoted ? { values: [], other: text } : { values: [value], other: undefined };
  }

  #list(): Value[] {
    const values: Value[] = [];
    while (!this.#takes(")")) {
      if (this.#next.kind !== "word" && this.#next.kind !== "text") throw this.#expected('a value or ")"');
      values.push(asValue(this.#next));
      this.#at++;
      if (!this.#takes(",") && this.#next.text !== ")") throw this.#expected('"," or ")"');
    }
    return values;
  }
}

/** @throws BadCondition */
export const parseCondition = (text: string): Condition => new Parser(text).whole();

/** All that a condition is made of, itself included, in its order. */
export function* partsOf(condition: Condition): Generator<Condition> {
  yield condition;
  if (condition.kind === "not") yield* partsOf(condition.of);
  if (condition.kind === "and" || condition.kind === "or") for (const part of condition.of) yield* partsOf(part);
}
