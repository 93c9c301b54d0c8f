/**
 * The tool's command line, described once: the parser, `--help`, the completions and the man page are made from this.
 */

/** What a shell completes a value with. */
export type Completes = "file" | "folder" | "field" | "rule";

interface Entry {
  readonly name: string;
  readonly short?: string;
  /** What its value is called; without one it is a switch. */
  readonly value?: string;
  /** The value may be left out. */
  readonly optional?: true;
  /** It may be given several times. */
  readonly many?: true;
  /** The only values that there are. */
  readonly choices?: readonly string[];
  readonly completes?: Completes;
  readonly desc: string;
  /** Whole command lines, behind the program's name. */
  readonly examples?: readonly string[];
}

/** What a person can ask for; one of them a run. */
interface CommandEntry extends Entry {
  /** The names of the options that go with it. */
  readonly options: readonly string[];
}

/** The shells that completions are made for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export const COLORS = ["auto", "always", "never"] as const;

export const PROGRAM = "docker-plugin";

/** Where events come from, and which of them. */
const SOURCE = [
  ...["host", "demo", "replay", "speed", "since", "until", "count"],
  ...["type", "action", "container", "image", "label", "filter"],
] as const;

/** How an event looks. */
const FORM = ["output", "columns", "json", "raw", "relative", "color"] as const;

export const commands = [
  {
    name: "dump",
    desc: "print the events, a line each, until Ctrl-C: what a field shows is what Falco sees",
    options: [...SOURCE, ...FORM],
    examples: [
      "--dump",
      "--dump --demo",
      "--dump --type container --action start --since 10m",
      "--dump --output '%evt.time: status=%docker.status type=%docker.type name=%docker.attributes.name'",
      "--dump --json | jq .",
    ],
  },
  {
    name: "record",
    value: "FILE",
    completes: "file",
    desc:
      "write the events into a file, a payload a line, until Ctrl-C; compressed where its name ends in .zst. A file that " +
      "exists is appended to, by one recording at a time. The file holds the engine's lines and its answers about " +
      "containers: labels and command lines of execs, but no environment variables",
    options: [...SOURCE],
    examples: ["--record events.jsonl", "--record events.jsonl.zst --count 1000", "--dump --replay events.jsonl.zst"],
  },
  {
    name: "check",
    desc:
      "print one page on whether this machine is ready: library and program, the engine, Falco's configuration, the rules " +
      "files; each line is good, bad or unknown",
    options: ["host", "config", "rules", "library", "json", "color"],
    examples: ["--check", "--check --config /etc/falco/falco.yaml", "--check --rules my_rules.yaml", "--check --json"],
  },
  {
    name: "explain",
    value: "RULES",
    completes: "file",
    desc:
      "show for each event what the fields in a rules file's conditions hold. Where sysdig is installed, its libsinsp " +
      "says whether a rule matches",
    options: ["rule", ...SOURCE, "color"],
    examples: [
      "--explain rules/docker_rules.yaml --demo",
      "--explain my_rules.yaml --rule 'Privileged Container' --replay events.jsonl",
    ],
  },
  {
    name: "through",
    value: "LIBRARY",
    optional: true,
    completes: "file",
    desc:
      "as --dump, but through the ABI of libdocker.so (the one in this program's folder, unless one is named), as Falco gets " +
      "the events; a difference to the direct way is reported, and is a bug",
    options: ["host", "demo", "replay", "count", ...FORM],
    examples: ["--through --demo", "--through /usr/share/falco/plugins/libdocker.so --count 10"],
  },
  {
    name: "fields",
    desc: "list the fields that rules can use: type, meaning, where the value comes from, an example",
    options: ["json"],
    examples: ["--fields", "--fields --json | jq -r '.[].name'"],
  },
  {
    name: "schema",
    desc: "print the JSON Schema of init_config",
    options: [],
    examples: ["--schema | jq .properties"],
  },
  {
    name: "metrics",
    value: "WHERE",
    optional: true,
    completes: "file",
    desc:
      "print the plugin's metrics of a running Falco: at the URL of its webserver (default: http://localhost:8765/metrics), " +
      "or from a file that it writes them to (metrics.output_file, or a log of its alerts as JSON), whose newest entry counts",
    options: ["json"],
    examples: [
      "--metrics",
      "--metrics 10.0.0.5:8765",
      "--metrics /var/log/falco_stats.jsonl",
      "--metrics --json | jq .lag_ms",
    ],
  },
  {
    name: "completion",
    value: "SHELL",
    choices: SHELLS,
    desc: "print the completion script for bash, zsh or fish",
    options: [],
    examples: ["--completion bash > /etc/bash_completion.d/docker-plugin", "--completion fish | source"],
  },
  {
    name: "man",
    desc: "print the man page, as troff",
    options: [],
    examples: ["--man > /usr/local/share/man/man1/docker-plugin.1"],
  },
  {
    name: "help",
    short: "h",
    value: "OPTION",
    optional: true,
    desc: "this text; with an option's name, what that option does",
    options: [],
    examples: ["--help", "--help since"],
  },
  {
    name: "version",
    short: "V",
    desc: "the version; libdocker.so must have the same",
    options: [],
  },
] as const satisfies readonly CommandEntry[];

