/**
 * Writes test/fixtures/rules/real.jsonl anew: the scenarios on this machine's Docker Engine, as cases. What a case names as
 * other rules that match is to be looked at before it is committed. `bun test/rules/record.ts`
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { wholeRules } from "../../build/rules/reach.ts";
import { isMap } from "../../src/base/lenient.ts";
import { Dockerd } from "../support/dockerd.ts";
import { lenientEnvironment } from "../support/lenient.ts";
import { missing } from "../support/sinsp.ts";
import type { Case } from "./cases.ts";
import { hitsOfAll } from "./evaluate.ts";
import { asked, type Performed, perform } from "./real.ts";
import { ATTACKS, CIS_SCENARIOS, SCENARIOS } from "./scenarios.ts";

type Json = Record<string, unknown>;

const OUT = join(import.meta.dir, "../fixtures/rules/real.jsonl");
const config = { statefile: "", snapshot: false, inspecttimeout: 10_000 };

/** What no rule looks at, and what tells of this machine. */
const LEFT_OUT = ["ResolvConfPath", "HostnamePath", "HostsPath", "LogPath", "GraphDriver", "Driver", "ExecIDs"];

/** An answer about a container without secrets, and without what is long and says nothing. */
function trimmed(answer: Json): Json {
  const { Config, NetworkSettings, ...rest } = answer;
  const { Env: _, ...config } = Config as Json;
  const { Ports, Networks = {} } = NetworkSettings as Json;
  const networks = Object.fromEntries(Object.keys(Networks as Json).map((name) => [name, {}]));
  const kept = Object.entries(rest).filter(([key]) => !LEFT_OUT.includes(key));
  return { ...Object.fromEntries(kept), Config: config, NetworkSettings: { Ports, Networks: networks } };
}

/** The volumes that a container or an event is about. */
const volumesOf = ({ event, inspect }: Performed): string[] => [
  ...(event.Type === "volume" ? [event.Actor.ID] : []),
  ...((inspect?.Mounts ?? []) as { Type: string; Name?: string }[]).flatMap(({ Type, Name }) =>
    Type === "volume" && Name !== undefined ? [Name] : [],
  ),
];

async function caseOf(engine: Dockerd, version: string, performed: Performed): Promise<Case> {
  const { scenario, event, inspect } = performed;
  const { falco: _, ...line } = event;
  const { rule, why } = scenario;
  const exec = event.Actor.Attributes.execID;
  const process = exec === undefined ? undefined : (await asked(engine, `/exec/${exec}/json`))?.ProcessConfig;
  const volumes = await Promise.all(
    volumesOf(performed).map(async (name) => [`/volumes/${name}`, await asked(engine, `/volumes/${name}`)] as const),
  );
  const answers = volumes.filter(([, answer]) => isMap(answer));
  const made: Case = {
    rule,
    match: true,
    why,
    real: `docker ${version}`,
    event: line,
    inspect: inspect === undefined ? null : trimmed(inspect),
    ...(isMap(process) ? { exec: process as unknown as NonNullable<Case["exec"]> } : {}),
    ...(answers.length === 0 ? {} : { answers: Object.fromEntries(answers) }),
  };
  const text = JSON.stringify(made).replaceAll(`${engine.folder}/data`, "/var/lib/docker");
  return JSON.parse(text.replaceAll(engine.folder, "/var/run")) as Case;
}

if (missing !== undefined) throw new Error(missing);
const engine = await Dockerd.start([], lenientEnvironment());
if (typeof engine === "string") throw new Error(engine);
try {
  const file = join(engine.folder, "real.scap");
  const performed = await perform(engine, [...ATTACKS, ...SCENARIOS, ...CIS_SCENARIOS], file, config);
  const version = engine.docker("version", "--format", "{{.Server.Version}}").replace(/\+.*/, "");
  const files = (["docker_rules.yaml", "docker_cis_rules.yaml"] as const).map(wholeRules);
  const fileOf = new Map(files.flatMap((rules, file) => rules.map(({ rule }) => [rule, file])));
  const hits = await hitsOfAll(files.flat(), file, config);
  const lines: string[] = [];
  for (const one of performed) {
    const matching = [...hits].filter(([, hits]) => hits.some(({ time }) => time === one.time)).map(([rule]) => rule);
    const own = one.scenario.rule;
    const also = matching.filter((rule) => rule !== own && fileOf.get(rule) === fileOf.get(own));
    lines.push(JSON.stringify({ ...(await caseOf(engine, version, one)), ...(also.length === 0 ? {} : { also }) }));
  }
  writeFileSync(OUT, `${lines.join("\n")}\n`);
  console.log(`${lines.length} cases in ${OUT}`);
} finally {
  await engine.stop();
}
