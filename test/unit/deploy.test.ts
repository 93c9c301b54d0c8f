/** What deploy/ says is what Falco, the plugin, Docker and systemd take, and what its files say of one thing agrees. */
import { expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readFalcoConfig } from "../../src/cli/check/falco_config.ts";
import { FALCO, resolveEndpoint } from "../../src/docker/endpoint.ts";
import { reachOptions, readConfig, readDefaults } from "../../src/plugin/config.ts";
import { has, skipped } from "../support/needs.ts";
import { temporaryFolder } from "../support/temporary.ts";

const root = join(import.meta.dir, "../..");
const deploy = join(root, "deploy");
const textOf = (file: string): string => readFileSync(join(deploy, file), "utf8");

interface Mount {
  readonly type?: string;
  readonly source: string;
  readonly target: string;
  readonly read_only?: boolean;
}

interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly Mount[];
  readonly configs?: readonly Mount[];
  readonly tmpfs?: readonly string[];
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly healthcheck: object;
  readonly ulimits: object;
  readonly deploy?: { readonly mode: string };
}

interface Described {
  readonly services: Readonly<Record<string, Service>>;
  readonly configs?: Readonly<Record<string, { name: string; file: string }>>;
  readonly secrets?: Readonly<Record<string, { file: string }>>;
}

const described = (file: string): Described => Bun.YAML.parse(textOf(file)) as Described;
const serviceOf = (file: string, name: string): Service => {
  const service = described(file).services[name];
  if (service === undefined) throw new Error(`${file} has no service ${name}`);
  return service;
};

const DEPLOYMENTS = ["compose.yml", "swarm/stack.yml"] as const;
const OVERLAYS = ["compose.falcosidekick.yml", "swarm/falcosidekick.yml"] as const;
const falco = Object.fromEntries(DEPLOYMENTS.map((file) => [file, serviceOf(file, "falco")])) as Record<
  (typeof DEPLOYMENTS)[number],
  Service
>;

/** Falco's configuration in a container: its own file names the folder that ours goes to (falco 0.44: falco.yaml). */
function falcoConfig(): ReturnType<typeof readFalcoConfig> {
  const file = join(temporaryFolder(), "falco.yaml");
  writeFileSync(file, JSON.stringify({ config_files: [join(deploy, "falco.d")], load_plugins: [], plugins: [] }));
  return readFalcoConfig(file);
}

test("Falco's configuration loads the plugin with settings that it takes, and no warning", () => {
  const { plugin, loaded } = falcoConfig();
  expect(loaded).toEqual(["docker"]);
  expect(plugin?.libraryPath).toBe("/usr/share/falco/plugins/libdocker.so");
  const read = readConfig(plugin?.initConfig ?? "not there");
  expect(read).toEqual({ config: readDefaults(), warnings: [] });
});

test.each(DEPLOYMENTS)("%s: the engine is behind the folder that is mounted, and none else", (file) => {
  const { environment, volumes } = falco[file];
  const { plugin } = falcoConfig();
  const read = readConfig(plugin?.initConfig ?? "");
  if ("error" in read) throw new Error(read.error);
  // As without DOCKER_SOCKET.
  const host = environment.DOCKER_HOST?.replace(/\$\{\w+:-(.*?)\}/, "$1") ?? "";
  const { address } = resolveEndpoint(
    plugin?.openParams ?? "",
    { DOCKER_HOST: host },
    FALCO,
    reachOptions(read.config),
  );
  expect(address).toBe("unix:///host/run/docker.sock");
  const binds = volumes.filter(({ type }) => type === "bind");
  expect(binds.filter(({ read_only: only }) => only !== true)).toEqual([]);
  expect(
    binds.filter(({ source }) => /^\/(?!usr\/share)/.test(source)).map(({ source, target }) => [source, target]),
  ).toEqual([["/run", "/host/run"]]);
});

/** What a service is given at which path, in whatever way. */
function givenTo(file: (typeof DEPLOYMENTS)[number]): Map<string, string> {
  const { volumes, configs = [], tmpfs = [] } = falco[file];
  const files = described(file).configs ?? {};
  const given = new Map(volumes.map(({ type, source, target }) => [target, type === "tmpfs" ? "tmpfs" : source]));
  for (const { source, target } of configs) given.set(target, files[source]?.file ?? "not there");
  for (const target of tmpfs) given.set(target, "tmpfs");
  const isOurs = (from: string) => from.startsWith(".");
  return new Map(
    [...given].map(([target, from]) => [target, isOurs(from) ? join(dirname(join(deploy, file)), from) : from]),
  );
}