export const options = [
  {
    name: "host",
    short: "H",
    value: "ADDRESS",
    many: true,
    desc:
      "the engine, as in Falco's open_params: unix:///path/to/docker.sock, tcp://host:port, ssh://host, context://name; " +
      "repeat it for several engines (default: DOCKER_HOST, DOCKER_CONTEXT, or unix:///var/run/docker.sock)",
    examples: ["--dump --host /run/user/1000/docker.sock", "--dump -H tcp://10.0.0.5:2375 -H tcp://10.0.0.6:2375"],
  },
  {
    name: "demo",
    desc: "use the bundled recording of a real engine instead of a live one",
    examples: ["--dump --demo"],
  },
  {
    name: "replay",
    value: "FILE",
    completes: "file",
    desc: "use a file that --record has written instead of a live engine",
    examples: ["--dump --replay events.jsonl", "--dump --replay events.jsonl.zst --speed 10"],
  },
  {
    name: "speed",
    value: "N",
    desc: "how fast a recording is played: 1 as it happened, 10 ten times as fast, max without waiting (default)",
    examples: ["--dump --demo --speed 1"],
  },
  {
    name: "since",
    value: "TIME",
    desc:
      "begin with the events since then that the engine still has: RFC 3339, seconds since 1970, or a time ago such as " +
      "90s, 10m, 1h30m. An engine keeps its last 256 events",
    examples: ["--dump --since 10m", "--dump --since 2026-11-25T08:00:00Z", "--dump --since 1795427238.966794737"],
  },
  {
    name: "until",
    value: "TIME",
    desc: "end at this time, written as for --since",
    examples: ["--dump --since 1h --until 30m", "--dump --since 0 --until 0s"],
  },
  { name: "count", short: "n", value: "N", desc: "end after so many events", examples: ["--dump --count 1 --json"] },
  {
    name: "type",
    value: "TYPE",
    many: true,
    desc: "only events of this type, such as container, image, network, volume; repeat it for several",
    examples: ["--dump --type image --type volume"],
  },
  {
    name: "action",
    value: "ACTION",
    many: true,
    desc: "only events with this action, such as start, die, pull; exec_create matches whatever the command",
    examples: ["--dump --action die --action oom"],
  },
  {
    name: "container",
    value: "NAME",
    many: true,
    desc: "only events of this container: its name or its id",
    examples: ["--dump --container web"],
  },
  {
    name: "image",
    value: "NAME",
    many: true,
    desc: "only events of this image and of its containers",
    examples: ["--dump --image alpine:3.20"],
  },
  {
    name: "label",
    value: "KEY[=VALUE]",
    many: true,
    desc: "only events with this label",
    examples: ["--dump --label com.example.team=web"],
  },
  {
    name: "filter",
    short: "f",
    value: "KEY=VALUE",
    many: true,
    desc: "only events that pass this filter, written as for `docker events --filter`",
    examples: ["--dump --filter scope=swarm", "--dump -f type=network -f network=backend"],
  },
  {
    name: "output",
    short: "o",
    value: "FORMAT",
    desc:
      "what to print of an event, as in a rule's output: text with %field, %field[argument] or %toupper(field). Beside the " +
      "plugin's fields there are %evt.time, %evt.datetime, %evt.rawtime, %evt.num, %evt.source, %evt.pluginname and " +
      "%evt.plugininfo. There is no --where: conditions are for Falco and sysdig, and --explain shows what they see",
    completes: "field",
    examples: [
      "--dump --output '%docker.type %docker.action %docker.attributes[com.example.team]'",
      "--dump --output '%evt.datetime %evt.plugininfo'",
    ],
  },
  {
    name: "columns",
    value: "FIELD,…",
    completes: "field",
    desc: "print these fields in columns with a header; in a pipe with tabs and no header. `docker.` may be left out",
    examples: ["--dump --columns time,type,action,container.name,image.repository"],
  },
  {
    name: "json",
    desc:
      "print JSON. Of events: one object a line with each field that the event has, by name and type; whole numbers are " +
      "exact, and a field with an argument is an object",
    examples: [`--dump --json | jq -c '{"docker.action", "docker.container.name"}'`],
  },
  {
    name: "raw",
    desc:
      "print the engine's own lines, byte for byte; on a terminal, control characters are made harmless. Events that the " +
      "plugin adds are left out",
    examples: ["--dump --raw > events.jsonl"],
  },
  {
    name: "relative",
    desc: "show how long after the line before it, instead of the time",
    examples: ["--dump --relative"],
  },
  {
    name: "color",
    value: "WHEN",
    choices: COLORS,
    desc: "colours: auto (default) on a terminal where NO_COLOR is not set, always, never",
    examples: ["--dump --demo --color always | less -R"],
  },
  {
    name: "rule",
    value: "NAME",
    completes: "rule",
    desc: "only this rule of the file, with --explain",
    examples: ["--explain my_rules.yaml --rule 'Privileged Container'"],
  },
  {
    name: "config",
    value: "FILE",
    completes: "file",
    desc: "Falco's configuration, for --check (default: /etc/falco/falco.yaml, where it exists)",
    examples: ["--check --config /etc/falco/falco.yaml"],
  },
  {
    name: "rules",
    value: "FILE",
    many: true,
    completes: "file",
    desc: "a rules file for --check, besides those that Falco's configuration names",
    examples: ["--check --rules my_rules.yaml"],
  },
  {
    name: "library",
    value: "FILE",
    completes: "file",
    desc: "libdocker.so, for --check (default: what Falco's configuration names, else the one in this program's folder)",
    examples: ["--check --library /usr/share/falco/plugins/libdocker.so"],
  },
] as const satisfies readonly Entry[];

