/** What the documents say is so: tables are the definitions', links lead somewhere, messages are those of the code. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { documents } from "../../build/docs.ts";
import { readConfig } from "../../src/plugin/config.ts";

const root = join(import.meta.dir, "../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** `UPDATE=1 bun test test/unit/docs.test.ts` writes the tables anew. */
const marks = Object.entries(documents).flatMap(([file, tables]) =>
  Object.keys(tables).map((mark) => [file, mark] as const),
);

test.each(marks)("%s: the table of %s is the definitions'", (file, mark) => {
  const text = read(file);
  const marked = new RegExp(`(<!-- ${mark} -->\n)[^]*?(<!-- /${mark} -->)`);
  expect(text).toMatch(marked);
  const fresh = text.replace(
    marked,
    (_all, open: string, close: string) => `${open}\n${documents[file]?.[mark]?.()}\n\n${close}`,
  );
  if (process.env.UPDATE) writeFileSync(join(root, file), fresh);
  else expect(text).toBe(fresh);
});

/** All documents of the project. */
const markdown = [".", "docs", "deploy"]
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: folder !== "." }).map((file) => join(folder, String(file))),
  )
  .filter((file) => file.endsWith(".md"))
  .sort();

/** Code between fences. */
const FENCED = /^ *```[\s\S]*?^ *```$/gm;

/** A document without its fenced and indented code and its code spans. */
const prose = (text: string): string =>
  text
    .replace(FENCED, "")
    .replace(/^ {4,}.*$/gm, "")
    .replace(/`[^`\n]*`/g, "");

/** The anchors of a document's headings, as GitHub makes them. */
const anchorsOf = (text: string): string[] => {
  const seen = new Map<string, number>();
  return [...text.replace(FENCED, "").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => {
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-");
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
};

describe("a link", () => {
  const links = markdown.flatMap((file) =>
    [
      ...prose(read(file)).matchAll(/\]\(([^)\s]+)\)/g),
      ...prose(read(file)).matchAll(/(?:src|srcset|href)="([^"]+)"/g),
    ].map(([, target = ""]) => [file, target] as const),
  );
  const own = links.filter(([, target]) => !/^[a-z]+:/.test(target));

  test("is found in the documents", () => expect(own.length).toBeGreaterThan(30));

  test.each(own)("%s: %s leads somewhere", (file, target) => {
    const [path = "", anchor] = target.split("#", 2);
    const to = path === "" ? file : relative(root, resolve(root, dirname(file), path));
    expect(to).not.toStartWith("..");
    expect(existsSync(join(root, to))).toBe(true);
    if (anchor === undefined) return;
    expect(statSync(join(root, to)).isFile()).toBe(true);
    expect(anchorsOf(read(to))).toContain(anchor);
  });

  test("leads to each document, from the README on", () => {
    const reached = new Set(["README.md"]);
    for (const file of reached)
      for (const [from, target] of own)
        if (from === file && target.split("#")[0]?.endsWith(".md"))
          reached.add(relative(root, resolve(root, dirname(file), target.split("#")[0] ?? "")));
    expect(markdown.filter((file) => !reached.has(file))).toEqual([]);
  });
});

/** The program's name in C, which the preprocessor joins to the texts beside it. */
const PROGRAM_NAME = "docker-plugin";

/** All texts of the code: those of C that stand one behind the other are one, as the compiler makes them. */
const code = ["src", "ffi"]
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((file) => join(folder, String(file))))
  .filter((file) => /\.(ts|[ch])$/.test(file))
  .map((file) =>
    read(file)
      .replaceAll(/" PROGRAM_NAME\b/g, `${PROGRAM_NAME}"`)
      .replaceAll(/"\s+"/g, "")
      .replaceAll('\\"', '"')
      .replaceAll("\\`", "`"),
  )
  .join("\n");

describe("a message in docs/troubleshooting.md", () => {
  const text = read("docs/troubleshooting.md");
  // The tables whose first column is what is printed; `…` stands for what differs.
  const tables = text.split("\n\n").filter((part) => /^\| (?:the log says|it says) \|/.test(part));
  const messages = tables.flatMap((table) =>
    table
      .split("\n")
      .slice(2)
      .flatMap((row) =>
        [...(row.split(/(?<!\\)\|/)[1] ?? "").matchAll(/(`+) ?(.+?) ?\1(?!`)/g)].map(([, , said = ""]) => said),
      ),
  );

  test("is found", () => expect(messages.length).toBeGreaterThan(40));

  test.each(messages)("%s", (message) => {
    const parts = message
      .split("…")
      .map((part) => part.trim())
      .filter((part) => part.length > 2);
    expect(Math.max(...parts.map((part) => part.length))).toBeGreaterThan(12);
    expect(parts.filter((part) => !code.includes(part))).toEqual([]);
  });
});

describe("what a document shows", () => {
  interface Shown {
    readonly init_config?: unknown;
    readonly plugins?: readonly { readonly init_config?: unknown }[];
  }
  const configs = markdown.flatMap((file) =>
    [...read(file).matchAll(/^ *```yaml\n([\s\S]*?)^ *```$/gm)]
      .map(([, yaml = ""]) => yaml)
      .filter((yaml) => yaml.includes("init_config:"))
      .map((yaml) => {
        const indent = /^ */.exec(yaml)?.[0] ?? "";
        const shown = Bun.YAML.parse(yaml.replaceAll(new RegExp(`^${indent}`, "gm"), "")) as Shown;
        return [file, JSON.stringify(shown.init_config ?? shown.plugins?.[0]?.init_config)] as const;
      }),
  );

  test("is a configuration of the plugin, here and there", () => expect(configs.length).toBeGreaterThan(5));

  test.each(configs)("%s: the plugin takes %s", (_file, config) => {
    expect(readConfig(config)).toMatchObject({ config: {}, warnings: [] });
  });
});
