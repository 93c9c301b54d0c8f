/** Rules files as Falco reads them: rules, macros and lists. */
import { readFileSync } from "node:fs";
import { errorMessage, fileTrouble } from "../../base/errors.ts";
import { isMap, type Json } from "../../base/lenient.ts";
import { info } from "../../plugin/info.ts";
import type { Check, Value } from "./condition.ts";
import { Exceptions } from "./exceptions.ts";

/** A rules file that cannot be read; the message says which, and why. */
export class BadRules extends Error {}

export interface Rule {
  readonly name: string;
  readonly file: string;
  /** With its exceptions, as Falco judges it. */
  readonly condition: string;
  /** What is wrong with its exceptions, in words. */
  readonly problems: readonly string[];
  /** The fields that its exceptions look at. */
  readonly exceptionFields: readonly string[];
  readonly output: string;
  readonly priority: string;
  readonly source: string;
  readonly enabled: boolean;
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : value === undefined ? "" : String(value);

/** What `append` and `override` of an item say of a text of it (falco 0.40: docs, rules, overriding). */
function merged(before: string, item: Json, key: "condition" | "output", joint: string): string {
  const override = isMap(item.override) ? item.override[key] : undefined;
  const appends = override === "append" || (item.append === true && key in item);
  if (appends) return `${before}${joint}${textOf(item[key]).trim()}`;
  return key in item ? textOf(item[key]).trim() : before;
}

/** The items of a file. @throws BadRules */
function itemsOf(file: string): Json[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new BadRules(`${file}: ${fileTrouble(error)}`);
  }
  let yaml: unknown;
  try {
    yaml = Bun.YAML.parse(text);
  } catch (error) {
    throw new BadRules(`${file}: it is not YAML: ${errorMessage(error)}`);
  }
  // A file of several documents is a list of lists.
  const items = Array.isArray(yaml) ? yaml.flat() : yaml === null || yaml === undefined ? [] : [yaml];
  if (!items.every(isMap)) throw new BadRules(`${file}: expected a list of rules, macros and lists`);
  return items;
}

/** A list's item in a condition: Falco puts it in quotes where it has a blank and none of its own, and only there. */
function itemAsWritten(item: string): Value {
  const inner = /^(["'])(.*)\1$/s.exec(item)?.[2];
  return { text: inner ?? item, quoted: inner !== undefined || item.includes(" ") };
}

/** Lists hold lists, but not themselves. */
const LISTS_DEEP = 10;

/** The rules of several files, the later ones going on with the earlier. */
export class Ruleset {
  readonly rules = new Map<string, Rule>();
  readonly macros = new Map<string, string>();
  readonly lists = new Map<string, readonly string[]>();
  /** Of each rule what it says before its exceptions, and these. */
  readonly #written = new Map<string, { condition: string; readonly exceptions: Exceptions }>();

  /** Takes a file. @throws BadRules */
  load(file: string): void {
    this.take(itemsOf(file), file);
  }

  /** Takes what is in a file. */
  take(items: readonly Json[], file: string): void {
    for (const item of items) {
      if (typeof item.list === "string") this.#list(item.list, item);
      else if (typeof item.macro === "string")
        this.macros.set(item.macro, merged(this.macros.get(item.macro) ?? "", item, "condition", " "));
      else if (typeof item.rule === "string") this.#rule(item.rule, item, file);
    }
  }

  /** The rules for our events. */
  get ours(): Rule[] {
    return [...this.rules.values()].filter(({ source }) => source === info.eventSource);
  }

  /**
   * What a check compares with, the items of lists in the place of their names: behind any operator, but not in quotes
   * (falco 0.44: userspace/engine/rule_loader_compiler.cpp).
   */
  comparedWith({ values, other }: Check): readonly Value[] {
    const written = other === undefined ? values : [{ text: other, quoted: false }];
    return written.flatMap((value) => (value.quoted ? [value] : this.#itemsOf(value.text, 0)));
  }

  #itemsOf(name: string, depth: number): readonly Value[] {
    const items = this.lists.get(name);
    return items === undefined || depth > LISTS_DEEP
      ? [itemAsWritten(name)]
      : items.flatMap((item) => this.#itemsOf(item, depth + 1));
  }

  #list(name: string, item: Json): void {
    const items = Array.isArray(item.items) ? item.items.map(textOf) : [];
    const appends = item.append === true || (isMap(item.override) && item.override.items === "append");
    this.lists.set(name, appends ? [...(this.lists.get(name) ?? []), ...items] : items);
  }

  #rule(name: string, item: Json, file: string): void {
    const before = this.rules.get(name);
    const written = this.#written.get(name) ?? { condition: "", exceptions: new Exceptions() };
    written.condition = merged(written.condition, item, "condition", " ");
    written.exceptions.take(item);
    this.#written.set(name, written);
    this.rules.set(name, {
      name,
      file: before?.file ?? file,
      condition: written.exceptions.in(written.condition),
      problems: written.exceptions.problems,
      exceptionFields: written.exceptions.fields,
      output: merged(before?.output ?? "", item, "output", " "),
      priority: textOf(item.priority ?? before?.priority),
      source: textOf(item.source ?? before?.source ?? "syscall"),
      enabled: item.enabled === undefined ? (before?.enabled ?? true) : item.enabled !== false,
    });
  }
}
