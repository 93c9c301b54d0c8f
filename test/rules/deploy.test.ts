/**
 * deploy/ on a real engine: Compose, and a real swarm of one. What stands in for Falco is libsinsp with the plugin, behind
 * the mounts, rights and configuration that the files there give it; the rules are asked what they say of the deployment.
 */
import { afterAll, expect, test } from "bun:test";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { itemsOf, textOf, writtenOut } from "../../build/rules/file.ts";
import { carrying, compileLibrary } from "../../build.ts";
import { DOCKERD_NEEDS, Dockerd } from "../support/dockerd.ts";
import { PROGRAM } from "../support/host.ts";
import { aptInstall, skipped } from "../support/needs.ts";
import { captured, eventBlocks, missing, Sinsp, tellIfMissing } from "../support/sinsp.ts";
import { standIn } from "../support/stand_in.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { hitsOfFew } from "./evaluate.ts";
import { listening, recorded } from "./real.ts";

const DEPLOY = join(import.meta.dir, "../../deploy");
const IMAGES = ["swarm/stack.yml", "swarm/falcosidekick.yml"].map((file) => {
  const { services } = Bun.YAML.parse(readFileSync(join(DEPLOY, file), "utf8")) as {
    services: Record<string, { image?: string }>;
  };
  return Object.values(services).findLast(({ image }) => image !== undefined)?.image ?? "";
}) as [string, string];
const [FALCO, FALCOSIDEKICK] = IMAGES;

/** The engine's socket below /run, as that is what the files mount. */
const SOCKET = process.getuid?.() === 0 ? join(temporaryFolder("/run"), "docker.sock") : "";
/** Nothing is pulled, also not where the machine has a network. */
const NOWHERE = { HTTP_PROXY: "http://127.0.0.1:9", HTTPS_PROXY: "http://127.0.0.1:9", NO_PROXY: "" };

tellIfMissing("deploy/ on a real engine");
const engine = missing === undefined ? await start() : "no libsinsp";
if (missing === undefined && typeof engine === "string")
  skipped("deploy/ on a real engine", engine, aptInstall(...DOCKERD_NEEDS));
const real = test.skipIf(typeof engine === "string");
const dockerd = engine as Dockerd;
const docker = (...args: string[]): string => dockerd.docker(...args);
afterAll(() => (typeof engine === "string" ? undefined : engine.stop()), 60_000);

async function start(): Promise<Dockerd | string> {
  if (process.getuid?.() !== 0) return "no root";
  const started = await Dockerd.start(["-H", `unix://${SOCKET}`], NOWHERE);
  if (typeof started !== "string") await standIn(started, FALCO, FALCOSIDEKICK);
  return started;
}

const LIBRARY = join(temporaryFolder(), "libdocker.so");
if (typeof engine !== "string") await compileLibrary(LIBRARY, await carrying(PROGRAM));
/** What an operator sets. */
const SET = { LIBDOCKER: LIBRARY, DOCKER_SOCKET: SOCKET, FALCO_HOSTNAME: "node-1" };

/** Runs a command against the engine. Returns what it prints. */
function run(command: readonly string[], cwd: string): string {
  const { LD_PRELOAD: _, ...env } = Bun.env;
  const ran = Bun.spawnSync([...command], { cwd, env: { ...env, ...SET, DOCKER_HOST: dockerd.address } });
  if (ran.exitCode !== 0) throw new Error(`${command.join(" ")}: ${ran.stdout} ${ran.stderr}`);
  return ran.stdout.toString();
}

async function until<T>(what: string, look: () => T | undefined | false): Promise<T> {
  for (const end = performance.now() + 90_000; performance.now() < end; await Bun.sleep(100)) {
    const found = look();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(`there is no ${what}`);
}

/** The containers of an image, also those that have ended, the newest first. */
const containersOf = (image: string): string[] =>
  docker("ps", "--all", "--quiet", "--no-trunc", "--filter", `ancestor=${image}`).split("\n").filter(Boolean);

const logsOf = (container: string): string => {
  const { stdout } = Bun.spawnSync(["docker", "-H", dockerd.address, "logs", container]);
  return stdout.toString();
};

interface Alert {
  readonly hostname: string;
  readonly rule: string;
  readonly priority: string;
  readonly output: string;
}

const isAlert = (line: string): boolean => line.startsWith("{") && line.includes('"rule"');
const alertsIn = (container: string): Alert[] =>
  logsOf(container)
    .split("\n")
    .filter(isAlert)
    .map((line) => JSON.parse(line));
const isReady = (container: string | undefined): boolean =>
  container !== undefined && logsOf(container).includes('"stands"');

/** How a container is; undefined where it is gone by now. */
function stateOf(container: string): { Running: boolean; Health?: { Status: string } } | undefined {
  const { stdout } = Bun.spawnSync([
    "docker",
    "-H",
    dockerd.address,
    "inspect",
    "--format",
    "{{json .State}}",
    container,
  ]);
  return stdout.length > 1 ? JSON.parse(stdout.toString()) : undefined;
}
const isRunning = (container: string): boolean => stateOf(container)?.Running === true;

/** Does what the rule tells of that stands in for all: its event says all by itself, also when it is over. */
function destroy(name: string): void {
  docker("volume", "create", name);
  docker("volume", "rm", name);
}
const tells =
  (name: string) =>
  ({ output }: Alert): boolean =>
    output.includes(`volume=${name} `);

/** Waits until a container is well by its own check. */
const healthy = (image: string): Promise<string> =>
  until(`healthy ${image}`, () => containersOf(image).find((one) => stateOf(one)?.Health?.Status === "healthy"));

/** Waits until a plugin listens, beside so many others. */
const listens = (others = 0): Promise<boolean> => until("plugin that listens", () => listening(dockerd) > others);

interface Inspected {
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly CapDrop: readonly string[];
    readonly Memory: number;
    readonly PidsLimit: number;
    readonly Privileged: boolean;
  };
  readonly Mounts: readonly { Type: string; Source: string; Destination: string; RW: boolean; Name?: string }[];
}

