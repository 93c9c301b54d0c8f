/**
 * The words of a condition as libsinsp reads them: what a text is depends on where it stands, so `a!b<c` is a value
 * behind `=`, and none is known before (libs 0.23.2: userspace/libsinsp/filter/parser.cpp, escaping.cpp).
 */

/** A condition that Falco would not read; the message says where and why. */
export class BadCondition extends Error {}

export interface Value {
  readonly text: string;
  readonly quoted: boolean;
}

/** POSIX' `[:space:]`; what may stand between two words is another set. */
const SPACE = "\\t\\n\\v\\f\\r ";
const BLANK = /[ \t\b\r\n]*/y;
const BARE = new RegExp(`[^()"'=,${SPACE}]+`, "y");
const KEY = new RegExp(`[^\\][\\"'${SPACE}]+`, "y");
const NUMBER = /0[xX][0-9a-fA-F]+|[+-]?[0-9]+\.?[0-9]*(?:[eE][+-][0-9]+)?/y;
/** What a message shows of what stands where something else should. */
const SHOWN = /[\w.[\]]+|<=|>=|==|!=|./sy;

/** A backslash with a blank is a backslash: some old rules have it so. */
const ESCAPES: Readonly<Record<string, string>> = {
  ...{ b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" },
  ...{ " ": "\\", "\\": "\\", "/": "/" },
};

function unescaped(inner: string, quote: string): string {
  return inner.replace(/\\(.?)/gs, (all, char: string) => {
    const plain = char === quote ? quote : ESCAPES[char];
    if (plain === undefined) throw new BadCondition(`${JSON.stringify(all)} is no escape in ${quote}-quotes`);
    return plain;
  });
}

/** Whether a list's item can stand without quotes. */
export const isBare = (text: string): boolean => {
  BARE.lastIndex = 0;
  return BARE.exec(text)?.[0] === text;
};

/** A place in a condition's text, which goes on with what is taken. */
export class Lexer {
  at = 0;

  constructor(readonly text: string) {}

  get isOver(): boolean {
    return this.at >= this.text.length;
  }

  /** Passes over blanks. Returns whether there were some. */
  blank(): boolean {
    return (this.#match(BLANK) ?? "") !== "";
  }

  /** Takes this very text, if it is what comes next: also where more letters follow. */
  takes(text: string): boolean {
    if (!this.text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  /** Takes the first of these that comes next; one that ends in a blank needs one behind it, of whatever kind. */
  takesOne<T extends string>(texts: readonly T[]): T | undefined {
    return texts.find((text) => {
      const { at } = this;
      if (this.takes(text.trimEnd()) && (!text.endsWith(" ") || this.blank())) return true;
      this.at = at;
      return false;
    });
  }

  /** Takes what a pattern matches here. @param pattern sticky, and never empty */
  word(pattern: RegExp): string | undefined {
    return this.#match(pattern);
  }

  number(): string | undefined {
    return this.#match(NUMBER);
  }

  /** A value in quotes, or a bare one. @throws BadCondition where an escape is none */
  value(): Value | undefined {
    return this.#quoted() ?? this.#bare(BARE);
  }

  /** A field's argument. @throws BadCondition */
  key(): string | undefined {
    return (this.#quoted() ?? this.#bare(KEY))?.text;
  }

  /** What to throw where something else should stand. */
  expected(what: string): BadCondition {
    const shown = this.isOver ? "the end" : this.#peek(SHOWN);
    return new BadCondition(`expected ${what} in place of ${JSON.stringify(shown)} (at ${this.at + 1})`);
  }

  #bare(pattern: RegExp): Value | undefined {
    const text = this.#match(pattern);
    return text === undefined ? undefined : { text, quoted: false };
  }

  /** Up to the next quote of its kind that has no backslash before it, were that one itself escaped. */
  #quoted(): Value | undefined {
    const quote = this.text[this.at];
    if (quote !== '"' && quote !== "'") return undefined;
    for (let end = this.at + 1; end < this.text.length; end++) {
      if (this.text[end] !== quote || (end > this.at + 1 && this.text[end - 1] === "\\")) continue;
      const inner = this.text.slice(this.at + 1, end);
      this.at = end + 1;
      return { text: unescaped(inner, quote), quoted: true };
    }
    throw new BadCondition(`a quote is open: ${this.text.slice(this.at, this.at + 20)} (at ${this.at + 1})`);
  }

  #peek(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text)?.[0];
  }

  #match(pattern: RegExp): string | undefined {
    const text = this.#peek(pattern);
    this.at += text?.length ?? 0;
    return text;
  }
}
