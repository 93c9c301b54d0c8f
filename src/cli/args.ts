/** The command line as a person wrote it. */
import { parseArgs } from "node:util";
import { didYouMean } from "../base/nearest.ts";
import {
  type Command,
  type CommandName,
  commandOf,
  commands,
  commandsWith,
  ENGINE_ONLY,
  EXCLUSIVE,
  everything,
  type Option,
  type OptionName,
} from "./commands.ts";

/** What a person got wrong on the command line, in words. */
export class BadUsage extends Error {}

/** What was given. */
export class Given {
  constructor(
    readonly command: CommandName,
    /** The command's own value, where it has one. */
    readonly value: string | undefined,
    readonly options: ReadonlyMap<OptionName, readonly string[]>,
  ) {}

  has(name: OptionName): boolean {
    return this.options.has(name);
  }

  /** All values of an option that may be given several times. */
  all(name: OptionName): readonly string[] {
    return this.options.get(name) ?? [];
  }

  /** The value of an option; undefined where it was not given. */
  one(name: OptionName): string | undefined {
    return this.options.get(name)?.at(-1);
  }

  /** The value of an option that is a whole number from 1 on. @throws BadUsage */
  count(name: OptionName): number | undefined {
    const text = this.one(name);
    if (text === undefined) return undefined;
    if (!/^[1-9]\d{0,14}$/.test(text))
      throw new BadUsage(`--${name} ${JSON.stringify(text)}: expected a whole number from 1 on`);
    return Number(text);
  }
}

/** A switch or a value that the tokens hold, by the names of commands and options. */
interface Word {
  readonly entry: Command | Option;
  value: string | undefined;
}

const LISTED = "; docker-plugin --help lists all";
const NAMES = everything.map(({ name }) => name);
const isCommand = (entry: Command | Option): entry is Command => "options" in entry;

function unknown(rawName: string): BadUsage {
  const name = rawName.replace(/^-+/, "");
  const isShort = !rawName.startsWith("--");
  const hint = isShort ? "" : didYouMean(name, NAMES, "--");
  return new BadUsage(`there is no option ${rawName}${hint || LISTED}`);
}

/** The words of a command line, each with its value. @throws BadUsage */
function wordsOf(args: readonly string[]): { words: Word[]; rest: string[] } {
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      everything.map(({ name, short, value, optional }) => [
        name,
        { type: value !== undefined && !optional ? "string" : "boolean", ...(short === undefined ? {} : { short }) },
      ]),
    ),
  });
  const words: Word[] = [];
  const rest: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") {
      const last = words.at(-1);
      // A value that may be left out comes as a word of its own.
      if (last?.entry.optional && last.value === undefined && rest.length === 0) last.value = token.value;
      else rest.push(token.value);
    } else if (token.kind === "option") {
      const entry = everything.find(({ name }) => name === token.name);
      if (entry === undefined) throw unknown(token.rawName);
      const { value, inlineValue } = token;
      if (entry.value === undefined && value !== undefined) throw new BadUsage(`${token.rawName} takes no value`);
      // What looks like an option is one: `--host --json` has forgotten the host.
      const isMissing = value === undefined || (!inlineValue && value.length > 1 && value.startsWith("-"));
      words.push({ entry, value: isMissing && !entry.optional ? undefined : value });
      if (isMissing && value !== undefined) {
        const more = wordsOf([value]);
        words.push(...more.words);
      }
    }
  }
  return { words, rest };
}

/** What `--help` was asked about, by name; undefined where nothing is asked of it. @throws BadUsage */
function helpAsked({ words, rest }: ReturnType<typeof wordsOf>): Given | undefined {
  const help = words.find(({ entry }) => entry.name === "help");
  if (help === undefined) return undefined;
  const other = words.find(({ entry }) => entry.name !== "help")?.entry.name;
  const topic = (help.value ?? rest[0])?.replace(/^-+/, "") ?? other;
  if (topic !== undefined && !NAMES.some((name) => name === topic))
    throw new BadUsage(`there is no option --${topic}${didYouMean(topic, NAMES, "--") || LISTED}`);
  return new Given("help", topic, new Map());
}

/** Without a command: a recording is asked for to be looked at. */
function commandMeant(words: readonly Word[]): Word {
  const asked = words.filter(({ entry }) => isCommand(entry));
  const names = [...new Set(asked.map(({ entry }) => `--${entry.name}`))];
  if (names.length > 1) throw new BadUsage(`${names.join(" and ")} exclude each other`);
  if (asked[0] !== undefined) return asked[0];
  const dump = commandOf("dump");
  if (dump !== undefined && words.some(({ entry }) => entry.name === "demo" || entry.name === "replay"))
    return { entry: dump, value: undefined };
  throw new BadUsage("nothing to do; try docker-plugin --dump --demo, or --help");
}

function checkValue({ entry, value }: Word): void {
  if (entry.value === undefined) return;
  if (value === undefined && !entry.optional)
    throw new BadUsage(`--${entry.name} needs a value: --${entry.name} ${entry.value}`);
  if (value !== undefined && entry.choices !== undefined && !entry.choices.includes(value))
    throw new BadUsage(
      `--${entry.name} ${JSON.stringify(value)}: expected ${entry.choices.join(", ")}${didYouMean(value, entry.choices)}`,
    );
}

/**
 * Reads the command line.
 * @throws BadUsage that says what is wrong, and what was probably meant
 */
export function readArgs(args: readonly string[]): Given {
  const given = wordsOf(args);
  const help = helpAsked(given);
  if (help !== undefined) return help;
  const { words, rest } = given;
  const { entry: command, value } = commandMeant(words);
  for (const word of words) checkValue(word);
  const options = new Map<OptionName, string[]>();
  for (const { entry, value } of words) {
    if (isCommand(entry)) continue;
    if (!(command as Command).options.includes(entry.name)) {
      const fitting = commandsWith(entry.name).map(({ name }) => `--${name}`);
      throw new BadUsage(`--${entry.name} goes with ${fitting.join(", ")}, and not with --${command.name}`);
    }
    const before = options.get(entry.name);
    if (before !== undefined && entry.many !== true && value !== undefined)
      throw new BadUsage(`--${entry.name} is given twice`);
    options.set(entry.name, [...(before ?? []), ...(value === undefined ? [] : [value])]);
  }
  if (rest[0] !== undefined) {
    const meant = command.value === undefined ? didYouMean(rest[0], NAMES, "--") : "";
    throw new BadUsage(`${JSON.stringify(rest[0])} belongs to no option${meant || LISTED}`);
  }
  checkTogether(options);
  const name = commands.find(({ name }) => name === command.name)?.name ?? "help";
  return new Given(name, value, options);
}

function checkTogether(options: ReadonlyMap<OptionName, readonly string[]>): void {
  for (const group of EXCLUSIVE) {
    const [one, other] = group.filter((name) => options.has(name));
    if (other !== undefined) throw new BadUsage(`--${one} and --${other} exclude each other`);
  }
  const recording = (["demo", "replay"] as const).find((name) => options.has(name));
  const asked = ENGINE_ONLY.find((name) => options.has(name));
  if (recording !== undefined && asked !== undefined)
    throw new BadUsage(`--${asked} is a question to an engine, and --${recording} is none`);
  if (recording === undefined && options.has("speed")) throw new BadUsage("--speed goes with --replay and --demo");
}
