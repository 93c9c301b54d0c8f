/**
 * The words of a command line, for rules that ask for one by its exact value: a list in Falco knows nothing else. What a
 * shell would read as a word is among them however it is quoted, and beside it what a rule can name of it: the program's
 * base name, a file's folders, a URL's host. There may be more words than a shell would see, and never less.
 *
 * What only running a shell could tell is not seen: the values of variables, globs and alternatives (`cur?`, `c{u,}rl`),
 * and what is decoded first (`base64 -d`).
 */
import { isShortened } from "./inspect/bounds.ts";

/** Words of one command, the mark of a cut among them. */
export const WORDS_MAX = 256;
/** Characters of a word; a longer one is left out, while its parts are not. */
export const WORD_CHARS_MAX = 256;
/** Characters of a command line that are looked at. */
export const TEXT_CHARS_MAX = 32 * 1024;
/** The last word where there would have been more. */
export const CUT = "…";

/** Bytes of all words: so many for each of the text's, and these. The bound of a record is counted from them. */
export const COPIES_MAX = 4;
export const EXTRA_BYTES = 1024;

/** Folders that lead to a file, as words: `/dev/tcp` of `/dev/tcp/10.0.0.1/443`. */
const FOLDERS_MAX = 3;

/** Where a word may go on or end, which only a shell that runs could tell: an unknown variable may be empty or a blank. */
const MAYBE = "\0";

/** What ends a word wherever it stands: quoted text may be a command line of its own. */
const SEPARATORS = new Set(" ;&|()<>`,");
/** What a shell takes away, or may. */
const QUOTES = new Set("'\"");
const MAYBES = new Set("{}[]");

