/** `--help`, made from the commands and options. */
import {
  type Command,
  commandOf,
  commands,
  commandsWith,
  EXIT_CODES,
  type Option,
  optionOf,
  options,
  PROGRAM,
} from "./commands.ts";
import { indented, wrap } from "./text/wrap.ts";

const SUMMARY = "the runtime and the tool of Falco's Docker plugin";

/** How it is written: `-H, --host ADDRESS`. */
export function written({ name, short, value, optional }: Command | Option): string {
  const argument = value === undefined ? "" : optional ? ` [${value}]` : ` ${value}`;
  return `${short === undefined ? "" : `-${short}, `}--${name}${argument}`;
}

const INDENT = 24;
const CODES_INDENT = 5;

/** An entry of a list: how it is written, and beside it what it does. */
function entry(one: Command | Option, width: number): string {
  const head = `  ${written(one)}`;
  const text = indented(one.desc, INDENT, width);
  return head.length < INDENT - 1 ? head + text.slice(head.length) : `${head}\n${text}`;
}

const list = (entries: readonly (Command | Option)[], width: number): string =>
  entries.map((one) => entry(one, width)).join("\n");

const examplesOf = (examples: readonly string[]): string => examples.map((line) => `  ${PROGRAM} ${line}`).join("\n");

/** The whole of it. @param width columns of the terminal */
export function helpText(width: number): string {
  const codes = EXIT_CODES.map(
    ([code, meaning]) => `  ${code}  ${indented(meaning, CODES_INDENT, width).trimStart()}`,
  ).join("\n");
  const examples = commands.flatMap((command: Command) => command.examples?.slice(0, 1) ?? []);
  return `${PROGRAM}: ${SUMMARY}

Usage: ${PROGRAM} COMMAND [OPTION…]

Commands:
${list(commands, width)}

Options:
${list(options, width)}

Exit codes:
${codes}

Examples:
${examplesOf(examples)}

${PROGRAM} --help OPTION tells more of one of them, with examples.
`;
}

/** What one command or option does. @param width columns of the terminal */
export function helpOn(name: string, width: number): string {
  const command = commandOf(name);
  const option = optionOf(name);
  const one = command ?? option;
  if (one === undefined) return helpText(width);
  const with_ = commandsWith(name).map(({ name }) => `--${name}`);
  const parts = [written(one), indented(one.desc, 4, width)];
  if (one.choices !== undefined) parts.push("", `One of: ${one.choices.join(", ")}`);
  if (command !== undefined && command.options.length > 0) {
    const own = options.filter(({ name }) => command.options.includes(name));
    parts.push("", "Options:", list(own, width));
  }
  if (option !== undefined) parts.push("", ...wrap(`Goes with ${with_.join(", ")}.`, width));
  if (one.examples !== undefined) parts.push("", "Examples:", examplesOf(one.examples));
  return `${parts.join("\n")}\n`;
}
