/** The settings: `init_config`. */

import { dirname, join } from "node:path";
import * as v from "valibot";
import { errorMessage } from "../base/errors.ts";
import { didYouMean } from "../base/nearest.ts";
import { ENGINES_MAX } from "../docker/address.ts";
import type { Reach } from "../docker/endpoint.ts";
import { FILTER_KEYS, type FilterKey, TYPES } from "../docker/filters.ts";
import { type Severity, severities } from "./severities.ts";

/** Leaves out what is null: YAML's `key:`. */
function withoutNulls<T extends object>(parts: T): { readonly [K in keyof T]: NonNullable<T[K]> } {
  const there = Object.entries(parts).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(there) as { readonly [K in keyof T]: NonNullable<T[K]> };
}

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

/** A path of a file or folder. What would end a quoted word of ssh's options is none. */
const path = v.pipe(v.string(), v.regex(/^\/[^"\n\0]*$/, "an absolute path"));

function tlsFiles(description: string) {
  const files = v.strictObject({
    ca: v.nullish(path),
    cert: v.nullish(path),
    key: v.nullish(path),
    servername: v.nullish(v.pipe(v.string(), v.minLength(1))),
  });
  return v.nullish(v.pipe(files, v.description(description), v.transform(withoutNulls)));
}

/** Values by which events are filtered, by the engine or by us. */
function filters(description: string) {
  const values = v.nullish(v.array(v.pipe(v.string(), v.minLength(1))));
  const keys = Object.fromEntries(FILTER_KEYS.map((key) => [key, values])) as Record<FilterKey, typeof values>;
  return v.nullish(v.pipe(v.strictObject(keys), v.description(description), v.transform(withoutNulls)));
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
    "Where the engine cannot be reached at open: true waits for it and says so in the log, false fails, with several " +
      "engines where none can be reached.",
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
    "Bytes of events that wait while Falco stands still, of all engines; beyond, the newest of the engine that floods are " +
      "dropped, counted and announced.",
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
  snapshot: flag(
    true,
    "Whether the engine itself and each container that runs already become an event; never where inspect is false.",
  ),
  sensitivemounts: v.nullish(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^\//, "an absolute path"))),
      v.description("Paths of the host that make docker.container.sensitivemount true, beside those of the list."),
    ),
    [],
  ),
  engines: v.nullish(
    v.pipe(
      v.array(
        v.pipe(
          v.strictObject({
            address: v.pipe(v.string(), v.minLength(1)),
            name: v.nullish(v.string()),
            tls: tlsFiles("As the setting tls, and in its place."),
            filters: filters("As the setting filters, and in its place."),
            exclude: filters("As the setting exclude, and in its place."),
          }),
          v.transform(withoutNulls),
        ),
      ),
      v.maxLength(ENGINES_MAX),
      v.description(
        `The engines, each {address, name, tls, filters, exclude}, for what an address in open_params cannot say; that stays empty then. At most ${ENGINES_MAX}.`,
      ),
    ),
    [],
  ),
  tls: tlsFiles(
    "TLS with each engine at tcp:// and https://: {ca, cert, key, servername}, paths of PEM files. Counts before " +
      "DOCKER_TLS_VERIFY and DOCKER_CERT_PATH. Files that change are read at the next connection.",
  ),
  ssh: v.nullish(
    v.pipe(
      v.strictObject({ identityfile: v.nullish(path), knownhosts: v.nullish(path), config: v.nullish(path) }),
      v.description(
        "Files for engines at ssh://: {identityfile, knownhosts, config}; absent: those of the account that runs Falco.",
      ),
      v.transform(withoutNulls),
    ),
  ),
  filters: filters(
    `Which events the engine is asked for, as \`docker events --filter\`: {type: [container], event: [start, die], …}; keys ` +
      `${FILTER_KEYS.join(", ")}. What is filtered away is no loss; the plugin's own events always come.`,
  ),
  exclude: filters(
    "Which of the events that the engine sends are left out, by the same keys: what fits any value of any key. They are " +
      "counted in the metric excluded.",
  ),
  dockerconfig: v.nullish(
    v.pipe(
      path,
      v.description(
        "The folder of the Docker CLI's configuration. Where nothing else names an engine, its current context counts; " +
          "absent: DOCKER_CONFIG, or ~/.docker, for contexts that are named.",
      ),
    ),
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
        "What of the runtime's log reaches Falco's: lines of this severity and worse. debug logs each request with its " +
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

/** How engines are reached, as far as the settings say it. What is written goes beside the state, or nowhere. */
export const reachOptions = ({ engines, tls, ssh, dockerconfig, statefile, filters, exclude }: Config): Reach => ({
  engines,
  tls: tls ?? undefined,
  ssh: ssh ?? undefined,
  dockerconfig: dockerconfig ?? undefined,
  filters: filters ?? undefined,
  exclude: exclude ?? undefined,
  sshFolder: statefile === "" ? undefined : join(dirname(statefile), "ssh"),
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
    case "strict_object":
      return `the key ${issue.expected}`;
    case "min_length":
      return "a text that is not empty";
    case "max_length":
      return `at most ${issue.expected?.replace("<=", "")} of them`;
    case "picklist":
      return `one of ${Object.keys(severities).join(", ")}`;
    case "max_value":
      return `at most ${issue.expected?.replace("<=", "")}`;
    default:
      return `a ${issue.expected?.replace("Array", "list").replace(/^\((.*) \| (?:null|undefined).*\)$/, "$1") ?? "valid value"}`;
  }
}

/** What a key is that does not exist, with the one that was meant. */
function noSuchKey(path: readonly unknown[]): string {
  if (!path.includes("filters") && !path.includes("exclude")) return "there is no such key";
  const meant = didYouMean(String(path.at(-1)), FILTER_KEYS) || `; known are ${FILTER_KEYS.join(", ")}`;
  return `there is no such key${meant}`;
}

/** Types that no engine is known to have events of: who misspells one sees nothing. */
function unknownTypes({ filters, exclude, engines }: Config): string[] {
  const all = [filters, exclude, ...engines.flatMap((engine) => [engine.filters, engine.exclude])];
  return all.flatMap((each) => each?.type ?? []).filter((type) => !TYPES.has(type));
}

/** A step into a setting, as a person would write it. */
const inName = (key: unknown): string => (typeof key === "number" ? `[${key}]` : `.${String(key)}`);

/** A value whose keys are in lower case, at any depth. @throws where two are the same then */
function lowerKeys(value: unknown, where: string): unknown {
  if (Array.isArray(value)) return value.map((each, i) => lowerKeys(each, `${where}[${i}]`));
  if (!isObject(value)) return value;
  const lower = new Map<string, unknown>();
  for (const [key, inner] of Object.entries(value)) {
    const name = key.toLowerCase();
    if (lower.has(name)) throw new Error(`${where}: ${JSON.stringify(name)} is there twice: keep one`);
    lower.set(name, lowerKeys(inner, `${where}.${key}`));
  }
  return Object.fromEntries(lower);
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
      try {
        settings[name] = lowerKeys(value, key);
      } catch (error) {
        return { error: `init_config: ${errorMessage(error)}` };
      }
    }
  }
  const result = v.safeParse(configSchema, settings);
  if (result.success) {
    const odd = unknownTypes(result.output);
    const known = [...TYPES].join(", ");
    warnings.push(
      ...odd.map((type) => `init_config: no engine is known to have events of type ${type} (known: ${known})`),
    );
    return { config: result.output, warnings };
  }
  const lines = result.issues.map((issue) => {
    const [first, ...deeper] = (issue.path ?? []).map(({ key }) => key);
    const name = `${spelled.get(String(first)) ?? String(first)}${deeper.map(inName).join("")}`;
    if (issue.type === "strict_object" && issue.expected === "never")
      return `${name}: ${noSuchKey([first, ...deeper])}`;
    return `${name}: expected ${expectation(issue)}, got ${describe(issue.input)}`;
  });
  return { error: `init_config: ${lines.join("; ")}` };
}
