/** --check: what is not well is found, and nothing else. */
import { expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Behaviour, TestEngine } from "../support/engine.ts";
import { BUILT, PROGRAM } from "../support/host.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { environment } from "../support/tool.ts";

/** Rules that any engine will do for. */
const RULES = join(import.meta.dir, "../../rules/docker_example_rules.yaml");
const SHIPPED = join(import.meta.dir, "../../rules/docker_rules.yaml");

interface Found {
  readonly area: string;
  readonly status: string;
  readonly what: string;
  readonly advice: string | null;
}

const { TZ: _, ...env } = environment;

async function check(...args: string[]): Promise<{ code: number; ok: boolean; findings: Found[]; wrong: string[] }> {
  const ran = Bun.spawn([PROGRAM, "--check", "--json", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err] = await Promise.all([new Response(ran.stdout).text(), new Response(ran.stderr).text()]);
  expect(err).toBe("");
  const { ok, findings } = JSON.parse(out) as { ok: boolean; findings: Found[] };
  const wrong = findings.filter(({ status }) => status !== "good").map(({ status, what }) => `${status}: ${what}`);
  for (const { status, advice } of findings)
    expect(status === "good" ? null : (advice ?? "").length > 0).toBe(status === "good" ? null : true);
  return { code: await ran.exited, ok, findings, wrong };
}

/** Falco's configuration as it should be, but for what a test changes. */
function configOf(address: string, more: { yaml?: string; initConfig?: string; rules?: string } = {}): string {
  const file = join(temporaryFolder(), "falco.yaml");
  const { initConfig = "{flushinterval: 0}", rules = RULES } = more;
  const plugin = `{name: docker, library_path: ${BUILT}, init_config: ${initConfig}, open_params: '${address}'}`;
  writeFileSync(file, more.yaml ?? `plugins: [${plugin}]\nload_plugins: [docker]\nrules_files: [${rules}]\n`);
  return file;
}

function rulesOf(yaml: string): string {
  const file = join(temporaryFolder(), "rules.yaml");
  writeFileSync(file, yaml);
  return file;
}

const rule = (condition: string, output = "x"): string =>
  JSON.stringify([{ rule: "R", desc: "d", condition, output, priority: "INFO", source: "docker" }]);

test("rules that are off are counted, and a file of nothing else is told of", async () => {
  const { findings, wrong } = await check("--rules", SHIPPED, "--host", "unix:///nowhere");
  const ours = findings.filter(({ what }) => what.startsWith(SHIPPED));
  expect(ours.map(({ status, what }) => [status, what.slice(SHIPPED.length)])).toEqual([
    ["good", expect.stringMatching(/^: \d+ rules for Docker events, 5 of them off, whose fields are there/)],
  ]);
  expect(wrong.some((what) => what.includes(SHIPPED))).toBe(false);
  const off = rulesOf(rule("docker.type = container").replace("}]", ',"enabled":false}]'));
  expect((await check("--rules", off, "--host", "unix:///nowhere")).wrong).toContainEqual(
    `unknown: ${off}: none of its rules is enabled`,
  );
});

test("all is well: exit code 0, and a page that says so", async () => {
  await using engine = await TestEngine.start();
  const config = configOf(engine.address);
  const { code, ok, wrong, findings } = await check("--config", config);
  expect([code, ok, wrong]).toEqual([0, true, []]);
  expect(new Set(findings.map(({ area }) => area)).size).toBe(4);
  const page = Bun.spawn([PROGRAM, "--check", "--config", config], { env });
  const text = await new Response(page.stdout).text();
  expect(text).toEndWith(`\n0 bad, 0 unknown, ${findings.length} good\n`);
  expect(text).not.toContain("\x1b");
  expect(await page.exited).toBe(0);
});

const engines: [string, Behaviour, RegExp][] = [
  ["refuses /info", { refuseInfo: 403 }, /\/info with 403.*docker\.engine\.name is absent/],
  ["refuses the list", { refuseList: 403 }, /\/containers\/json with 403.*containers that run already/],
  [
    "refuses containers",
    { answers: { [`/containers/${"0".repeat(64)}/json`]: { status: 403, body: "no" } } },
    /\/containers\/\{id\}\/json with 403: no: docker\.container\.\* are absent/,
  ],
  ["refuses its events", { refuse: { status: 403, body: "no" } }, /\/events with 403: no/],
  ["is an hour ahead", { clockMs: 3_600_000 }, /its clock is 3[56]\d\d s ahead of this machine's/],
  ["is old", { apiVersion: "1.22" }, /speaks API 1\.22: the oldest that will do is 1\.24/],
];

test.each(engines)("an engine that %s", async (_name, behaviour, words) => {
  await using engine = await TestEngine.start(behaviour);
  const { code, wrong } = await check("--config", configOf(engine.address));
  expect(code).toBe(1);
  expect(wrong).toEqual([expect.stringMatching(words)]);
});

test("several engines are each looked at, however they are named", async () => {
  await using old = await TestEngine.start({ apiVersion: "1.24" });
  await using second = await TestEngine.start({ refuseInfo: 403 });
  const rules = rulesOf(rule("docker.node.statenew = down"));
  const setting = `{engines: [{address: '${old.address}'}, {address: '${second.address}'}]}`;
  for (const args of [
    ["--config", configOf(`${old.address},${second.address}`, { rules })],
    ["--config", configOf("", { initConfig: setting, rules })],
    ["--config", configOf("", { rules }), "--host", old.address, "--host", second.address],
  ]) {
    const { wrong, findings } = await check(...args);
    // The newest of both sends the field.
    expect(wrong).toEqual([expect.stringMatching(/\/info with 403/)]);
    const areas = new Set(findings.map(({ area }) => area).filter((area) => area.startsWith("Engine")));
    expect([...areas]).toEqual([`Engine ${old.address}`, `Engine ${second.address}`]);
  }
  const { wrong } = await check("--config", configOf("", { initConfig: "{engines: [{address: nowhere}]}" }));
  expect(wrong).toEqual([expect.stringContaining('engines[0].address "nowhere": not an engine\'s address')]);
});

test("an engine that sends no legacy keys is well, and it is said", async () => {
  await using engine = await TestEngine.start({ apiVersion: "1.52" });
  const { code, findings } = await check("--config", configOf(engine.address));
  expect(code).toBe(0);
  expect(findings.map(({ what }) => what)).toContain(
    "it sends no status, id and from: docker.status, docker.id and docker.from are filled in",
  );
});

test("what stands in the place of a socket is said, in the setting's own words", async () => {
  const folder = temporaryFolder();
  expect((await check("--config", configOf(folder))).wrong[0]).toContain("a folder is there and no socket");
  const none = await check("--config", configOf("/nowhere/docker.sock"));
  expect(none.findings.find(({ status }) => status === "bad")?.advice).toBe("start the engine or set open_params");
  const asked = await check("--config", configOf("/nowhere/docker.sock"), "--host", "/nowhere/else.sock");
  expect(asked.findings.find(({ status }) => status === "bad")?.advice).toBe("start the engine or set --host");
  expect((await check("--config", configOf("nonsense"))).wrong[0]).toContain('open_params "nonsense": not an engine');
});

test("a recording in the place of an engine", async () => {
  const file = join(temporaryFolder(), "events.jsonl");
  writeFileSync(file, "");
  expect((await check("--config", configOf(`file://${file}`))).wrong).toEqual([]);
  expect((await check("--config", configOf("file:///nowhere/x"))).wrong).toEqual([
    'bad: open_params "file:///nowhere/x": there is no such file',
  ]);
});

const configs: [string, (address: string) => string, RegExp][] = [
  ["lists no plugin", () => "load_plugins: []\n", /the plugin docker is not among its plugins/],
  [
    "does not load it",
    (address) => `plugins: [{name: docker, library_path: ${BUILT}, open_params: '${address}'}]\nload_plugins: [json]\n`,
    /the plugin docker is listed and not loaded/,
  ],
  ["is no YAML", () => "plugins: [\n}", /it is not YAML/],
  ["is no map", () => "- a\n- b\n", /expected a map of settings/],
];

test.each(configs)("a configuration that %s", async (_name, yaml, words) => {
  await using engine = await TestEngine.start();
  const config = configOf(engine.address, { yaml: yaml(engine.address) });
  const { code, wrong } = await check("--config", config, "--host", engine.address, "--rules", RULES);
  expect(code).toBe(1);
  expect(wrong).toEqual([expect.stringMatching(words)]);
});

test("init_config is read as the plugin reads it, as YAML and as JSON text", async () => {
  await using engine = await TestEngine.start();
  const wrong = async (initConfig: string) => (await check("--config", configOf(engine.address, { initConfig }))).wrong;
  expect(await wrong('{flushInterval: "soon"}')).toEqual([
    'bad: init_config: flushInterval: expected a number, got the string "soon"',
  ]);
  expect(await wrong(`'{"flushinterval": 10}'`)).toEqual([]);
  expect(await wrong("{flushintervall: 1}")).toEqual([expect.stringContaining('unknown key "flushintervall"')]);
});

test("what a configuration's folder adds counts", async () => {
  await using engine = await TestEngine.start();
  const folder = temporaryFolder();
  mkdirSync(join(folder, "config.d"));
  writeFileSync(
    join(folder, "config.d/docker.yaml"),
    `plugins: [{name: docker, library_path: ${BUILT}, open_params: '${engine.address}'}]\nload_plugins: [docker]\n`,
  );
  const config = join(folder, "falco.yaml");
  writeFileSync(
    config,
    `config_files: [${join(folder, "config.d")}, /nowhere]\nload_plugins: [json]\nrules_files: [${RULES}]\n`,
  );
  expect((await check("--config", config)).wrong).toEqual([]);
});

const rules: [string, RegExp | undefined][] = [
  [rule("docker.type = container", "%docker.container.name %evt.time"), undefined],
  [
    rule("docker.tpye = container"),
    /R: there is no field docker\.tpye for events of Docker; did you mean docker\.type\?/,
  ],
  [rule("proc.name = sh"), /R: there is no field proc\.name for events of Docker/],
  [rule("docker.attributes = x"), /docker\.attributes needs an argument: docker\.attributes\[KEY\]/],
  [rule("docker.type[a] = x"), /docker\.type takes no argument/],
  [rule("docker.exec.exitcode contains 1"), /docker\.exec\.exitcode is a uint64, and takes = ==/],
  [rule("docker.exec.exitcode = zero"), /docker\.exec\.exitcode = zero: "zero" is not a number/],
  [rule("docker.container.privileged = yes"), /"yes" is not true or false/],
  [rule("docker.container.capadd = CAP_SYS_ADMIN"), /is a string list, and takes in intersects exists/],
  [rule("docker.type = container and"), /the condition is none that Falco reads: expected a field/],
  [rule("(docker.type = container"), /expected ".?".? in place of "the end"|expected "\)"/],
  [rule("is_web and docker.type = x"), /there is no macro is_web/],
  [rule("docker.type = x", "%docker.nothing"), /the output: there is no field docker\.nothing/],
  [rule("docker.node.statenew = down"), undefined],
  ["- rule: [", /it is not YAML/],
  [
    `- list: ours\n  items: [yes]\n${rule("docker.container.privileged in (ours)").replace(/^\[/, "- ").replace(/\]$/, "")}`,
    /"yes" is not/,
  ],
];

test.each(rules)("rules: %s", async (yaml, words) => {
  await using engine = await TestEngine.start();
  const { code, wrong } = await check("--config", configOf(engine.address, { rules: rulesOf(yaml) }));
  const expected = words === undefined ? [] : [expect.stringMatching(words)];
  // A file that is not read has no rules in it, too.
  expect(wrong.filter((each) => !each.startsWith("unknown: no rule is for"))).toEqual(expected);
  expect(code).toBe(words === undefined ? 0 : 1);
});

test("macros are followed, and one that uses itself is said", async () => {
  await using engine = await TestEngine.start();
  const yaml = `- macro: a\n  condition: b or docker.tpye=x\n- macro: b\n  condition: a\n- rule: R\n  condition: a\n  source: docker\n  output: x\n`;
  const { wrong } = await check("--config", configOf(engine.address, { rules: rulesOf(yaml) }));
  expect(wrong).toEqual([
    expect.stringContaining("the macro a uses itself"),
    expect.stringContaining("there is no field docker.tpye"),
  ]);
});

test("fields that are never there are said: the engine's API is too old, or nobody asks", async () => {
  await using engine = await TestEngine.start({ apiVersion: "1.24" });
  const rules = rulesOf(rule("docker.node.statenew = down and docker.container.privileged = true"));
  const { wrong } = await check("--config", configOf(engine.address, { rules, initConfig: "{inspect: false}" }));
  expect(wrong).toEqual([
    expect.stringContaining("the engine speaks API 1.24, and docker.node.statenew comes with 1.30"),
    expect.stringContaining("docker.container.privileged is never there, as the setting inspect is false"),
  ]);
});

test("rules files that are named and not there are said where no rule is left", async () => {
  await using engine = await TestEngine.start();
  const { wrong } = await check("--config", configOf(engine.address, { rules: "/nowhere/docker_rules.yaml" }));
  expect(wrong).toEqual(["bad: rules_files: /nowhere/docker_rules.yaml: not there"]);
  const other = rulesOf(rule("evt.type = open").replace('"docker"', '"syscall"'));
  const rules = `${other}, /nowhere/docker_rules.yaml`;
  expect((await check("--config", configOf(engine.address, { rules }))).wrong).toEqual([
    expect.stringMatching(/no rule is for the source docker, and \/nowhere\/docker_rules\.yaml, .* is not there/),
  ]);
  // One that may be there: docker_local.yaml.
  const some = `${RULES}, /nowhere/docker_local.yaml`;
  expect((await check("--config", configOf(engine.address, { rules: some }))).wrong).toEqual([]);
});

test("a library or a program for another processor", async () => {
  await using engine = await TestEngine.start();
  const folder = temporaryFolder();
  const library = join(folder, "libdocker.so");
  const files = [library, join(folder, "docker-plugin")];
  for (const [i, from] of [BUILT, PROGRAM].entries()) {
    const bytes = readFileSync(from);
    // s390x, elf(5)
    bytes.writeUInt16LE(22, 18);
    writeFileSync(files[i] ?? "", bytes, { mode: 0o755 });
  }
  expect((await check("--config", configOf(engine.address), "--library", library)).wrong).toEqual(
    files.map((file) => `bad: ${file} is made for another processor`),
  );
});

test("a library and a program that do not belong together, or that others can change", async () => {
  await using engine = await TestEngine.start();
  const folder = temporaryFolder();
  const library = join(folder, "libdocker.so");
  const wrong = async () =>
    (await check("--config", configOf(engine.address), "--library", library)).wrong.map((each) =>
      each.replaceAll(folder, ""),
    );
  expect(await wrong()).toEqual([
    "bad: there is no /libdocker.so",
    "bad: there is no /docker-plugin, which libdocker.so starts",
  ]);
  copyFileSync(BUILT, library);
  symlinkSync(PROGRAM, join(folder, "docker-plugin"));
  expect(await wrong()).toEqual([]);
  chmodSync(library, 0o777);
  expect(await wrong()).toEqual(["bad: others than its owner can change /libdocker.so"]);
  writeFileSync(library, "\0" + "0.4.0+0123456789abcdef\0", { mode: 0o644 });
  chmodSync(library, 0o644);
  expect(await wrong()).toEqual([
    expect.stringMatching(/^bad: \/libdocker\.so is of build 0\.4\.0\+0123456789abcdef, and/),
  ]);
  rmSync(join(folder, "docker-plugin"));
  // The library as it is made for a release, as far as its file tells.
  writeFileSync(library, Buffer.concat([readFileSync(BUILT), Buffer.from("\0.docker_plugin\0")]));
  expect(await wrong()).toEqual([]);
  symlinkSync(PROGRAM, join(folder, "docker-plugin"));
  writeFileSync(library, "nothing");
  expect(await wrong()).toEqual(["bad: /libdocker.so is no libdocker.so"]);
});