test("Compose and the swarm run Falco alike", () => {
  const [compose, stack] = DEPLOYMENTS.map((file) => falco[file]) as [Service, Service];
  for (const key of ["image", "command", "read_only", "cap_drop", "healthcheck", "ulimits"] as const)
    expect(compose[key]).toEqual(stack[key]);
  expect(compose.image).toMatch(/^falcosecurity\/falco:0\.44\.\d+$/);
  expect([compose.read_only, compose.cap_drop]).toEqual([true, ["ALL"]]);
  expect(new Set(Object.keys(compose.environment))).toEqual(new Set(Object.keys(stack.environment)));
  expect(Object.fromEntries(givenTo("compose.yml"))).toEqual(Object.fromEntries(givenTo("swarm/stack.yml")));
  const [own, swarm] = OVERLAYS.map((file) => serviceOf(file, "falcosidekick")) as [Service, Service];
  for (const key of ["image", "command", "read_only", "cap_drop", "healthcheck", "ulimits"] as const)
    expect(own[key]).toEqual(swarm[key]);
});

test.each(DEPLOYMENTS)("%s: what Falco reads is where it looks, and what it keeps outlives it", (file) => {
  const given = givenTo(file);
  const rules = (Bun.YAML.parse(textOf("falco.d/docker_alerts.yaml")) as { rules_files: string[] }).rules_files;
  expect(rules.map((path) => [path, basename(given.get(path) ?? "")])).toEqual(
    rules.map((path) => [path, basename(path)]),
  );
  for (const name of ["docker.yaml", "docker_alerts.yaml"])
    expect(given.get(`/etc/falco/config.d/${name}`)).toBe(join(deploy, "falco.d", name));
  for (const from of given.values()) if (from.startsWith(root)) expect([from, existsSync(from)]).toEqual([from, true]);
  const { statefile, programdir } = readDefaults();
  expect([given.get(dirname(statefile)), given.get(programdir)]).toEqual(["place", "program"]);
});

test("alerts go to the Falcosidekick that is deployed beside Falco", () => {
  const { http_output: http } = Bun.YAML.parse(textOf("falco.d/falcosidekick.yaml")) as {
    http_output: { enabled: boolean; url: string };
  };
  const { json_output: json } = Bun.YAML.parse(textOf("falco.d/docker_alerts.yaml")) as { json_output: boolean };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Falco's, of its environment.
  expect([http.enabled, http.url, json]).toEqual([true, "${FALCOSIDEKICK_URL}", true]);
  for (const file of OVERLAYS) {
    const { services, secrets } = described(file);
    const url = services.falco?.environment.FALCOSIDEKICK_URL?.replace(/\$\{\w+:-(.*?)\}/, "$1") ?? "";
    expect(Object.keys(services)).toContain(new URL(url).hostname);
    expect(new URL(url).port).toBe("2801");
    const config = services.falcosidekick?.command.at(-1) ?? "";
    const secret = secrets?.[basename(config)];
    expect([dirname(config), existsSync(join(deploy, dirname(file), secret?.file ?? "not there"))]).toEqual([
      "/run/secrets",
      true,
    ]);
  }
});

const { LD_PRELOAD: _, FALCO_HOSTNAME: __, ...inherited } = Bun.env;

function run(command: readonly string[], env: Record<string, string> = {}, cwd = deploy) {
  const ran = Bun.spawnSync([...command], { cwd, env: { ...inherited, ...env } });
  return { code: ran.exitCode, out: ran.stdout.toString(), err: ran.stderr.toString() };
}

/** The CLI before 23.0 has no `docker stack config`. */
function hasStackConfig(): boolean {
  if (!has("docker's own look at deploy/swarm", "docker")) return false;
  if (run(["docker", "stack", "config", "--help"]).out.includes("docker stack config")) return true;
  skipped(
    "docker's own look at deploy/swarm",
    "this docker has no `docker stack config`",
    "install one of 23.0 or newer",
  );
  return false;
}

test.skipIf(!hasStackConfig()).each([[["stack.yml"]], [["stack.yml", "falcosidekick.yml"]]])(
  "docker takes the stack of %p",
  (files) => {
    const named = files.flatMap((file) => ["--compose-file", file]);
    const { code, out, err } = run(["docker", "stack", "config", ...named], {}, join(deploy, "swarm"));
    expect([code, err]).toEqual([0, ""]);
    const { services } = Bun.YAML.parse(out) as Described;
    expect(Object.keys(services)).toEqual(files.length > 1 ? ["falco", "falcosidekick"] : ["falco"]);
    // What is merged is added to, and not taken away from.
    expect(services.falco?.configs?.length).toBe(3 + files.length);
    expect(services.falco?.environment.DOCKER_HOST).toBe("unix:///host/run/docker.sock");
    expect(services.falco?.deploy?.mode).toBe("global");
  },
);

