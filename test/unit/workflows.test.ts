/** The workflows of the project's host: they call what is there, with as few rights as will do. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}
interface Job {
  readonly steps: readonly Step[];
  readonly needs?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly string[]>> };
}
interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const root = join(import.meta.dir, "../..");
const folder = join(root, ".github/workflows");
const textOf = (file: string): string => readFileSync(join(folder, file), "utf8");
const workflows = readdirSync(folder).map((file) => [file, Bun.YAML.parse(textOf(file)) as Workflow] as const);
const workflow = (name: string): Workflow => {
  const [, found] = workflows.find(([file]) => file === name) ?? [];
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};
const stepsOf = ({ jobs }: Workflow): Step[] => Object.values(jobs).flatMap(({ steps }) => steps);

test("there is one for tests and one for releases", () => {
  expect(workflows.map(([file]) => file).sort()).toEqual(["ci.yml", "release.yml"]);
});

test.each(workflows)("%s: what it calls is there", (_file, each) => {
  let calls = 0;
  for (const { run = "" } of stepsOf(each)) {
    for (const [, script = ""] of run.matchAll(/\bnpm (?:run (?:--silent )?)?([a-z][\w:]*)/g)) {
      expect(Object.keys(manifest.scripts)).toContain(script);
      calls++;
    }
    for (const [path] of run.matchAll(/(?<![\w/])\.ci\/\w+/g)) {
      expect(existsSync(join(root, path))).toBe(true);
      calls++;
    }
  }
  expect(calls).toBeGreaterThan(1);
});

test.each(workflows)("%s: actions are pinned to a commit, and their version is told", (file, each) => {
  const lines = textOf(file).match(/uses: .*/g) ?? [];
  expect(lines.length).toBe(stepsOf(each).filter(({ uses }) => uses !== undefined).length);
  for (const line of lines) expect(line).toMatch(/^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});

test.each(workflows)(
  "%s: each job has an end, keeps no token in the clone, and needs one that is there",
  (_file, each) => {
    for (const { steps, needs, ...job } of Object.values(each.jobs)) {
      expect(job["timeout-minutes"]).toBeLessThanOrEqual(20);
      for (const step of steps.filter(({ uses }) => uses?.startsWith("actions/checkout@")))
        expect(step.with?.["persist-credentials"]).toBe(false);
      if (needs !== undefined) expect(Object.keys(each.jobs)).toContain(needs);
    }
  },
);

test.each(workflows)("%s: what comes from outside reaches a shell as a variable only", (_file, each) => {
  for (const { run = "" } of stepsOf(each)) expect(run).not.toContain("${" + "{");
});

test("rights: tests may read, and so may a release's build; its publishing may no more than it needs", () => {
  expect(workflow("ci.yml").permissions).toEqual({ contents: "read" });
  expect(Object.values(workflow("ci.yml").jobs).filter(({ permissions }) => permissions !== undefined)).toEqual([]);
  const { permissions, jobs } = workflow("release.yml");
  expect(permissions).toEqual({});
  expect(Object.entries(jobs).map(([name, job]) => [name, job.permissions])).toEqual([
    ["build", { contents: "read" }],
    ["publish", { contents: "write", packages: "write", "id-token": "write", attestations: "write" }],
  ]);
});

test("every stage of the tests is in a job", () => {
  const { jobs } = workflow("ci.yml");
  const stages = readdirSync(join(root, "test"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !["fixtures", "support", "unit"].includes(entry.name))
    .map(({ name }) => name);
  expect([...(jobs.stage?.strategy?.matrix.stage ?? [])].sort()).toEqual(stages.sort());
  expect(jobs.check?.steps.map(({ run }) => run)).toContain("npm test -- check unit");
});
