/** The debug tool's command line. */
import { parseArgs } from "node:util";
import { EngineError } from "../docker/client.ts";
import { BadAddress } from "../docker/endpoint.ts";
import { buildId } from "../ipc/build_id.ts";
import { dumpDemo, dumpEngine } from "./dump.ts";
import { fieldsText } from "./fields_text.ts";
import { BadFormat, DEFAULT_OUTPUT, OutputFormat } from "./output.ts";

const HELP = `docker-plugin: the runtime and debug tool of Falco's Docker plugin

Usage:
  docker-plugin --dump [--host ADDRESS] [--output FORMAT] [--json]   print a live engine's events
  docker-plugin --dump --demo                                        print a bundled recording
  docker-plugin --fields                                             list the fields that rules can use
  docker-plugin --help | --version

Options:
  --dump             print the events, a line each, until Ctrl-C: what a field shows is what Falco sees
  --demo             with --dump: take the recording of a real engine in place of a live one
  -H, --host ADDRESS the engine, as in Falco's open_params: unix:///path/to/docker.sock or tcp://host:port
                     (default: DOCKER_HOST, or unix:///var/run/docker.sock)
  -o, --output FORMAT
                     what to print of an event, as in a rule's output (default: that of the rule below)
  --fields           print all fields: type, meaning, what each is taken from, an example
  --json             print the event's payload, byte for byte as Falco gets it
  -h, --help         this text
  -V, --version      the version; libdocker.so must be of the same

The rule of rules/docker_example_rules.yaml prints:
  ${DEFAULT_OUTPUT}

Exit codes: 0 done, 1 the engine cannot be reached, 2 the command line is wrong.

Examples:
  docker-plugin --dump --demo
  docker-plugin --dump --output '%docker.type %docker.action %docker.attributes.name'
  docker-plugin --dump --output '%docker.action %docker.attributes[com.example.team]'
  docker-plugin --dump --json | jq .Actor.Attributes
`;

const USAGE = 2;
const FAILED = 1;

function complain(message: string, code: number): number {
  process.stderr.write(`docker-plugin: ${message}\n`);
  return code;
}

/** Runs the debug tool. Returns the exit code. */
export async function runCli(args: readonly string[]): Promise<number> {
  try {
    const { values } = parseArgs({
      args: [...args],
      allowPositionals: false,
      options: {
        dump: { type: "boolean" },
        demo: { type: "boolean" },
        fields: { type: "boolean" },
        json: { type: "boolean" },
        host: { type: "string", short: "H" },
        output: { type: "string", short: "o" },
        help: { type: "boolean", short: "h" },
        version: { type: "boolean", short: "V" },
      },
    });
    if (values.help) return print(HELP);
    if (values.version) return print(`docker-plugin ${buildId}\n`);
    if (values.fields) return print(fieldsText(process.stdout.columns ?? 120));
    if (!values.dump) return complain(`nothing to do; try docker-plugin --dump --demo, or --help`, USAGE);
    if (values.demo && values.host !== undefined) return complain("--demo and --host exclude each other", USAGE);
    if (values.json && values.output !== undefined) return complain("--json and --output exclude each other", USAGE);
    const format = values.json ? undefined : new OutputFormat(values.output ?? DEFAULT_OUTPUT);
    if (values.demo) return await dumpDemo(format);
    return await dumpEngine(values.host ?? "", format);
  } catch (error) {
    if (error instanceof BadAddress || error instanceof BadFormat) return complain(error.message, USAGE);
    if (error instanceof EngineError) return complain(error.message, FAILED);
    const { code, message } = error as { code?: string; message?: string };
    if (code?.startsWith("ERR_PARSE_ARGS")) return complain(`${message}; try docker-plugin --help`, USAGE);
    throw error;
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
