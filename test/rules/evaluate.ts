/** Lets libsinsp say which events of a capture file a rule matches, and what its output is. */
import { availableParallelism } from "node:os";
import type { Rule } from "../../build/rules/file.ts";
import { run } from "../support/sinsp.ts";

export interface Hit {
  /** The event's time, ns since 1970. */
  readonly time: bigint;
  readonly output: string;
}

/** Begins what is printed of an event: an output may hold newlines. */
const MARK = "\u0001";

/** What a rule matches in a capture file. @throws where libsinsp refuses the condition or the output */
export async function hitsOf({ rule, condition, output }: Rule, file: string, config: object): Promise<Hit[]> {
  const { code, stdout, stderr } = await run(config, "-r", file, "-p", `*${MARK}%evt.rawtime ${output}`, condition);
  if (code !== 0) throw new Error(`${rule}: ${stderr}`);
  return stdout
    .split(MARK)
    .slice(1)
    .map((text) => {
      const blank = text.indexOf(" ");
      return { time: BigInt(text.slice(0, blank)), output: text.slice(blank + 1).trimEnd() };
    });
}

/**
 * The hits of each rule by its name, where most match nothing: those that one libsinsp finds nothing for are not asked about
 * one by one.
 */
export async function hitsOfFew(rules: readonly Rule[], file: string, config: object): Promise<Map<string, Hit[]>> {
  const [first, ...others] = rules;
  if (first === undefined || others.length === 0) return hitsOfAll(rules, file, config);
  const condition = rules.map((rule) => `(${rule.condition})`).join(" or ");
  const hits = await hitsOf({ ...first, condition, output: "" }, file, config);
  if (hits.length === 0) return new Map(rules.map(({ rule }) => [rule, []]));
  const half = rules.length >> 1;
  const halves = [rules.slice(0, half), rules.slice(half)].map((some) => hitsOfFew(some, file, config));
  return new Map((await Promise.all(halves)).flatMap((found) => [...found]));
}

/** The hits of each rule by its name: each is a libsinsp of its own, as many at a time as there are processors. */
export async function hitsOfAll(rules: readonly Rule[], file: string, config: object): Promise<Map<string, Hit[]>> {
  const left = [...rules];
  const hits = new Map<string, Hit[]>();
  const work = async () => {
    for (let rule = left.shift(); rule !== undefined; rule = left.shift())
      hits.set(rule.rule, await hitsOf(rule, file, config));
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 8) }, work));
  return hits;
}
