/** Bounds of what is taken from an inspection. */
import { isMap } from "../../base/lenient.ts";

/** Characters of one text, and of all texts of one list: a command line of megabytes is possible. */
const TEXT_CHARS_MAX = 4 * 1024;
const LIST_CHARS_MAX = 32 * 1024;
/** Elements of one list: Falco is answered with no more (ffi/host/extract.h, EXTRACT_CELLS). */
export const LIST_ITEMS_MAX = 4096;

/** Whether a text was shortened, as far as it shows. */
export const isShortened = (text: string): boolean => text.length > TEXT_CHARS_MAX && text.endsWith("…");

/**
 * A list with each of its texts once, those that rules judge first: junk must not push these over the bound.
 * @param form the one form of a text
 */
export function judgedFirst(
  list: Iterable<string>,
  form: (text: string) => string,
  isJudged: (text: string) => boolean,
): string[] {
  const judged = new Set<string>();
  const others = new Set<string>();
  for (const given of list) {
    const text = form(given);
    if (isJudged(text)) judged.add(text);
    else if (others.size <= LIST_ITEMS_MAX) others.add(text);
  }
  return [...judged, ...others];
}

/** Shortens what it is given, and knows whether anything of it was lost. */
class Shortener {
  isCut = false;

  readonly shorten = (value: unknown): unknown => {
    if (typeof value === "string") return this.#text(value);
    if (Array.isArray(value)) return this.#list(value);
    if (!isMap(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.shorten(each)]));
  };

  #text(text: string): string {
    if (text.length <= TEXT_CHARS_MAX) return text;
    this.isCut = true;
    return `${text.slice(0, TEXT_CHARS_MAX).toWellFormed()}…`;
  }

  #list(list: readonly unknown[]): unknown[] {
    let left = LIST_CHARS_MAX;
    const kept: unknown[] = [];
    for (const item of list.slice(0, LIST_ITEMS_MAX)) {
      const short = this.shorten(item);
      left -= JSON.stringify(short).length;
      if (left < 0) break;
      kept.push(short);
    }
    this.isCut ||= kept.length < list.length;
    return kept;
  }
}

/**
 * An inspection with bounds: each text has at most 4 Ki characters (a longer one ends in `…`), and each list as many of
 * its first elements as fit into 32 Ki, at most 4,096. `cut` names the members that lost something; absent where none did. What a rule
 * judges of a list is to be drawn from it, or put first in it, before.
 */
export function shortened<T extends object>(inspection: T): T & { readonly cut?: readonly string[] } {
  // What is short as a whole, as nearly all is, has nothing that is too long.
  if (JSON.stringify(inspection).length <= TEXT_CHARS_MAX) return inspection;
  const shortener = new Shortener();
  const cut: string[] = [];
  const short = Object.entries(inspection).map(([name, value]) => {
    shortener.isCut = false;
    const kept = shortener.shorten(value);
    if (shortener.isCut) cut.push(name);
    return [name, kept];
  });
  return Object.fromEntries(cut.length === 0 ? short : [...short, ["cut", cut]]);
}