/** Looks at what the engine made of a description of Falco. */
function looksRight(container: string): void {
  const [{ HostConfig, Mounts }] = JSON.parse(docker("inspect", container)) as [Inspected];
  const { ReadonlyRootfs, CapDrop, Memory, PidsLimit, Privileged } = HostConfig;
  expect([ReadonlyRootfs, CapDrop, Memory, PidsLimit, Privileged]).toEqual([true, ["ALL"], 512 << 20, 200, false]);
  const binds = Mounts.filter(({ Type }) => Type === "bind");
  expect(binds.filter(({ RW }) => RW)).toEqual([]);
  const mounted = binds.map(({ Source, Destination }) => [Source, Destination]);
  expect(mounted).toContainEqual(["/run", "/host/run"]);
  expect(mounted).toContainEqual([LIBRARY, "/usr/share/falco/plugins/libdocker.so"]);
  const volumes = Mounts.filter(({ Type }) => Type === "volume").map(({ Name = "", Destination }) => [
    Name,
    Destination,
  ]);
  expect(volumes.toSorted()).toEqual([
    ["falco_place", "/run/falco-docker-plugin"],
    ["falco_program", "/var/lib/falco-docker-plugin"],
  ]);
}

const config = { statefile: "", inspecttimeout: 10_000 };
// A deployment takes longer than what other tests record.
Sinsp.runMs = 300_000;

/** How often each rule that is on tells of something in a capture; those that tell of nothing are left out. */
async function told(capture: string): Promise<Record<string, number>> {
  const rules = writtenOut(itemsOf(textOf("docker_rules.yaml"))).filter(({ enabled }) => enabled !== false);
  const hits = [...(await hitsOfFew(rules, capture, config))].filter(([, { length }]) => length > 0);
  return Object.fromEntries(hits.map(([rule, { length }]) => [rule, length]));
}

/** The services that rules of the CIS benchmark tell of: what is not so, and has to be. docs/deploy.md says why. */
const RUN_AS_FALCO = {
  "CIS 4.1 Container Runs as Root": ["falco"],
  "CIS 5.6 Sensitive Host Path Mounted": ["falco"],
  "CIS 5.32 Engine Socket Mounted": ["falco"],
};
const CIS = {
  swarm: { ...RUN_AS_FALCO, "CIS 5.26 New Privileges Allowed": ["falco", "falcosidekick"] },
  compose: { ...RUN_AS_FALCO, "CIS 5.15 Restart without End": ["falco", "falcosidekick"] },
};

/** Which services each rule of the CIS benchmark tells of in a capture, by their images. */
async function cisOf(capture: string): Promise<Record<string, string[]>> {
  const services: Record<string, string> = { [FALCO]: "falco", [FALCOSIDEKICK]: "falcosidekick" };
  const rules = writtenOut(itemsOf(textOf("docker_cis_rules.yaml")));
  const hits = await hitsOfFew(
    rules.map((rule) => ({ ...rule, output: "%docker.attributes.image" })),
    capture,
    config,
  );
  const serviceOf = ({ output }: { output: string }) => services[output] ?? output;
  const told = [...hits].filter(([, { length }]) => length > 0);
  return Object.fromEntries(told.map(([rule, all]) => [rule, [...new Set(all.map(serviceOf))].toSorted()]));
}

/** Ends the swarm, and waits until nothing of it is left that another test could take for its own. */
async function leave(): Promise<void> {
  docker("swarm", "leave", "--force");
  await until("end", () => containersOf(FALCO).length + containersOf(FALCOSIDEKICK).length === 0);
}