export type CommandName = (typeof commands)[number]["name"];
export type OptionName = (typeof options)[number]["name"];
export type Command = CommandEntry & { readonly name: CommandName };
export type Option = Entry & { readonly name: OptionName };

/** Everything that begins with two dashes. */
export const everything: readonly (Command | Option)[] = [...commands, ...options];

export const commandOf = (name: string): Command | undefined => commands.find((command) => command.name === name);
export const optionOf = (name: string): Option | undefined => options.find((option) => option.name === name);

/** The commands that an option goes with. */
export const commandsWith = (name: string): Command[] =>
  commands.filter((command: Command) => command.options.includes(name));

/** Options that exclude each other. */
export const EXCLUSIVE: readonly (readonly OptionName[])[] = [
  ["host", "demo", "replay"],
  ["output", "columns", "json", "raw"],
];

/** What a recording cannot be asked, as it is no engine. */
export const ENGINE_ONLY: readonly OptionName[] = [
  ...(["since", "until", "type", "action", "container", "image", "label", "filter"] as const),
];

/** The exit codes and what they say. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.done, "done; with --check: all is well"],
  [
    EXIT.failed,
    "what was asked for failed: the engine cannot be reached, a file cannot be read, --check or --through found something",
  ],
  [EXIT.usage, "the command line is wrong"],
];
