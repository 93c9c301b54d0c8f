/** `--check`: one page on whether this machine is ready. */
import { printable } from "../../base/text.ts";
import { DEBUG_TOOL, FALCO, type Reach } from "../../docker/endpoint.ts";
import { buildId } from "../../ipc/build_id.ts";
import { reachOptions, readConfig } from "../../plugin/config.ts";
import { FILE_SCHEME } from "../../sensor/recording.ts";
import type { Given } from "../args.ts";
import { EXIT, PROGRAM } from "../commands.ts";
import { print } from "../say.ts";
import { type Kind, type Paint, paintFor } from "../text/style.ts";
import { indented } from "../text/wrap.ts";
import { checkArtifacts } from "./artifacts.ts";
import { checkEngines, checkRecording, type EngineChecked, newestApi } from "./engine.ts";
import { checkFalco } from "./falco.ts";
import type { PluginEntry } from "./falco_config.ts";
import type { Area, Status } from "./finding.ts";
import { checkRules } from "./rules.ts";

const KINDS: Record<Status, Kind> = { good: "good", bad: "bad", unknown: "warn" };
const STATUS_WIDTH = 9;
const INDENT = 2 + STATUS_WIDTH;

/** What Falco's settings say of the way to an engine, where they can be read. */
function reachOf(initConfig: string): Reach {
  const read = readConfig(initConfig);
  return "config" in read ? reachOptions(read.config) : {};
}

/** Looks at the engines that a person names, else at those of Falco's configuration, else at that of this machine. */
async function lookAtEngines(hosts: readonly string[], plugin: PluginEntry | undefined): Promise<EngineChecked[]> {
  if (hosts.length > 0) return (await Promise.all(hosts.map((host) => checkEngines(host, DEBUG_TOOL)))).flat();
  if (plugin === undefined) return checkEngines("", DEBUG_TOOL);
  const { openParams, initConfig } = plugin;
  if (openParams.startsWith(FILE_SCHEME)) return [checkRecording(openParams)];
  return checkEngines(openParams, FALCO, reachOf(initConfig));
}

/** Looks at all that is needed. */
async function look(given: Given): Promise<Area[]> {
  const { findings: falco, config } = await checkFalco(given.one("config"));
  const initConfig = config?.plugin?.initConfig ?? "";
  const engines = await lookAtEngines(given.all("host"), config?.plugin);
  const rules = [...(config?.rulesFiles ?? []), ...given.all("rules")];
  const sent = { apiVersion: newestApi(engines), initConfig };
  return [
    { title: "Library and program", findings: checkArtifacts(given.one("library") ?? config?.plugin?.libraryPath) },
    ...engines.map(({ address = "", findings }) => ({
      title: engines.length > 1 ? `Engine ${address}` : "Engine",
      findings,
    })),
    { title: "Falco's configuration", findings: falco },
    { title: "Rules", findings: checkRules(rules, sent, config?.missingRules) },
  ];
}

const count = (areas: readonly Area[], status: Status): number =>
  areas.flatMap(({ findings }) => findings).filter((finding) => finding.status === status).length;

function page(areas: readonly Area[], paint: Paint, width: number): string {
  const lines = [`${PROGRAM} ${buildId}`];
  for (const { title, findings } of areas) {
    lines.push("", paint("strong", title));
    for (const { status, what, advice } of findings) {
      const text = indented(printable(what), INDENT, width).trimStart();
      lines.push(`  ${paint(KINDS[status], status.padEnd(STATUS_WIDTH))}${text}`);
      if (advice !== undefined) lines.push(indented(`-> ${printable(advice)}`, INDENT, width));
    }
  }
  const counts = (["bad", "unknown", "good"] as const).map((status) => `${count(areas, status)} ${status}`);
  return `${lines.join("\n")}\n\n${counts.join(", ")}\n`;
}

/** Looks at this machine and prints what was found. Returns the exit code: all is well, or not. */
export async function check(given: Given): Promise<number> {
  const areas = await look(given);
  const isWell = count(areas, "bad") + count(areas, "unknown") === 0;
  if (given.has("json")) {
    const findings = areas.flatMap(({ title, findings }) =>
      findings.map(({ status, what, advice }) => ({ area: title, status, what, advice: advice ?? null })),
    );
    print(`${JSON.stringify({ ok: isWell, build: buildId, findings })}\n`);
  } else {
    const paint = paintFor(given.one("color"), process.stdout.isTTY ?? false);
    print(page(areas, paint, Math.max(40, process.stdout.columns || 120)));
  }
  return isWell ? EXIT.done : EXIT.failed;
}
