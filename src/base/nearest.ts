/** The name that was meant, where one was mistyped. */

/** How many letters have to change: put in, taken out, replaced, or swapped with their neighbour. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** What stands behind the last dot. */
const ending = (name: string): string => name.slice(name.lastIndexOf(".") + 1);

/** Longer words are nobody's typing error, and would take long to compare. */
const WORD_MAX = 100;

/** So many names are told at most. */
const TOLD_MAX = 3;

/** The name whose letters are most like a word's; up to a third of them may differ. Undefined where none is near. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  if (word.length > WORD_MAX) return undefined;
  const wanted = word.toLowerCase();
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  let found: string | undefined;
  for (const name of names) {
    const letters = distance(wanted, name.toLowerCase());
    if (letters < least) [found, least] = [name, letters];
  }
  return found;
}

/** The names that end as a word does behind the last dot: who leaves out a part of a name means one of them. */
function alike(word: string, names: readonly string[]): readonly string[] {
  const end = ending(word.toLowerCase()).replaceAll("_", "");
  return end === "" || word.length > WORD_MAX ? [] : names.filter((name) => name.includes(".") && ending(name) === end);
}

/** A hint for an error, such as `; did you mean --dump?`; empty where nothing is near. */
export function didYouMean(word: string, names: readonly string[], prefix = ""): string {
  const same = alike(word, names).slice(0, TOLD_MAX);
  const meant = same.length > 0 ? same : [nearest(word, names)].filter((name) => name !== undefined);
  return meant.length === 0 ? "" : `; did you mean ${meant.map((name) => prefix + name).join(" or ")}?`;
}
