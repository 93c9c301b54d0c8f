/** The conventions of rules files: that each fault is found. */
import { describe, expect, test } from "bun:test";
import { faultsOf, knownMacro } from "../../../build/rules/conventions.ts";
import { type Item, itemsOf, RULES_FILES, type Rule, textOf, writtenOut } from "../../../build/rules/file.ts";
import { info } from "../../../src/plugin/info.ts";

const HEAD = `- required_engine_version: 0.40.0
- required_plugin_versions:
    - name: docker
      version: ${info.version}
`;
const WELL = `${HEAD}
- list: docker_images
  items: [a/b]

- macro: user_known_engine_reloaded
  condition: (evt.num = 0)

- rule: Engine Reloaded
  desc: An engine read its settings again. Look at them.
  condition: >
    docker.type = daemon and docker.attributes.image in (docker_images)
    and not user_known_engine_reloaded
  output: An engine was reloaded | id=%docker.actor.id attribute=%docker.attributes[debug]
  priority: NOTICE
  source: docker
  tags: [docker, maturity_sandbox, docker_engine, mitre_defense_evasion, T1562.001, CIS_2.5]
`;

test("what keeps to them has no fault", () => {
  expect(faultsOf("docker_rules.yaml", WELL)).toEqual([]);
});

test.each(RULES_FILES)("%s keeps to them", (file) => {
  expect(faultsOf(file, textOf(file))).toEqual([]);
});

describe("a fault is found:", () => {
  test.each<[what: string, from: string | RegExp, to: string, fault: string]>([
    ["a long line", "# ", "", ""],
    ["an older engine", "0.40.0", "0.43.0", "it begins with"],
    ["another version of the plugin", info.version, "0.0.1", "it begins with"],
    ["a blank at the end", "priority: NOTICE", "priority: NOTICE ", "a blank at its end"],
    ["keys out of order", /( {2}priority: NOTICE\n)( {2}source: docker\n)/, "$2$1", "its keys come in the order"],
    ["a key that is missing", "  source: docker\n", "", "it has no source"],
    ["another source", "source: docker", "source: syscall", "its source is docker"],
    ["a priority of no use", "NOTICE", "DEBUG", "its priority is one of"],
    ["a name in lower case", "rule: Engine", "rule: engine", "capital letter"],
    ["a desc that is no sentence", "Look at them.", "Look at them", "whole sentences"],
    ["an output without keys", "id=%", "%", "its output is a sentence"],
    ["an output without a sentence", "An engine was reloaded | ", "", "its output is a sentence"],
    ["what Falco appends", "docker.actor.id", "docker.container.name", "Falco appends docker.container.name"],
    ["a field that is not there", "docker.actor.id", "docker.actor.name", "there is no field docker.actor.name"],
    [
      "a field without its argument",
      "docker.attributes[debug]",
      "docker.attributes",
      "docker.attributes needs an argument",
    ],
    ["an argument too many", "docker.actor.id", "docker.actor.id[x]", "docker.actor.id takes no argument"],
    ["no maturity", "maturity_sandbox, ", "", "its tags are"],
    ["no chapter", "docker_engine, ", "", "its tags are"],
    ["a tactic that is missing", "mitre_defense_evasion, ", "", "its tags are"],
    ["a tactic too many", "mitre_defense_evasion", "mitre_impact, mitre_defense_evasion", "its tags are"],
    ["a technique that nobody knows", "T1562.001", "T9999", "T9999 is not in"],
    ["a list that nothing uses", "in (docker_images)", "in (a/b)", "nothing uses docker_images"],
    [
      "a list that is not there",
      "in (docker_images)",
      "in (docker_images, docker_others)",
      "there is no list docker_others",
    ],
    ["a list's name in quotes", "in (docker_images)", "in ('docker_images')", "in quotes"],
    ["a macro that is not there", "docker.type = daemon and", "docker_daemon and", "there is no macro docker_daemon"],
    ["no macro of its own", "and not user_known_engine_reloaded", "", "its condition ends in"],
    ["a macro without parentheses", "(evt.num = 0)", "evt.num = 0", "stands in parentheses"],
    ["an operator of a newer engine", "docker.type = daemon", "docker.type regex daemon", "no operator regex"],
    ["a function of a newer engine", "docker.type = daemon", "basename(docker.type) = daemon", "no function basename"],
    ["a field on the right side", "docker.type = daemon", "docker.type = val(docker.action)", "no field on the right"],
    ["a list without parentheses", "in (docker_images)", "in docker_images", "a list in parentheses"],
    ["a text in the place of a list", "in (docker_images)", "in 'docker_images'", "a list in parentheses"],
    ["a field that is not there in a macro", "(evt.num = 0)", "(docker.nope = 0)", "there is no field docker.nope"],
    [
      "a list that is compared as a text",
      "docker.type = daemon",
      "docker.container.capadd contains X",
      "docker.container.capadd is a string list, and takes in",
    ],
    ["a bool that is none", "docker.type = daemon", "docker.container.privileged = yes", "is not true or false"],
    [
      "a value that needs quotes",
      "docker.type = daemon",
      "docker.container.securityopt in (a=b)",
      'expected "," or ")"',
    ],
    ["a list's item that needs quotes", "[a/b]", "['a=b']", "needs quotes"],
    [
      "several values in the place of one",
      /\[a\/b\](.*)in \(docker_images\)/s,
      "[a/b, c]$1= docker_images",
      "takes one value",
    ],
    ["a parenthesis too many", "docker.type = daemon", "(docker.type = daemon))", "expected and, or, or the end"],
  ])("%s", (what, from, to, fault) => {
    const text =
      what === "a long line"
        ? `${WELL}# ${"x".repeat(130)}\n`
        : typeof from === "string"
          ? WELL.replaceAll(from, to)
          : WELL.replace(from, to);
    expect(text).not.toBe(WELL);
    expect(faultsOf("docker_rules.yaml", text).join("\n")).toContain(
      fault === "" ? "characters; 130 are allowed" : fault,
    );
  });
});

