/**
 * One version, said in several places: package.json has it, and these follow. The library, the program and the bill of
 * materials are built from package.json and so can say nothing else.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a rules file asks of the plugin. */
const REQUIRED = /(- name: docker\n\s+version: )(\S+)/;
/** A file of a release, where a document names one. */
const RELEASED =
  /(\bdocker-(?:plugin-|rules-|deploy-)?|\bfalco-plugin-docker_)\d+\.\d+\.\d+(?:-[\w.]+?)?(?=-linux|_a|\.tar)/g;
const UNRELEASED = "## [Unreleased]\n";
const PUBLISHED = /^## \[(\d[^\]]*)\] - \d{4}-\d{2}-\d{2}$/m;

interface Manifest {
  readonly version: string;
}
interface Lock extends Manifest {
  readonly packages: Readonly<Record<string, Manifest>>;
}

const rulesFiles = (root: string): string[] =>
  readdirSync(join(root, "rules"))
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => join("rules", file));

/** Those that show how to install, and so name files of a release. */
const documents = (root: string): string[] => [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => join("docs", file)),
];

const versionOf = (root: string): string =>
  (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest).version;

/**
 * Carries package.json's version to the rules and documents, and closes the changelog's open chapter under it.
 * @param root the project's folder
 * @param date of the release, YYYY-MM-DD
 * @returns the files that it wrote, from `root` on
 */
export function carryVersion(root: string, date: string): string[] {
  const version = versionOf(root);
  const edit = (file: string, change: (text: string) => string): string[] => {
    const before = readFileSync(join(root, file), "utf8");
    const after = change(before);
    if (after === before) return [];
    writeFileSync(join(root, file), after);
    return [file];
  };
  return [
    ...rulesFiles(root).flatMap((file) => edit(file, (text) => text.replace(REQUIRED, `$1${version}`))),
    ...documents(root).flatMap((file) => edit(file, (text) => text.replace(RELEASED, `$1${version}`))),
    ...edit("CHANGELOG.md", (text) => text.replace(UNRELEASED, `${UNRELEASED}\n## [${version}] - ${date}\n`)),
  ];
}

/**
 * What says another version than package.json, each as a person is to read it.
 * @param root the project's folder
 * @param tag the release's tag; undefined where nothing is released
 */
export function versionFaults(root: string, tag?: string): string[] {
  const version = versionOf(root);
  const read = (file: string): string => readFileSync(join(root, file), "utf8");
  const lock = JSON.parse(read("package-lock.json")) as Lock;
  const said: [where: string, says: string | undefined][] = [
    ["package-lock.json", lock.version],
    ['package-lock.json, packages[""]', lock.packages[""]?.version],
    ...rulesFiles(root).map((file): [string, string | undefined] => [file, REQUIRED.exec(read(file))?.[2]]),
  ];
  for (const file of documents(root))
    for (const [name] of read(file).matchAll(RELEASED)) said.push([`${file}, ${name}`, name.replace(/^[^\d]*/, "")]);
  if (tag !== undefined) {
    said.push(["the tag", tag.replace(/^v/, "")]);
    said.push(["the newest release in CHANGELOG.md", PUBLISHED.exec(read("CHANGELOG.md"))?.[1]]);
  }
  return said
    .filter(([, says]) => says !== version)
    .map(([where, says]) => `${where} says ${says ?? "none"}, package.json ${version}`);
}

// npm runs this between writing package.json and committing: `npm version X.Y.Z`.
if (import.meta.main) {
  const root = process.cwd();
  const written = carryVersion(root, new Date().toISOString().slice(0, 10));
  const { exitCode, stderr } = Bun.spawnSync(["git", "add", ...written], { cwd: root });
  if (exitCode !== 0) throw new Error(`git add: ${stderr}`);
}
