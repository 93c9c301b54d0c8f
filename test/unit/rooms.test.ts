/** What the documents say of the tree is so: each file that they name is there, and each room is named. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const read = (document: string): string => readFileSync(join(root, document), "utf8");

/** The paths of the project that a document names, in its code and its links. */
const pathsIn = (text: string): string[] =>
  [...text.matchAll(/(?<![\w./-])(?:src|ffi|test|build|bench|rules|docs|deploy)\/[\w./-]*/g)].map(([path]) =>
    path.replace(/[./]+$/, ""),
  );

test.each(["CONTRIBUTING.md", "README.md", "docs/compatibility.md", "docs/deploy.md", "docs/security.md"])(
  "what %s names is there",
  (document) => {
    const paths = pathsIn(read(document));
    expect(paths.length).toBeGreaterThan(1);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  },
);

const folders = (under: string): string[] =>
  readdirSync(join(root, under), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${under}/${name}`);

test("every room is named in CONTRIBUTING", () => {
  const rooms = [...folders("src"), ...folders("ffi"), "build", "test", "bench", "rules", "deploy"];
  expect(rooms.length).toBeGreaterThan(10);
  const paths = pathsIn(read("CONTRIBUTING.md"));
  // A file in a room names the room too.
  expect(rooms.filter((room) => !paths.some((path) => path === room || path.startsWith(`${room}/`)))).toEqual([]);
});

test("every stage of the tests is in CONTRIBUTING's table", () => {
  const stages = folders("test").filter((folder) => !/\/(fixtures|support)$/.test(folder));
  const rows = [...read("CONTRIBUTING.md").matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => `test/${name}`);
  expect(stages.filter((stage) => !rows.includes(stage))).toEqual([]);
});