/** `$()`, an empty pair of backticks: nothing. */
const NOTHING = /\$\([ \t\n]*\)|`[ \t\n]*`/y;
/** `$IFS`, `${IFS}`, `$1`; of `${x:-curl}` what stands before `curl`. */
const VARIABLE =
  /\$(?:\{[#!]?(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?!$-])?(?::?[-+=?])?|[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?!$-])/y;
/** `\x63`, `\143`, `\u0063`, as of `$'\x63url'` and `printf '\x63url'`. */
const ESCAPE = /\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|([ntr\\]))/g;

/** @param lineEnd what `\n`, `\t` and `\r` become */
function unescaped(text: string, lineEnd: string): string {
  return text.replace(ESCAPE, (_, x?: string, u?: string, long?: string, octal?: string, other?: string) => {
    if (other !== undefined) return other === "\\" ? "\\\\" : lineEnd === "" ? other : lineEnd;
    const hex = x ?? u ?? long;
    const code = hex === undefined ? Number.parseInt(octal ?? "", 8) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : "";
  });
}

/** What stands behind each `$'`. */
const OPENED = /(?<=\$')(?:[^'\\]|\\[\s\S])+/g;
/** A piece of a text that is quoted in one way or another; the group is what stands in `$'…'`. */
const QUOTED = /\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*"|\$'((?:[^'\\]|\\[\s\S])*)'/g;

/**
 * The ways in which a text can be read. Whether `\x63` is an escape depends on all the quotes before it, which may be
 * an inner shell's or none, so that one reading alone could be led astray.
 */
function readingsOf(text: string): ReadonlySet<string> {
  const everywhere = unescaped(text, "\n");
  if (everywhere === text) return new Set([text]);
  // What is open here may in truth be closed: letters that only are escaped stay what they are.
  const opened = text.replace(OPENED, (inner) => unescaped(inner, ""));
  const quoted = text.replace(QUOTED, (all, inner?: string) => (inner === undefined ? all : unescaped(inner, "\n")));
  return new Set([text, quoted, opened, everywhere]);
}

/** In ASCII alone: a letter that only looks like another is another, and no text grows. */
const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

class Words {
  readonly #words = new Set<string>();
  #left: number;
  isCut = false;

  constructor(textBytes: number) {
    this.#left = COPIES_MAX * textBytes + EXTRA_BYTES;
  }

  get list(): string[] {
    return this.isCut ? [...this.#words, CUT] : [...this.#words];
  }

  #add(word: string): void {
    if (word === "" || word.length > WORD_CHARS_MAX || this.#words.has(word)) return;
    this.#left -= Buffer.byteLength(word);
    if (this.#words.size === WORDS_MAX - 1 || this.#left < 0) this.isCut = true;
    else this.#words.add(word);
  }

  /** Adds the words of a command line, as far as there is room. */
  read(text: string): void {
    let token = "";
    for (let at = 0; at < text.length && !this.isCut; at++) {
      const char = text.charAt(at);
      if (char === "$" || char === "`") {
        const end = endOf(NOTHING, text, at) || endOf(VARIABLE, text, at);
        if (end > 0) {
          token += MAYBE;
          at = end - 1;
          continue;
        }
      }
      if (char === "\\") {
        // What is escaped may be what an inner shell takes as an escape; a line's end is then none.
        if (text.charAt(at + 1) !== "\n") continue;
        token += MAYBE;
        at++;
      } else if (SEPARATORS.has(char) || char < " " || char === "\x7f") {
        this.#token(token);
        token = "";
      } else if (MAYBES.has(char) || char === "$") {
        token += MAYBE;
      } else if (!QUOTES.has(char)) {
        token += char;
      }
    }
    this.#token(token);
  }

  #token(token: string): void {
    const word = lower(token);
    if (!word.includes(MAYBE)) {
      this.#word(word);
      return;
    }
    const pieces = word.split(MAYBE);
    this.#word(pieces.join(""));
    for (const piece of pieces) this.#word(piece);
  }

  #word(word: string): void {
    this.#add(word);
    if (word.startsWith("-")) this.#option(word);
    // `if=/dev/sda`, `root@host:/etc`, `http://169.254.169.254/latest`.
    for (const piece of word.split(/[=:@]/)) {
      if (!piece.includes("/")) this.#add(piece);
      else if (piece.startsWith("//")) this.#location(piece.slice(2));
      else this.#path(piece);
    }
  }

  /** `-lvpe` is `-l -v -p -e`; `-e/bin/sh` is `-e /bin/sh`. */
  #option(word: string): void {
    if (/^-[a-z0-9]{2,8}$/.test(word)) for (const letter of word.slice(1)) this.#add(`-${letter}`);
    const slash = word.indexOf("/");
    if (slash < 0) return;
    this.#add(word.slice(0, slash));
    this.#path(word.slice(slash));
  }

  /** What stands behind the `//` of a URL; of a path that was only written so too. */
  #location(piece: string): void {
    const host = piece.split("/", 1)[0] ?? "";
    this.#add(host);
    this.#path(piece.slice(host.length));
    this.#path(`/${piece}`);
  }

  /** A path in its shortest form, its folders, its name, and its name with the folder that it lies in. */
  #path(written: string): void {
    const root = written.startsWith("/") ? "/" : "";
    const names: string[] = [];
    for (const name of written.split("/")) {
      if (name === "" || name === ".") continue;
      if (name !== ".." || (root === "" && (names.at(-1) ?? "..") === "..")) names.push(name);
      else names.pop();
    }
    this.#add(root + names.join("/"));
    this.#add(names.at(-1) ?? "");
    if (names.length > 1) this.#add(names.slice(-2).join("/"));
    for (let depth = 1; depth <= FOLDERS_MAX && depth < names.length; depth++)
      this.#add(root + names.slice(0, depth).join("/"));
  }
}

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : 0;
}

/**
 * The words of a command, in lower case, each once: what a shell would read, and for each its base name, the parts before
 * and behind `=`, `:` and `@`, of a path its shortest form, its first folders and its last two names (`etc/shadow`), of
 * options in one (`-lvp`) each.
 * @param command program and arguments; each may be a command line of its own, as of `sh -c`
 * @returns at most 256 words of at most 256 characters; the last is `…` where there are more, or where the command has
 *   more than 32 Ki characters; undefined where there are none
 */
export function wordsOf(command: readonly string[]): readonly string[] | undefined {
  const whole = command.join("\n");
  const text = whole.slice(0, TEXT_CHARS_MAX);
  const words = new Words(Buffer.byteLength(text));
  for (const reading of readingsOf(text)) words.read(reading);
  if (text.length < whole.length || command.some(isShortened)) words.isCut = true;
  const { list } = words;
  return list.length === 0 ? undefined : list;
}
