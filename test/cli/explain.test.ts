/** --explain without a judge: what the fields of a rule hold, and what is wrong with the rule. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/temporary.ts";
import { run, Terminal } from "../support/tool.ts";

const PATH = "/nowhere";
const NO_JUDGE =
  "docker-plugin: there is no sysdig on this machine, whose libsinsp would judge conditions as Falco does; what the fields hold is shown without a verdict\n";

function fileOf(name: string, text: string): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, text);
  return file;
}

const RULES = fileOf(
  "rules.yaml",
  `- list: calm
  items: [start, create]
- macro: of_container
  condition: docker.type = container
- rule: Privileged
  condition: of_container and docker.action in (calm) and docker.container.privileged = true and evt.num > 0
  output: "%docker.container.name"
  source: docker
- rule: Another
  condition: docker.attributes[tier] = web
  output: x
  source: docker
- rule: Not ours
  condition: proc.name = sh
  output: x
`,
);
const container = `"Actor":{"ID":"a","Attributes":{"name":"web","tier":"w\\u001b[2Jeb"}}`;
const EVENTS = fileOf(
  "events.jsonl",
  `{"Type":"container","Action":"start",${container},"timeNano":5,"falco":{"inspected":true,"container":{"privileged":false}}}
{"Type":"container","Action":"die",${container},"timeNano":6,"falco":{"inspected":false,"uninspected":"late"}}
`,
);

test("each field of a rule is shown with what it holds, or why it holds nothing", () => {
  const { code, out, err } = run(["--explain", RULES, "--rule", "Privileged", "--replay", EVENTS], { env: { PATH } });
  expect([code, err]).toEqual([0, NO_JUDGE]);
  const [start, die] = out.split(/^(?=\d\d:)/m);
  const pairs = [...(start ?? "").matchAll(/^ {4}(.+?) {2,}(.+)$/gm)].map(([, text, value]) => [text, value]);
  expect(pairs).toEqual([
    ["docker.type = container", "container"],
    ["docker.action in (calm)", "start"],
    ["docker.container.privileged = true", "false"],
    ["evt.num > 0", "(not one of ours)"],
  ]);
  expect(die).toMatch(/docker\.container\.privileged = true {2}<NA> \(facts: late\)\n/);
});

test("without --rule all rules for Docker events are shown", () => {
  const { out } = run(["--explain", RULES, "--replay", EVENTS, "--count", "1"], { env: { PATH } });
  expect(out).toContain("  Privileged\n");
  expect(out).toContain("  Another\n    docker.attributes[tier] = web");
  expect(out).toContain("  w\\u001b[2Jeb\n");
  expect(out).not.toContain("Not ours");
});

test("what a rule excepts is looked at, too", () => {
  const rules = fileOf(
    "excepting.yaml",
    `- rule: R
  condition: docker.type = container
  exceptions:
    - {name: known, fields: [docker.attributes.name, docker.action], values: [[web, start]]}
  output: x
  source: docker
`,
  );
  const { out } = run(["--explain", rules, "--replay", EVENTS, "--count", "1"], { env: { PATH } });
  expect(out).toContain("    docker.attributes.name = web  web\n    docker.action = start         start\n");
});

test("on a terminal no line is wider", async () => {
  await using terminal = new Terminal(`PATH=/nowhere exec "$0" --explain ${RULES} --replay ${EVENTS} 2>/dev/null`, 80);
  expect(await terminal.process.exited).toBe(0);
  expect(Math.max(...terminal.lines.map((line) => Bun.stringWidth(line)))).toBeLessThanOrEqual(80);
});

const broken = fileOf("broken.yaml", `- rule: R\n  condition: docker.tpye = x\n  output: x\n  source: docker\n`);
const foreign = fileOf("foreign.yaml", `- rule: R\n  condition: proc.name = x\n  output: x\n`);

test.each([
  [
    [RULES, "--rule", "Privilegd"],
    2,
    /--rule "Privilegd": .* has no such rule for Docker events; did you mean Privileged\?/,
  ],
  [[RULES, "--rule", "zzzzzzzzz"], 2, /; it has Privileged, Another$/m],
  [[foreign], 2, /has no rule for Docker events \(source: docker\)/],
  [["/nowhere/rules.yaml"], 1, /\/nowhere\/rules\.yaml: there is no such file/],
  [[broken], 1, /R: there is no field docker\.tpye for events of Docker; did you mean docker\.type\?/],
] as const)("%p: exit code %d", (args, code, words) => {
  const ran = run(["--explain", ...args, "--replay", EVENTS], { env: { PATH } });
  expect([ran.code, ran.out]).toEqual([code, ""]);
  expect(ran.err).toMatch(words);
});
