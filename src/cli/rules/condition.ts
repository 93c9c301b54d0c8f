/** A rule's condition as Falco reads it (libsinsp of sysdig 0.41.4: test/sinsp/rules.test.ts asks it). */
import { BadCondition, Lexer, type Value } from "./lexer.ts";

export { BadCondition, type Value } from "./lexer.ts";

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

/** Whose right side is a number only, of whatever type the field is. */
const NUMERIC = ["<=", "<", ">=", ">"] as const;
/** Those with a blank need one behind them. */
const TEXTUAL = [
  ...["==", "=", "!=", "glob ", "iglob ", "contains ", "icontains ", "bcontains "],
  ...["startswith ", "bstartswith ", "endswith ", "regex "],
] as const;
const LISTS = ["intersects", "in", "pmatch"] as const;
/** What compares with a list. */
export const LIST_OPERATORS: ReadonlySet<string> = new Set(LISTS);
/** All that compares. */
export const OPERATORS: ReadonlySet<string> = new Set([
  ...["exists", ...NUMERIC, ...LISTS],
  ...TEXTUAL.map((operator) => operator.trimEnd()),
]);
/** Around a field, on either side. */
const TRANSFORMERS = ["tolower(", "toupper(", "b64(", "basename(", "len("] as const;
/** Around a field on the right side, which else would be a text. */
const VAL = "val(";

const NAME = "[a-zA-Z]+[a-zA-Z0-9_]*";
const IDENTIFIER = new RegExp(NAME, "y");
const FIELD = new RegExp(`${NAME}(?:\\.${NAME})+`, "y");
const NOT = /not[\t\n\v\f\r ]+/y;
const KEYWORDS: ReadonlySet<string> = new Set(["and", "or", "not"]);
const OPERAND = "a field, a macro or a parenthesis";
/** Deeper ones are nobody's, and would end the process. */
const DEPTH_MAX = 100;

interface FieldUsed {
  readonly field: string;
  readonly key: string | undefined;
  readonly transformers: string[];
}

/** What stands on the right side. */
type Right = Pick<Check, "values" | "other">;

class Parser {
  readonly #lexer: Lexer;
  #depth = 0;

  constructor(readonly text: string) {
    this.#lexer = new Lexer(text);
  }

  whole(): Condition {
    const condition = this.#or();
    if (!this.#lexer.isOver) throw this.#lexer.expected("and, or, or the end");
    return condition;
  }

  #or(): Condition {
    return this.#joined("or", () => this.#joined("and", () => this.#not()));
  }

  #joined(kind: "and" | "or", part: () => Condition): Condition {
    const lexer = this.#lexer;
    lexer.blank();
    const first = part();
    const of = [first];
    lexer.blank();
    while (lexer.takes(kind)) {
      if (lexer.blank()) of.push(part());
      else if (lexer.takes("(")) of.push(this.#embedded());
      else throw lexer.expected(lexer.isOver ? OPERAND : `a blank or "(" behind "${kind}"`);
      lexer.blank();
    }
    return of.length === 1 ? first : { kind, of };
  }

