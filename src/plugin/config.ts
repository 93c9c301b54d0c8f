/** The settings: `init_config`. */
import * as v from "valibot";
import { errorMessage } from "../base/errors.ts";
import { type Severity, severities } from "./severities.ts";

/** A setting in milliseconds, absent or null where the default is wanted (YAML's `key:` and `{}` arrive as null). */
function milliseconds(max: number, byDefault: number, description: string) {
  const ms = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(max), v.description(description));
  return v.nullish(ms, byDefault);
}

function bytes(min: number, max: number, byDefault: number, description: string) {
  const size = v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max), v.description(description));
  return v.nullish(size, byDefault);
}

function flag(byDefault: boolean, description: string) {
  return v.nullish(v.pipe(v.boolean(), v.description(description)), byDefault);
}

const MiB = 1024 * 1024;

/** The longest flushinterval, ms. */
export const FLUSH_INTERVAL_MAX_MS = 60_000;

/** `init_config`. The JSON Schema that Falco checks it against is made from this (build.ts). */
export const configSchema = v.object({
  flushinterval: milliseconds(
    FLUSH_INTERVAL_MAX_MS,
    0,
    "Milliseconds between two flushes of events to Falco. 0 delivers an event at once.",
  ),
  waitforengine: flag(
    true,
    "Where the engine cannot be reached at open: true waits for it and says so in the log, false fails.",
  ),
  pinginterval: milliseconds(
    3_600_000,
    10_000,
    "Milliseconds between two looks whether the engine answers and its stream brings what happens; where it does not, a " +
      "second stream is opened. 0 turns the looks off.",
  ),
  queuebytes: bytes(
    MiB,
    1024 * MiB,
    64 * MiB,
    "Bytes of events that wait while Falco stands still; beyond, the newest are dropped, counted and announced.",
  ),
  maxeventbytes: bytes(
    64 * 1024,
    4 * MiB,
    4 * MiB,
    "Bytes of an event's line beyond which its attributes are cut down.",
  ),
  inspect: flag(
    true,
    "Whether the engine is asked about the containers and execs that events are about. false makes no such request.",
  ),
  inspecttimeout: milliseconds(
    10_000,
    250,
    "Milliseconds that an event waits for such an answer at most; then it goes out without, and says so.",
  ),
  skiphealthchecks: flag(
    false,
    "Whether the execs of containers' own health checks are left out, as far as inspections make them certain. They are " +
      "counted.",
  ),
  snapshot: flag(true, "Whether each container that runs already becomes an event; never where inspect is false."),
  sensitivemounts: v.nullish(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^\//, "an absolute path"))),
      v.description("Paths of the host that make docker.container.sensitivemount true, beside those of the list."),
    ),
    [],
  ),
  statefile: v.nullish(
    v.pipe(
      v.string(),
      v.regex(/^(\/.*)?$/, "an absolute path"),
      v.description(
        "Where to keep, over a restart of Falco, what was delivered and what was not yet; empty keeps nothing.",
      ),
    ),
    "/run/falco-docker-plugin/resume",
  ),
  programdir: v.nullish(
    v.pipe(
      v.string(),
      v.regex(/^\/.+$/, "an absolute path"),
      v.description(
        "Where a libdocker.so that carries its program puts it, where no docker-plugin of the same build lies beside it.",
      ),
    ),
    "/var/lib/falco-docker-plugin",
  ),
  loglevel: v.nullish(
    v.pipe(
      v.picklist(Object.keys(severities) as Severity[]),
      v.description(
        "What of the runtime's log reaches Falco's: lines of this severity and worse. debug tells each request with its " +
          "time, each connection, and what is concluded from it.",
      ),
    ),
    "info",
  ),
});

export type Config = v.InferOutput<typeof configSchema>;

/** What an empty configuration means. */
export const readDefaults = (): Config => v.parse(configSchema, {});

export type ConfigResult =
  | { readonly config: Config; readonly warnings: readonly string[] }
  | { readonly error: string };

/** How the events of an engine are made, as far as the settings say it. */
export const feedOptions = (config: Config) => ({
  maxEventBytes: config.maxeventbytes,
  pingInterval: config.pinginterval,
  inspect: config.inspect ? { timeout: config.inspecttimeout, sensitive: config.sensitivemounts } : undefined,
  skipHealthchecks: config.inspect && config.skiphealthchecks,
  snapshot: config.inspect && config.snapshot,
});

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What a value looks like in an error: its kind and, where short, itself. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  const kind = Array.isArray(value) ? "list" : typeof value === "object" ? "map" : typeof value;
  const text = JSON.stringify(value);
  return `the ${kind} ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`;
}

/** What a failed check expected, in words. */
function expectation(issue: v.BaseIssue<unknown>): string {
  switch (issue.type) {
    case "integer":
      return "a whole number";
    case "min_value":
      return `at least ${issue.expected?.replace(">=", "")}`;
    case "regex":
      return issue.message;
    case "picklist":
      return `one of ${Object.keys(severities).join(", ")}`;
    case "max_value":
      return `at most ${issue.expected?.replace("<=", "")}`;
    default:
      return `a ${issue.expected?.replace("Array", "list").replace(/^\((.*) \| (?:null|undefined).*\)$/, "$1") ?? "valid value"}`;
  }
}

/**
 * Reads `init_config` as Falco hands it over: JSON text, empty where there is none. The case of keys does not matter
 * (existing users write `flushInterval`); an unknown key is a warning; a wrong value is an error that names the key,
 * what was expected and what came.
 */
export function readConfig(text: string): ConfigResult {
  let input: unknown;
  try {
    input = text.trim() === "" ? {} : (JSON.parse(text) ?? {});
  } catch (error) {
    return { error: `init_config is not JSON: ${errorMessage(error)}` };
  }
  if (!isObject(input)) return { error: `init_config: expected a map of settings, got ${describe(input)}` };

  const settings: Record<string, unknown> = {};
  const spelled = new Map<string, string>();
  const warnings: string[] = [];
  for (const [key, value] of Object.entries(input)) {
    const name = key.toLowerCase();
    const before = spelled.get(name);
    if (!Object.hasOwn(configSchema.entries, name)) {
      const known = Object.keys(configSchema.entries).join(", ");
      warnings.push(`init_config: unknown key ${JSON.stringify(key)} is ignored (known: ${known})`);
    } else if (before !== undefined) {
      return { error: `init_config: ${JSON.stringify(before)} and ${JSON.stringify(key)} are the same key: keep one` };
    } else {
      spelled.set(name, key);
      settings[name] = value;
    }
  }
  const result = v.safeParse(configSchema, settings);
  if (result.success) return { config: result.output, warnings };
  const lines = result.issues.map((issue) => {
    const name = String(issue.path?.[0]?.key);
    return `${spelled.get(name) ?? name}: expected ${expectation(issue)}, got ${describe(issue.input)}`;
  });
  return { error: `init_config: ${lines.join("; ")}` };
}
