/**
 * What a person installs, on a system that has nothing else: a root of its own with a C library, libsinsp as the host, and
 * the socket of a real engine where the plugin looks for it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { archive } from "../../build/release/archive.ts";
import { writeDeb } from "../../build/release/deb.ts";
import { isRule, itemsOf, textOf } from "../../build/rules/file.ts";
import { carrying, compileLibrary } from "../../build.ts";
import { DOCKERD_NEEDS, Dockerd } from "../support/dockerd.ts";
import { BUILT, isVariant, PROGRAM } from "../support/host.ts";
import { aptInstall, has, skipped } from "../support/needs.ts";
import { FOLDER, missing, tellIfMissing } from "../support/sinsp.ts";
import { temporaryFolder } from "../support/temporary.ts";

const WHAT = "an installation in a system of its own";
const project = join(import.meta.dir, "../..");
const config = join(project, "deploy/falco.d/docker.yaml");
const folder = temporaryFolder();
/** Where the clean system lies. */
const root = join(folder, "root");

tellIfMissing(WHAT);
const tools = has(WHAT, "unshare", "chroot", "mount", "dpkg", "dpkg-deb", "tar");
const runs = missing === undefined && tools && !isVariant;
mkdirSync(join(root, "run"), { recursive: true });
const started = runs ? await Dockerd.start(["-H", `unix://${root}/run/docker.sock`]) : "";
if (runs && typeof started === "string") skipped(WHAT, started, aptInstall(...DOCKERD_NEEDS));
const engine = started as Dockerd;
const clean = test.skipIf(typeof started === "string");

const tarball = join(folder, "docker-linux.tar.gz");
const deb = join(folder, "plugin.deb");