  #not(): Condition {
    const lexer = this.#lexer;
    lexer.blank();
    let isNot = false;
    while (lexer.word(NOT) !== undefined) isNot = !isNot;
    const isEmbedded = lexer.takes("not(");
    if (isEmbedded) isNot = !isNot;
    const of = isEmbedded ? this.#embedded() : this.#check();
    return isNot ? { kind: "not", of } : of;
  }

  /** What stands in parentheses, of which the first has been taken. */
  #embedded(): Condition {
    if (++this.#depth > DEPTH_MAX) throw new BadCondition("it is nested too deep");
    const inner = this.#or();
    this.#close();
    this.#depth--;
    return inner;
  }

  #close(): void {
    this.#lexer.blank();
    if (!this.#lexer.takes(")")) throw this.#lexer.expected('")"');
  }

  #check(): Condition {
    const lexer = this.#lexer;
    lexer.blank();
    if (lexer.takes("(")) return this.#embedded();
    const start = lexer.at;
    const field = this.#field(TRANSFORMERS);
    if (field === undefined) return this.#macro();
    lexer.blank();
    const [operator, right] = this.#compared();
    const left = this.text.slice(start, right.begins).trimEnd();
    const text = this.text.slice(start, lexer.at);
    return { kind: "check", ...field, operator, values: right.values, other: right.other, text, left };
  }

  #macro(): Condition {
    const lexer = this.#lexer;
    const { at } = lexer;
    const name = lexer.word(IDENTIFIER);
    if (name !== undefined && !KEYWORDS.has(name)) return { kind: "macro", name };
    lexer.at = at;
    throw lexer.expected(OPERAND);
  }

  /** A field with its argument, which transformers may stand around; undefined where there is none. */
  #field(around: readonly string[]): FieldUsed | undefined {
    const lexer = this.#lexer;
    const field = lexer.word(FIELD);
    return field === undefined ? this.#transformed(around) : { field, key: this.#key(), transformers: [] };
  }

  #transformed(around: readonly string[]): FieldUsed | undefined {
    const lexer = this.#lexer;
    const transformer = lexer.takesOne(around);
    if (transformer === undefined) return undefined;
    if (++this.#depth > DEPTH_MAX) throw new BadCondition("it is nested too deep");
    lexer.blank();
    // `val` is around a field, and nothing else.
    const inner = this.#field(transformer === VAL ? [] : TRANSFORMERS);
    if (inner === undefined) throw lexer.expected("a field");
    this.#close();
    this.#depth--;
    return { ...inner, transformers: [transformer.slice(0, -1), ...inner.transformers] };
  }

  #key(): string | undefined {
    const lexer = this.#lexer;
    if (!lexer.takes("[")) return undefined;
    const key = lexer.key();
    if (key === undefined) throw lexer.expected("an argument");
    if (!lexer.takes("]")) throw lexer.expected('"]"');
    return key;
  }

  /** The operator, and what stands to the right of it. */
  #compared(): [operator: string, right: Right & { readonly begins: number }] {
    const lexer = this.#lexer;
    if (lexer.takes("exists")) return ["exists", { values: [], other: undefined, begins: lexer.at }];
    const kinds = [
      [NUMERIC, () => this.#number()],
      [TEXTUAL, () => this.#value()],
      [LISTS, () => this.#list()],
    ] as const;
    for (const [operators, right] of kinds) {
      const operator = lexer.takesOne<string>(operators);
      if (operator === undefined) continue;
      const begins = lexer.at;
      lexer.blank();
      return [operator.trimEnd(), { ...right(), begins }];
    }
    throw lexer.expected("an operator");
  }

  /** Another field; a bare name would be a value. */
  #other(): Right | undefined {
    const field = this.#transformed([VAL, ...TRANSFORMERS]);
    return field && { values: [], other: field.field };
  }

  #number(): Right {
    const other = this.#other();
    if (other !== undefined) return other;
    const text = this.#lexer.number();
    if (text === undefined) throw this.#lexer.expected("a number");
    return { values: [{ text, quoted: false }], other: undefined };
  }

  #value(): Right {
    const other = this.#other();
    if (other !== undefined) return other;
    const value = this.#lexer.value();
    if (value === undefined) throw this.#lexer.expected("a value");
    return { values: [value], other: undefined };
  }

  #list(): Right {
    const lexer = this.#lexer;
    if (lexer.takes("(")) return { values: this.#items(), other: undefined };
    const other = this.#other();
    if (other !== undefined) return other;
    const name = lexer.word(IDENTIFIER);
    if (name === undefined) throw lexer.expected("a list in parentheses");
    return { values: [], other: name };
  }

  #items(): Value[] {
    const lexer = this.#lexer;
    lexer.blank();
    const values: Value[] = [];
    if (lexer.takes(")")) return values;
    do {
      lexer.blank();
      const value = lexer.value();
      if (value === undefined) throw lexer.expected(values.length === 0 ? 'a value or ")"' : "a value");
      values.push(value);
      lexer.blank();
    } while (lexer.takes(","));
    if (!lexer.takes(")")) throw lexer.expected('"," or ")"');
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