real(
  "a swarm: each node's Falco tells Falcosidekick, goes on where the one before it was, and is not told of itself",
  async () => {
    await using _ = { [Symbol.asyncDispose]: leave };
    const swarm = join(DEPLOY, "swarm");
    const files = ["stack.yml", "falcosidekick.yml"].flatMap((file) => ["--compose-file", file]);
    const node = dockerd.initSwarm();
    const hostname = docker("node", "inspect", "--format", "{{.Description.Hostname}}", node);
    run(["docker", "stack", "deploy", "--resolve-image", "never", ...files, "falco"], swarm);
    // Its name is known from then on.
    await healthy(FALCOSIDEKICK);
    const first = await until("Falco", () => containersOf(FALCO).find(isReady));
    await listens();
    looksRight(first);

    // The alert of a node comes to the one place, under the node's name.
    destroy("planted");
    const [sidekick = ""] = containersOf(FALCOSIDEKICK);
    const alert = await until("alert", () => alertsIn(sidekick).find(tells("planted")));
    expect([alert.hostname, alert.rule, alert.priority]).toEqual([hostname, "Volume Destroyed", "NOTICE"]);

    // What happens while there is no task is told by the next one, once.
    docker("node", "update", "--availability", "drain", node);
    await until("end", () => !isRunning(first));
    destroy("unwatched");
    docker("node", "update", "--availability", "active", node);
    const second = await until("next task", () => {
      const [newest] = containersOf(FALCO);
      return newest !== first && isReady(newest) ? newest : undefined;
    });
    await until("alert of the gap", () => alertsIn(second).find(tells("unwatched")));
    destroy("after");
    await until("alert", () => alertsIn(second).find(tells("after")));
    expect(alertsIn(second).filter(tells("unwatched")).length).toBe(1);
    expect(alertsIn(second).filter(tells("planted")).length).toBe(0);
    await until("Falcosidekick", () => containersOf(FALCOSIDEKICK).find(isRunning));

    // What a Falco that starts now says of the deployment, and what this one says of its own, of itself and of its end.
    const existing = join(dockerd.folder, "existing.scap");
    await recorded(dockerd, existing, config, () => {});
    const isOurs = ({ payload }: { payload: string }) =>
      payload.includes('"Action":"existing"') && IMAGES.some((image) => payload.includes(`"image":"${image}"`));
    expect(captured(existing).filter(isOurs).length).toBe(2);
    expect(await cisOf(existing)).toEqual(CIS.swarm);

    const redeployed = join(dockerd.folder, "redeployed.scap");
    await recorded(dockerd, redeployed, { ...config, snapshot: false }, async () => {
      run(["docker", "stack", "rm", "falco"], swarm);
      await until("end", () => containersOf(FALCO).length + containersOf(FALCOSIDEKICK).length === 0);
      await until("network's end", () => docker("network", "ls", "--quiet", "--filter", "name=falco_alerts") === "");
      run(["docker", "stack", "deploy", "--resolve-image", "never", ...files, "falco"], swarm);
      for (const image of IMAGES) await until(image, () => containersOf(image).find(isReady));
    });
    const both = join(dockerd.folder, "both.scap");
    writeFileSync(both, Buffer.concat([readFileSync(existing), eventBlocks(readFileSync(redeployed))]));
    const loud = await told(both);
    // A signal, and then the container; a secret and five configurations, and two services, gone and made.
    expect(loud).toEqual({
      "Security Sensor Stopped": expect.any(Number),
      "Secret or Config Changed": 12,
      "Swarm Service Changed": 4,
    });
    run(["docker", "stack", "rm", "falco"], swarm);
  },
  300_000,
);

/** The command of Compose, or why there is none. */
function compose(): string[] | undefined {
  const has = Bun.spawnSync(["docker", "compose", "version"]).exitCode === 0;
  if (has) return ["docker", "compose"];
  if (Bun.which("docker-compose") !== null) return ["docker-compose"];
  skipped("deploy/compose.yml on a real engine", "there is no Compose", aptInstall("docker-compose"));
  return undefined;
}

const composeCommand = typeof engine === "string" ? undefined : compose();

test.skipIf(composeCommand === undefined)(
  "Compose: Falco tells Falcosidekick under the machine's name, and is not told of itself",
  async () => {
    const folder = temporaryFolder();
    // Below a folder of its own, as Compose 1 takes no name of a project in the file.
    cpSync(DEPLOY, join(folder, "deploy"), { recursive: true });
    cpSync(join(DEPLOY, "../rules"), join(folder, "rules"), { recursive: true });
    const file = join(folder, "deploy/compose.yml");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^name: .*\n/m, ""));
    const files = ["compose.yml", "compose.falcosidekick.yml"].flatMap((name) => ["--file", name]);
    const command = (...args: string[]) =>
      run([...(composeCommand ?? []), "--project-name", "falco", ...files, ...args], join(folder, "deploy"));
    const capture = join(dockerd.folder, "compose.scap");
    await recorded(dockerd, capture, { ...config, snapshot: false }, async () => {
      const others = listening(dockerd);
      command("up", "--detach");
      const falco = await until("Falco", () => containersOf(FALCO).find(isReady));
      const sidekick = await until("Falcosidekick", () => containersOf(FALCOSIDEKICK).find(isReady));
      await listens(others);
      looksRight(falco);
      destroy("planted");
      const alert = await until("alert", () => alertsIn(sidekick).find(tells("planted")));
      expect(alert.hostname).toBe("node-1");
      await healthy(FALCO);
    });
    expect(await told(capture)).toEqual({ "Volume Destroyed": 1 });
    expect(await cisOf(capture)).toEqual(CIS.compose);
    command("down", "--volumes");
  },
  180_000,
);
