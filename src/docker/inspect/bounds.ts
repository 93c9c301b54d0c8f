/** Bounds of what is taken from an inspection. */
import { isMap } from "../../base/lenient.ts";

/** Characters of one text, and of all texts of one list: a command line of megabytes is possible. */
const TEXT_CHARS_MAX = 4 * 1024;
const LIST_CHARS_MAX = 32 * 1024;

const shortText = (text: string): string =>
  text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX).toWellFormed()}…` : text;

function shortList<T>(list: readonly T[], shorten: (item: T) => T): readonly T[] {
  let left = LIST_CHARS_MAX;
  const kept: T[] = [];
  for (const item of list) {
    const short = shorten(item);
    left -= JSON.stringify(short).length;
    if (left < 0) break;
    kept.push(short);
  }
  return kept;
}

/**
 * An inspection with bounds: each text has at most 4 Ki characters (a longer one ends in `…`), and each list as many of
 * its first elements as fit into 32 Ki.
 */
export function shortened<T extends object>(inspection: T): T {
  const short = (value: unknown): unknown => {
    if (typeof value === "string") return shortText(value);
    if (Array.isArray(value)) return shortList(value, short);
    return isMap(value) ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, short(each)])) : value;
  };
  return short(inspection) as T;
}
