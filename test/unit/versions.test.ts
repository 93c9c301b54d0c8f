/** One version in all places: where one differs it is named, and a new one gets everywhere by one command. */
import { expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { versionFaults } from "../../build/release/versions.ts";
import { info } from "../../src/plugin/info.ts";
import { temporaryFolder } from "../support/temporary.ts";

const root = join(import.meta.dir, "../..");

/** A copy of all that says a version. */
function project(): string {
  const copy = join(temporaryFolder(), "project");
  mkdirSync(copy);
  for (const part of ["package.json", "package-lock.json", "CHANGELOG.md", "README.md", "docs", "rules", "build"])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

function edit(file: string, from: string | RegExp, to: string): void {
  const text = readFileSync(file, "utf8");
  expect(text).toMatch(from);
  writeFileSync(file, text.replace(from, to));
}

function run(cwd: string, ...command: string[]): string {
  const env = { ...Bun.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd, env });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stdout} ${stderr}`);
  return stdout.toString().trim();
}

test("the project says one version", () => {
  expect(versionFaults(root)).toEqual([]);
});

const OTHER = "0.0.1";
test.each<[where: string, file: string, from: string | RegExp, says: string]>([
  ["the lock", "package-lock.json", /(?<="version": ")[^"]*/, "package-lock.json says 0.0.1, package.json"],
  [
    "a rules file",
    "rules/docker_rules.yaml",
    /(?<=name: docker\n\s+version: )\S+/,
    "rules/docker_rules.yaml says 0.0.1",
  ],
  ["a document", "README.md", /(?<=docker-)\d+\.\d+\.\d+(?=-linux)/, "README.md, docker-0.0.1 says 0.0.1"],
])("another version in %s is named", (_where, file, from, says) => {
  const copy = project();
  edit(join(copy, file), from, OTHER);
  const faults = versionFaults(copy);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain(says);
});

test("a rules file that asks for no version is named", () => {
  const copy = project();
  edit(join(copy, "rules/docker_rules.yaml"), "name: docker\n", "name: other\n");
  expect(versionFaults(copy)).toEqual([`rules/docker_rules.yaml says none, package.json ${info.version}`]);
});

test("a tag of another version, and one that the changelog does not know, are named", () => {
  const copy = project();
  edit(join(copy, "CHANGELOG.md"), "## [Unreleased]\n", `## [Unreleased]\n\n## [${info.version}] - 2026-01-31\n`);
  expect(versionFaults(copy, `v${info.version}`)).toEqual([]);
  expect(versionFaults(copy, `v${OTHER}`)).toEqual([`the tag says ${OTHER}, package.json ${info.version}`]);
  edit(join(copy, "CHANGELOG.md"), `## [${info.version}]`, `## [${OTHER}]`);
  expect(versionFaults(copy, `v${info.version}`)).toEqual([
    `the newest release in CHANGELOG.md says ${OTHER}, package.json ${info.version}`,
  ]);
});

test("`npm version` carries a new one everywhere, in one commit with its tag", () => {
  const copy = project();
  writeFileSync(join(copy, ".gitignore"), "node_modules\n");
  run(copy, "git", "init", "-q");
  for (const [key, value] of [
    ["user.name", "Test"],
    ["user.email", "test@localhost"],
  ] as const)
    run(copy, "git", "config", key, value);
  run(copy, "git", "add", ".");
  run(copy, "git", "commit", "-qm", "all");
  run(copy, "npm", "version", "97.98.99");
  expect(versionFaults(copy, "v97.98.99")).toEqual([]);
  expect(run(copy, "git", "status", "--porcelain")).toBe("");
  expect(run(copy, "git", "describe", "--exact-match")).toBe("v97.98.99");
  expect(run(copy, "git", "diff", "--name-only", "HEAD~1").split("\n").sort()).toEqual([
    "CHANGELOG.md",
    "README.md",
    "package-lock.json",
    "package.json",
    "rules/docker_activity_rules.yaml",
    "rules/docker_cis_rules.yaml",
    "rules/docker_example_rules.yaml",
    "rules/docker_rules.yaml",
  ]);
  expect(readFileSync(join(copy, "CHANGELOG.md"), "utf8")).toMatch(
    /## \[Unreleased\]\n\n## \[97\.98\.99\] - \d{4}-\d\d-\d\d\n/,
  );
});