/** The command of Compose; undefined where there is none. */
function compose(): string[] | undefined {
  if (run(["docker", "compose", "version"]).code === 0) return ["docker", "compose"];
  return has("Compose's own look at deploy/", "docker-compose") ? ["docker-compose"] : undefined;
}

const composeCommand = Bun.which("docker") === null ? undefined : compose();

test.skipIf(composeCommand === undefined)("Compose takes its files, and says what has to be set", () => {
  const folder = temporaryFolder();
  // Compose 1 knows no name of a project.
  const own = textOf("compose.yml").replace(/^name: .*\n/m, "");
  cpSync(deploy, join(folder, "deploy"), { recursive: true });
  writeFileSync(join(folder, "deploy/compose.yml"), composeCommand?.[0] === "docker" ? textOf("compose.yml") : own);
  const config = (files: readonly string[], env: Record<string, string>) =>
    run(
      [...(composeCommand ?? []), ...files.flatMap((file) => ["--file", file]), "config"],
      env,
      join(folder, "deploy"),
    );
  for (const files of [["compose.yml"], ["compose.yml", "compose.falcosidekick.yml"]]) {
    const { code, out } = config(files, { FALCO_HOSTNAME: "node-1" });
    expect(code).toBe(0);
    const { services } = Bun.YAML.parse(out) as Described;
    expect(services.falco?.environment.FALCO_HOSTNAME).toBe("node-1");
    expect(services.falco?.volumes.length).toBe(7 + files.length);
  }
  const { code, err } = config(["compose.yml"], {});
  expect(code).not.toBe(0);
  expect(err).toContain("set it to the name of this machine");
});

test("systemd's folders are those of the settings", () => {
  const settings = new Map(
    [...textOf("systemd/docker.conf").matchAll(/^(\w+)=(.*)$/gm)].map(([, key, value]) => [key, value]),
  );
  const { statefile, programdir } = readDefaults();
  expect(`/var/lib/${settings.get("StateDirectory")}`).toBe(programdir);
  expect(`/run/${settings.get("RuntimeDirectory")}`).toBe(dirname(statefile));
  expect([settings.get("RuntimeDirectoryPreserve"), settings.get("OOMPolicy")]).toEqual(["yes", "continue"]);
});

test.skipIf(!has("systemd's own look at deploy/systemd", "systemd-analyze"))(
  "systemd takes the drop-in, whichever of Falco's units is falco.service",
  () => {
    const folder = temporaryFolder();
    // What Falco's own unit says that a drop-in could be at odds with (falco 0.44: scripts/systemd).
    const unit = {
      Unit: { Description: "stands in for Falco" },
      Service: {
        Type: "simple",
        User: "root",
        ExecStart: "/bin/true",
        Restart: "on-failure",
        RestartSec: "15s",
        NoNewPrivileges: "yes",
        ProtectHome: "read-only",
        ProtectSystem: "full",
        RestrictAddressFamilies: "~AF_PACKET",
      },
      Install: { WantedBy: "multi-user.target", Alias: "falco.service" },
    };
    const lines = Object.entries(unit).flatMap(([section, keys]) => [
      `[${section}]`,
      ...Object.entries(keys).map(([key, value]) => `${key}=${value}`),
    ]);
    writeFileSync(join(folder, "falco-modern-bpf.service"), `${lines.join("\n")}\n`);
    symlinkSync("falco-modern-bpf.service", join(folder, "falco.service"));
    mkdirSync(join(folder, "falco.service.d"));
    cpSync(join(deploy, "systemd"), join(folder, "falco.service.d"), { recursive: true });
    // The colon: systemd's own units, too.
    const env = { SYSTEMD_UNIT_PATH: `${folder}:` };
    for (const name of ["falco.service", "falco-modern-bpf.service"]) {
      expect(run(["systemd-analyze", "verify", "--man=no", name], env)).toEqual({ code: 0, out: "", err: "" });
      const { out } = run(["systemd-analyze", "security", "--offline=true", "--no-pager", name], env);
      for (const key of ["LockPersonality=", "ProtectClock=", "RestrictSUIDSGID="])
        expect(out).toMatch(new RegExp(`✓ ${key}`));
    }
  },
);

test("no file of deploy/ is left out of these, nor of falco_config.test.ts and dashboard.test.ts", () => {
  const files = readdirSync(deploy, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(deploy.length + 1));
  expect(files.toSorted()).toEqual(
    [
      ...DEPLOYMENTS,
      ...OVERLAYS,
      "docker_local.yaml",
      "falco.d/docker.yaml",
      "falco.d/docker_alerts.yaml",
      "falco.d/falcosidekick.yaml",
      "falcosidekick.yaml",
      "grafana/docker-plugin.json",
      "helm/values.yaml",
      "systemd/docker.conf",
    ].toSorted(),
  );
});
