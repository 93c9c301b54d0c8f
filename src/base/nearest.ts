/** What somebody may have meant. */

/** How many letters are to be changed, added or taken away to make one text of another. */
function distance(a: string, b: string): number {
  let before = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const now = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (before[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      now.push(Math.min(changed, (before[j] ?? 0) + 1, (now[j - 1] ?? 0) + 1));
    }
    before = now;
  }
  return before[b.length] ?? 0;
}

/** The one of `known` that is most like `text`; undefined where none is like it. Both are short. */
export function nearest(text: string, known: readonly string[]): string | undefined {
  const [best] = known.map((each) => ({ each, far: distance(text.slice(0, 40), each) })).sort((a, b) => a.far - b.far);
  return best !== undefined && best.far <= Math.max(2, best.each.length / 2) ? best.each : undefined;
}