test("a rule's macro has its name", () => {
  expect(knownMacro("Container Joined Another's Namespace")).toBe("user_known_container_joined_anothers_namespace");
});

test("macros and lists are written out as Falco does", () => {
  const rule = (condition: string) => ({ rule: "R", condition, output: " o\n" }) as unknown as Rule;
  const items: Item[] = [
    { list: "shells", items: ["sh", "bash", "a b", "'c d'"] },
    { list: "shell", items: ["fish"] },
    { list: "none", items: [] },
    { list: "programs", items: ["shells", "nc"] },
    { macro: "docker_container", condition: "docker.type = container\n" },
    rule(
      "docker_container and docker.action in (programs) and docker.id in (none) and docker.from = 'docker_container'",
    ),
    rule("docker.attributes[docker_container] = docker_container-x or docker.docker_container exists"),
    rule("docker.type in ('a(b', shell) or docker.type = shell or docker.type in (\"shell\")"),
  ];
  expect(writtenOut(items).map(({ condition, output }) => [condition, output])).toEqual([
    [
      `((docker.type = container) and docker.action in (sh, bash, "a b", "c d", nc) and docker.id in () and docker.from = 'docker_container')`,
      "o",
    ],
    ["(docker.attributes[docker_container] = docker_container-x or docker.docker_container exists)", "o"],
    [`(docker.type in ("a(b", fish) or docker.type = fish or docker.type in ("shell"))`, "o"],
  ]);
  const override: Item[] = [...items, { list: "shells", items: ["fish"] }];
  expect(writtenOut(override)[0]?.condition).toContain("in (fish, nc)");
});

test("the example is the rule whose lines the README shows", () => {
  expect(itemsOf(textOf("docker_example_rules.yaml")).at(-1)).toEqual({
    rule: "Container Lifecycle Event",
    desc: "A container was created, started, or has died",
    condition: "docker.status in (start,create,die)",
    output:
      "status=%docker.status from=%docker.from type=%docker.type action=%docker.action name=%docker.attributes.name",
    priority: "DEBUG",
    source: "docker",
    tags: ["docker"],
  });
});
