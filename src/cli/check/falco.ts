/** Whether Falco's configuration loads the plugin, and with settings that it takes. */
import { readConfig } from "../../plugin/config.ts";
import { info } from "../../plugin/info.ts";
import { BadConfig, type FalcoConfig, readFalcoConfig, USUAL_CONFIG } from "./falco_config.ts";
import { bad, type Finding, good, unknown } from "./finding.ts";

const ENTRY = `plugins: [{name: ${info.name}, library_path: /usr/share/falco/plugins/libdocker.so, init_config: {}, open_params: ''}]`;

export interface FalcoChecked {
  readonly findings: readonly Finding[];
  readonly config: FalcoConfig | undefined;
}

function settings(initConfig: string): Finding[] {
  const read = readConfig(initConfig);
  if ("error" in read)
    return [bad(read.error, "correct it, or Falco does not start; docker-plugin --schema has all settings")];
  const warnings = read.warnings.map((warning) => bad(warning, "correct it, or take it out"));
  return warnings.length > 0 ? warnings : [good("its init_config is one that the plugin takes")];
}

function findings(file: string, { files, plugin, loaded }: FalcoConfig): Finding[] {
  const named = files.length - 1;
  const read = good(
    `${file} is read${named > 0 ? `, with ${named} ${named === 1 ? "file" : "files"} that it names` : ""}`,
  );
  if (plugin === undefined) return [read, bad(`the plugin ${info.name} is not among its plugins`, `add: ${ENTRY}`)];
  const isLoaded = loaded === undefined || loaded.includes(info.name);
  const load = isLoaded
    ? good(`the plugin ${info.name} is listed and loaded`)
    : bad(
        `the plugin ${info.name} is listed and not loaded`,
        `load_plugins: [${[...(loaded ?? []), info.name].join(", ")}]`,
      );
  const path =
    plugin.libraryPath === undefined
      ? [bad("the plugin's entry has no library_path", "library_path: /usr/share/falco/plugins/libdocker.so")]
      : [];
  return [read, load, ...path, ...settings(plugin.initConfig)];
}

/** Looks at Falco's configuration. @param named the file; undefined: the usual one, where it is there */
export async function checkFalco(named: string | undefined): Promise<FalcoChecked> {
  const file = named ?? USUAL_CONFIG;
  if (named === undefined && !(await Bun.file(file).exists()))
    return {
      findings: [unknown(`there is no ${file}`, "name Falco's configuration: docker-plugin --check --config FILE")],
      config: undefined,
    };
  try {
    const config = readFalcoConfig(file);
    return { findings: findings(file, config), config };
  } catch (error) {
    if (!(error instanceof BadConfig)) throw error;
    return {
      findings: [bad(error.message, "correct the file, or name another one: --config FILE")],
      config: undefined,
    };
  }
}
