/** The man page, made from the commands and options. */
import { info } from "../plugin/info.ts";
import { type Command, commands, EXIT_CODES, type Option, options, PROGRAM } from "./commands.ts";

/** A text for troff: what would be a request or an escape is none. */
const roff = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1");

function entry({ name, short, value, optional, choices, desc }: Command | Option): string {
  const argument = value === undefined ? "" : optional ? ` [\\fI${roff(value)}\\fR]` : ` \\fI${roff(value)}\\fR`;
  const head = `${short === undefined ? "" : `\\fB\\-${short}\\fR, `}\\fB${roff(`--${name}`)}\\fR${argument}`;
  const words = choices === undefined ? "" : ` (${choices.join(", ")})`;
  return `.TP\n${head}\n${roff(desc + words)}.`;
}

/** The man page, section 1, as troff. */
export function manPage(): string {
  const examples = [...commands, ...options].flatMap((one: Command | Option) => one.examples ?? []);
  return `.TH DOCKER\\-PLUGIN 1 "" "docker-plugin ${info.version}" "Falco Docker plugin"
.SH NAME
${roff(PROGRAM)} \\- the runtime and the tool of Falco's Docker plugin
.SH SYNOPSIS
.B ${roff(PROGRAM)}
.I COMMAND
.RI [ OPTION ...]
.SH COMMANDS
${commands.map(entry).join("\n")}
.SH OPTIONS
${options.map(entry).join("\n")}
.SH EXIT STATUS
${EXIT_CODES.map(([code, meaning]) => `.TP\n.B ${code}\n${roff(meaning)}.`).join("\n")}
.SH ENVIRONMENT
.TP
.B DOCKER_HOST
The engine, where ${roff("--host")} is not given.
.TP
.B NO_COLOR
Where it is set and not empty there are no colours, unless ${roff("--color")} asks for them.
.SH EXAMPLES
.nf
${[...new Set(examples)].map((line) => roff(`${PROGRAM} ${line}`)).join("\n")}
.fi
`;
}
