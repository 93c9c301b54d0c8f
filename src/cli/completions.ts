/** What completes the command line in a shell, made from the commands and options. */
import { fields } from "../plugin/fields.ts";
import { type Command, commands, everything, type Option, PROGRAM, type SHELLS } from "./commands.ts";

const FIELDS = fields.map(({ name }) => name).join(" ");

/** A text in single quotes, for a shell of Bourne's. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The first words of what it does: a completion has one line. */
const brief = ({ desc }: Command | Option): string => /^.*?(?=[;:.] | \(|$)/.exec(desc)?.[0] ?? desc;

const spellings = ({ name, short }: Command | Option): string[] => [
  `--${name}`,
  ...(short === undefined ? [] : [`-${short}`]),
];

function bash(): string {
  const cases = everything
    .filter(({ value, optional }) => value !== undefined && !optional)
    .map((one) => {
      const words = one.choices?.join(" ") ?? (one.completes === "field" ? FIELDS : undefined);
      const reply =
        words !== undefined
          ? `COMPREPLY=($(compgen -W ${quoted(words)} -- "$word"))`
          : one.completes === "file"
            ? `COMPREPLY=($(compgen -f -- "$word"))`
            : "COMPREPLY=()";
      return `    ${spellings(one).join("|")}) ${reply}; return ;;`;
    });
  const commandCases = commands.map(
    (command: Command) =>
      `      --${command.name}) words=${quoted(command.options.map((name) => `--${name}`).join(" "))} ;;`,
  );
  return `# bash completion of ${PROGRAM}
_docker_plugin() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} given words
  COMPREPLY=()
  case $before in
${cases.join("\n")}
  esac
  words=${quoted(commands.map(({ name }) => `--${name}`).join(" "))}
  for given in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $given in
${commandCases.join("\n")}
    esac
  done
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o filenames -F _docker_plugin ${PROGRAM}
`;
}

function zsh(): string {
  const specs = everything.flatMap((one) => {
    const text = brief(one).replaceAll(/[[\]:\\]/g, "\\$&");
    const action =
      one.choices !== undefined
        ? `(${one.choices.join(" ")})`
        : one.completes === "file"
          ? "_files"
          : one.completes === "field"
            ? `(${FIELDS})`
            : "";
    const colon = one.optional ? "::" : ":";
    const value = one.value === undefined ? "" : `${colon}${one.value.replaceAll(/[[\]:\\]/g, "\\$&")}:${action}`;
    return spellings(one).map((spelling) => `    ${quoted(`${one.many ? "*" : ""}${spelling}[${text}]${value}`)}`);
  });
  return `#compdef ${PROGRAM}
_docker_plugin() {
  _arguments \\
${specs.join(" \\\n")}
}
compdef _docker_plugin ${PROGRAM}
`;
}

function fish(): string {
  const lines = everything.map((one) => {
    const parts = [`complete -c ${PROGRAM} -l ${one.name}`];
    if (one.short !== undefined) parts.push(`-s ${one.short}`);
    if (one.value !== undefined && !one.optional) parts.push("-r");
    if (one.completes !== "file") parts.push("-f");
    if (one.choices !== undefined) parts.push(`-a ${quoted(one.choices.join(" "))}`);
    else if (one.completes === "field") parts.push(`-a ${quoted(FIELDS)}`);
    return `${parts.join(" ")} -d ${quoted(brief(one))}`;
  });
  return `# fish completion of ${PROGRAM}\n${lines.join("\n")}\n`;
}

const makers: Record<(typeof SHELLS)[number], () => string> = { bash, zsh, fish };

/** The script that a shell reads. */
export const completionOf = (shell: (typeof SHELLS)[number]): string => makers[shell]();
