/** Falco's configuration, as far as it concerns the plugin (falco 0.40: falco.yaml). */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { errorMessage, fileTrouble } from "../../base/errors.ts";
import { isMap, type Json } from "../../base/lenient.ts";
import { info } from "../../plugin/info.ts";

export const USUAL_CONFIG = "/etc/falco/falco.yaml";
/** Where Falco looks for a library that is named without a folder. */
const PLUGINS_FOLDER = "/usr/share/falco/plugins";

/** A configuration that cannot be read; the message says which file, and why. */
export class BadConfig extends Error {}

export interface PluginEntry {
  readonly libraryPath: string | undefined;
  /** As JSON text, as the plugin gets it. */
  readonly initConfig: string;
  readonly openParams: string;
}

export interface FalcoConfig {
  /** All files that were read. */
  readonly files: readonly string[];
  /** The entry of our plugin; undefined where there is none. */
  readonly plugin: PluginEntry | undefined;
  /** The names of the plugins that are loaded; undefined: all that are listed. */
  readonly loaded: readonly string[] | undefined;
  readonly rulesFiles: readonly string[];
  /** The rules files that are named and not there. */
  readonly missingRules: readonly string[];
}

function yamlOf(file: string): Json {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new BadConfig(`${file}: ${fileTrouble(error)}`);
  }
  let yaml: unknown;
  try {
    yaml = Bun.YAML.parse(text);
  } catch (error) {
    throw new BadConfig(`${file}: it is not YAML: ${errorMessage(error)}`);
  }
  if (yaml === null || yaml === undefined) return {};
  if (!isMap(yaml)) throw new BadConfig(`${file}: expected a map of settings`);
  return yaml;
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

/** A file, or the YAML files of a folder by their names. */
const filesOf = (path: string): string[] =>
  isFolder(path)
    ? readdirSync(path)
        .filter((name) => /\.ya?ml$/.test(name))
        .sort()
        .map((name) => join(path, name))
    : [path];

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
const textOf = (value: unknown): string => (value === undefined || value === null ? "" : String(value));

function entryOf(entry: Json): PluginEntry {
  const path = textOf(entry.library_path);
  const { init_config: config } = entry;
  return {
    libraryPath: path === "" ? undefined : isAbsolute(path) ? path : join(PLUGINS_FOLDER, path),
    initConfig:
      typeof config === "string" ? config : config === undefined || config === null ? "" : JSON.stringify(config),
    openParams: textOf(entry.open_params),
  };
}

/**
 * Reads a configuration with the files that it names; what they say of one and the same thing counts in their order.
 * @throws BadConfig
 */
export function readFalcoConfig(file: string): FalcoConfig {
  const main = yamlOf(file);
  const named = listOf(main.config_files).map((each) => textOf(isMap(each) ? each.path : each));
  // What is named and not there Falco passes over.
  const files = [file, ...named.filter(isThere).flatMap(filesOf)];
  const parts = [main, ...files.slice(1).map(yamlOf)];
  const plugins = parts.flatMap((part) => listOf(part.plugins)).filter(isMap);
  const ours = plugins.findLast(({ name }) => name === info.name);
  const loading = parts.filter((part) => "load_plugins" in part);
  const rules = parts.flatMap((part) => [...listOf(part.rules_files), ...listOf(part.rules_file)]).map(textOf);
  return {
    files,
    plugin: ours && entryOf(ours),
    loaded: loading.length === 0 ? undefined : loading.flatMap((part) => listOf(part.load_plugins)).map(textOf),
    rulesFiles: rules.filter(isThere).flatMap(filesOf),
    missingRules: rules.filter((path) => !isThere(path)),
  };
}
