/** Conditions as Falco reads them. */
import { expect, test } from "bun:test";
import { BadCondition, type Condition, parseCondition } from "../../../src/cli/rules/condition.ts";

/** A condition as a text with all its parentheses. */
function shape(condition: Condition): string {
  switch (condition.kind) {
    case "and":
    case "or":
      return `(${condition.of.map(shape).join(` ${condition.kind} `)})`;
    case "not":
      return `not ${shape(condition.of)}`;
    case "macro":
      return `<${condition.name}>`;
    case "check": {
      const { field, key, transformers, operator, values, other } = condition;
      const left = transformers.reduceRight(
        (text, each) => `${each}(${text})`,
        key === undefined ? field : `${field}[${key}]`,
      );
      return [
        left,
        operator,
        ...values.map(({ text, quoted }) => (quoted ? JSON.stringify(text) : text)),
        ...(other === undefined ? [] : [`@${other}`]),
      ].join(" ");
    }
  }
}

test.each([
  ["docker.type=container", "docker.type = container"],
  ["a and b or not c and (d or e)", "((<a> and <b>) or (not <c> and (<d> or <e>)))"],
  ["docker.status in (start,create,die)", "docker.status in start create die"],
  ["docker.status in ()", "docker.status in"],
  ["docker.status in actions", "docker.status in @actions"],
  ["docker.type in (\"a b\", 'c)')", 'docker.type in "a b" "c)"'],
  ['docker.type = "a \\"b\\""', 'docker.type = "a \\"b\\""'],
  ["docker.attributes[com.example/team] exists", "docker.attributes[com.example/team] exists"],
  ["docker.container.mount[/a(b)] = /", "docker.container.mount[/a(b)] = /"],
  ["tolower(docker.type) = x", "tolower(docker.type) = x"],
  ["toupper(tolower(docker.attributes[x])) in (a)", "toupper(tolower(docker.attributes[x])) in a"],
  ["docker.type = val(docker.action)", "docker.type = @docker.action"],
  ["docker.exec.exitcode>=-1", "docker.exec.exitcode >= -1"],
  ["not docker.type = x\n  and web", "(not docker.type = x and <web>)"],
  ["docker.type = and_more", "docker.type = and_more"],
  // A bare value is all up to a blank, a quote, a comma, a parenthesis or an equals sign.
  ["docker.type = a!b<c>d", "docker.type = a!b<c>d"],
  ["docker.type = <b", "docker.type = <b"],
  ["docker.type in (a!, <b, [c])", "docker.type in a! <b [c]"],
  ["docker.type != !x", "docker.type != !x"],
  ["docker.type contains not", "docker.type contains not"],
  ["docker.type = and and docker.id = or", "(docker.type = and and docker.id = or)"],
  ["docker.exec.exitcode > 5and docker.type=x", "(docker.exec.exitcode > 5 and docker.type = x)"],
  ["docker.type in(a)", "docker.type in a"],
  ["not(a) and(b) or(c)", "((not <a> and <b>) or <c>)"],
  ["not not a", "<a>"],
  [`${"not ".repeat(10_001)}a`, "not <a>"],
  ["docker.type = 'a\\tb\\''", 'docker.type = "a\\tb\'"'],
  ["docker.attributes['a b'] exists", "docker.attributes[a b] exists"],
])("%s", (text, expected) => {
  expect(shape(parseCondition(text))).toBe(expected);
});

test.each([
  "",
  "and",
  "a and",
  "(a",
  "a)",
  "docker.type",
  "docker.type = ",
  'docker.type = "a',
  "docker.type == (a)",
  "docker.type in (a b)",
  "docker.type in (a",
  "docker.attributes[a b] = x",
  "docker.type <> x",
  "docker.type < x",
  "tolower(docker.type",
  "not",
  "a b",
  "a andb",
  "a or_b",
  "foo = x",
  "tolower (docker.type) = x",
  "val(docker.type) = x",
  "docker.type = val(tolower(docker.type))",
  "docker.type glob",
  "docker.type contains(x)",
  "docker.type in (a,)",
  "docker.type in 'a'",
  "docker.attributes[] = x",
  "docker._type = x",
  'docker.type = "a\\q"',
  'docker.type = "\\x41"',
  `docker.type = "a\\'"`,
  "docker.type = 'a\\\\'",
  `${"(".repeat(10_000)}a`,
  `${"tolower(".repeat(10_000)}docker.type`,
])("%p is none", (text) => {
  expect(() => parseCondition(text)).toThrow(BadCondition);
});