/** Runs a command to its end. @throws where it fails */
function run(...command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stdout} ${stderr}`);
  return stdout.toString();
}

/** Makes what is installed as build/release.ts does, but of the program that is built already. */
async function makeArtifacts(): Promise<void> {
  const made = join(folder, "made");
  mkdirSync(made);
  await compileLibrary(join(made, "libdocker.so"), await carrying(PROGRAM));
  const rules = join(project, "rules/docker_rules.yaml");
  const license = join(project, "LICENSE");
  await Promise.all([
    archive(tarball, made, ["libdocker.so"]),
    writeDeb(deb, join(folder, "deb"), {
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      program: PROGRAM,
      library: BUILT,
      config,
      rules,
      moreRules: [],
      copyright: license,
      license,
    }),
  ]);
}

/** Makes the clean system: libraries, the host, and no file of ours. */
function makeSystem(): void {
  for (const path of ["dev", "proc", "tmp", "run", "etc", "usr/share/falco/plugins", "var/lib/dpkg/updates", "lib"])
    mkdirSync(join(root, path), { recursive: true });
  symlinkSync("../run", join(root, "var/run"));
  cpSync(join(FOLDER, "lib"), join(root, `lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`), {
    recursive: true,
    verbatimSymlinks: true,
  });
  for (const loader of readdirSync(join(FOLDER, "lib")).filter((name) => name.startsWith("ld-linux")))
    for (const path of ["lib64", "lib"]) {
      mkdirSync(join(root, path), { recursive: true });
      cpSync(join(FOLDER, "lib", loader), join(root, path, loader));
    }
  cpSync(join(FOLDER, "program"), join(root, "falco"));
  writeFileSync(join(root, "var/lib/dpkg/status"), "");
}

beforeAll(async () => {
  if (typeof started === "string") return;
  makeSystem();
  await makeArtifacts();
}, 120_000);

afterAll(async () => {
  if (typeof started !== "string") await engine.stop();
}, 60_000);

/** Begins a command in the clean system, with what a kernel gives it; the mounts are gone with the process. */
const inside = [
  ...["unshare", "--mount", "setpriv", "--pdeathsig", "KILL", "sh", "-c"],
  `mount -t proc proc ${root}/proc && mount --bind /dev ${root}/dev && exec chroot ${root} "$@"`,
  "inside",
];

/** The example rule, as a host without rules files takes it. */
function exampleRule(): { output: string; condition: string } {
  const rule = itemsOf(textOf("docker_example_rules.yaml")).find(isRule);
  if (rule === undefined) throw new Error("docker_example_rules.yaml has no rule");
  return rule;
}

/** Has the host in the clean system print the example rule's first alert, of a container that is made meanwhile. */
async function firstAlert(): Promise<string> {
  const { plugins } = Bun.YAML.parse(readFileSync(config, "utf8")) as {
    plugins: { library_path: string; init_config: object; open_params: string }[];
  };
  const [plugin] = plugins;
  if (plugin === undefined) throw new Error("no plugin is configured");
  // Falco's folder for a path that is relative.
  const library = join("/usr/share/falco/plugins", plugin.library_path);
  const { output, condition } = exampleRule();
  const host = Bun.spawn(
    [
      ...inside,
      ...["/falco", "-H", `${library}:${JSON.stringify(plugin.init_config)}`, "-I", `docker:${plugin.open_params}`],
      ...["-n", "1", "-p", output, condition],
    ],
    { env: {}, stdio: ["ignore", "pipe", "pipe"], timeout: 50_000 },
  );
  const said = Promise.all([new Response(host.stdout).text(), new Response(host.stderr).text()]);
  while (host.exitCode === null && host.signalCode === null) {
    engine.docker("rm", engine.docker("create", "--network", "none", "bb:1"));
    await Bun.sleep(50);
  }
  const [stdout, stderr] = await said;
  expect([host.exitCode, stderr]).toEqual([0, ""]);
  return stdout;
}

const ALERT = /^status=create from=bb:1 type=container action=create name=\w+$/m;
const STATE = "var/lib/falco-docker-plugin";

clean(
  "the tarball's one file and the snippet of configuration: the first alert comes",
  async () => {
    run("tar", "-xzf", tarball, "-C", join(root, "usr/share/falco/plugins"));
    const began = performance.now();
    expect(await firstAlert()).toMatch(ALERT);
    console.log(
      `from Falco's start to the first alert, the program unpacked: ${Math.round(performance.now() - began)} ms`,
    );
    const [program = ""] = readdirSync(join(root, STATE));
    expect(program).toMatch(/^docker-plugin-[0-9a-f]{32}$/);
    expect(lstatSync(join(root, STATE, program)).mode & 0o7777).toBe(0o700);
    run("rm", "-r", join(root, STATE), join(root, "usr/share/falco/plugins/libdocker.so"));
  },
  60_000,
);

clean(
  "the package for Debian: what it installs works, is all there, and is gone with it",
  async () => {
    const dpkg = ["dpkg", `--root=${root}`, "--log=/dev/null"];
    run(...dpkg, "--install", deb);
    expect(run(...dpkg, "--verify", "falco-plugin-docker")).toBe("");
    // What a person has changed stays at an upgrade.
    expect(readFileSync(join(root, "var/lib/dpkg/info/falco-plugin-docker.conffiles"), "utf8")).toBe(
      "/etc/falco/config.d/docker.yaml\n/etc/falco/rules.d/docker_rules.yaml\n",
    );
    for (const [path, mode] of [
      ["usr/share/falco/plugins/libdocker.so", 0o755],
      ["usr/share/falco/plugins/docker-plugin", 0o755],
      ["etc/falco/config.d/docker.yaml", 0o644],
    ] as const)
      expect(lstatSync(join(root, path))).toMatchObject({ mode: 0o100000 | mode, uid: 0, gid: 0 });
    expect(run(...inside, "/usr/bin/docker-plugin", "--version")).toStartWith("docker-plugin ");
    expect(await firstAlert()).toMatch(ALERT);
    // The program lies beside the library.
    expect(existsSync(join(root, STATE))).toBe(false);
    run(...dpkg, "--purge", "falco-plugin-docker");
    for (const path of ["usr/share/falco", "usr/share/doc", "etc/falco", "usr/bin"])
      expect(existsSync(join(root, path))).toBe(false);
  },
  60_000,
);
