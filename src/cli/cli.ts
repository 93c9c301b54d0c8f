/** The tool: what a person asks for, and how it ends. */

import { BadAddress } from "../docker/endpoint.ts";
import { EngineError } from "../docker/engine_error.ts";
import { buildId } from "../ipc/build_id.ts";
import { initSchemaJson } from "../plugin/schema.ts";
import { BadRecording } from "../sensor/recording_file.ts";
import { BadUsage, type Given, readArgs } from "./args.ts";
import { check } from "./check/check.ts";
import { type CommandName, EXIT, PROGRAM, SHELLS } from "./commands.ts";
import { completionOf } from "./completions.ts";
import { dump } from "./dump.ts";
import { explain } from "./explain/explain.ts";
import { fieldsJson, fieldsText } from "./fields_text.ts";
import { helpOn, helpText } from "./help.ts";
import { manPage } from "./man.ts";
import { metrics } from "./metrics.ts";
import { record } from "./record.ts";
import { BadRules } from "./rules/rules_file.ts";
import { note, print, printed, said } from "./say.ts";
import { NotWritten } from "./text/out.ts";
import { AbiError } from "./through/abi.ts";
import { through } from "./through/through.ts";

const HELP_WIDTH = 100;
const FIELDS_WIDTH = 120;
const widthOr = (byDefault: number): number => process.stdout.columns || byDefault;

function shown(text: string): number {
  print(text);
  return EXIT.done;
}

/** What each command does. Returns the exit code. */
const commands: Record<CommandName, (given: Given) => Promise<number> | number> = {
  dump,
  record,
  check,
  explain,
  through,
  metrics,
  fields: (given) => shown(given.has("json") ? fieldsJson() : fieldsText(widthOr(FIELDS_WIDTH))),
  schema: () => shown(`${JSON.stringify(JSON.parse(initSchemaJson()), undefined, 2)}\n`),
  completion: ({ value }) => shown(completionOf(SHELLS.find((shell) => shell === value) ?? "bash")),
  man: () => shown(manPage()),
  help: ({ value }) => {
    const width = Math.min(widthOr(HELP_WIDTH), 2 * HELP_WIDTH);
    return shown(value === undefined ? helpText(width) : helpOn(value, width));
  },
  version: () => shown(`${PROGRAM} ${buildId}\n`),
};

/** A fault of the system's, such as a full disk, that a person has to know of and that is no fault of ours. */
const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && "syscall" in error && "code" in error;

/** What a person has to be told of, and the exit code that goes with it; undefined for a fault of ours. */
function codeOf(error: unknown): number | undefined {
  if (error instanceof BadUsage || error instanceof BadAddress) return EXIT.usage;
  const kinds = [EngineError, BadRecording, BadRules, AbiError, NotWritten];
  return kinds.some((kind) => error instanceof kind) || isSystemError(error) ? EXIT.failed : undefined;
}

/** Runs the tool. Returns the exit code; what it throws is a fault of ours. */
export async function runCli(args: readonly string[]): Promise<number> {
  let code: number;
  try {
    const given = readArgs(args);
    code = await commands[given.command](given);
    await printed();
  } catch (error) {
    const known = codeOf(error);
    if (known === undefined) throw error;
    note((error as Error).message);
    code = known;
  }
  await said();
  return code;
}
