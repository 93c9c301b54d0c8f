/**
 * No regular expression of ours takes long for a text that somebody made for that: an engine's words, labels and names
 * among them, are others' words.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const SOURCES = join(import.meta.dir, "../../src");
const LITERAL =
  /(?:[=(,:?!&|]|=>|return|^)\s*\/((?![*/])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([dgimsuvy]*)(?=[\s.,;)\]])/gm;

const CHARS = 256 * 1024;
/** What only ever sees a bounded text: the end of a long line. */
const BOUNDED: Readonly<Record<string, number>> = { "docker/stream/truncation.ts": 4 * 1024 };
/** What a text of that length may take, ms: what grows with the square takes minutes. */
const MAX_MS = 1_000;

/** Every expression of the sources, with the most characters of a text that it sees. */
function regexes(): { name: string; regex: RegExp; chars: number }[] {
  const files = [...new Bun.Glob("**/*.ts").scanSync({ cwd: SOURCES })].sort();
  return files.flatMap((file) => {
    const code = readFileSync(join(SOURCES, file), "utf8").replace(/^\s*(?:\/?\*|\/\/).*$/gm, "");
    return [...code.matchAll(LITERAL)].map(([, source = "", flags]) => ({
      name: `${file} /${source}/`,
      regex: new RegExp(source, flags),
      chars: BOUNDED[file] ?? CHARS,
    }));
  });
}

/** Pieces that an expression could be made to try again and again: its own literals, and what its classes take. */
function pieces(source: string): string[] {
  const plain = source.replace(/\\([dwsDWS])/g, "").replace(/\\(.)/g, "$1");
  const own = plain.split(/[()[\]{}|?*+^$]/).filter((part) => part !== "");
  return [
    ...new Set([...own, ...plain, "a", "0", "a:", "a/", "a.", "a-", " ", '"a"', '\\"', ',"a":"b"', ',"a":1', "é"]),
  ];
}

const all = regexes();

test("the expressions are found", () => {
  expect(all.length).toBeGreaterThan(20);
  expect(all.some(({ name }) => name.startsWith("docker/reference.ts"))).toBe(true);
  expect(all.some(({ name }) => name.startsWith("docker/stream/truncation.ts"))).toBe(true);
});

test.each(all)("$name is quick", ({ regex, chars }) => {
  const some = pieces(regex.source);
  for (const piece of some) {
    for (const [before, after] of [
      ["", ""],
      ["", "\u0001"],
      ["}", "\u0001"],
      ["a", "}"],
      [piece, " "],
    ] as const) {
      const text = before + piece.repeat(chars / piece.length) + after;
      const began = process.cpuUsage();
      text.replace(regex, "");
      const { user } = process.cpuUsage(began);
      if (user / 1000 > MAX_MS) throw new Error(`${user / 1000} ms for ${JSON.stringify([before, piece, after])}`);
    }
  }
});
