/** The built binary, as a person uses it. */
import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readArgs } from "../../src/cli/args.ts";
import { everything as all, type Command, EXIT_CODES, type Option } from "../../src/cli/commands.ts";
import { fields } from "../../src/plugin/fields.ts";
import { initSchemaJson } from "../../src/plugin/schema.ts";
import { TestEngine } from "../support/engine.ts";
import { PROGRAM } from "../support/host.ts";
import { has } from "../support/needs.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { environment, run, Terminal } from "../support/tool.ts";

const everything: readonly (Command | Option)[] = all;

/** What a live dump says to the person, and not into the pipe. */
const greeting = ({ address }: TestEngine): string => `docker-plugin: connected to ${address}; Ctrl-C ends\n`;

test("--help teaches: every command and option, the exit codes, examples", () => {
  const { code, out, err } = run(["--help"]);
  expect([code, err]).toEqual([0, ""]);
  for (const { name } of everything) expect(out).toContain(`--${name}`);
  for (const [code, meaning] of EXIT_CODES) expect(out.replaceAll(/\s+/g, " ")).toContain(`${code} ${meaning}`);
  expect(out).toContain("Examples:");
  expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(run(["-h"])).toEqual({ code, out, err });
});

test.each(everything.map(({ name }) => name))("--help %s says what it does, however it is asked for", (name) => {
  const one = everything.find((each) => each.name === name);
  const asked = run(["--help", name]);
  expect([asked.code, asked.err]).toEqual([0, ""]);
  expect(asked.out.replaceAll(/\s+/g, " ")).toContain(one?.desc ?? "nothing");
  for (const example of one?.examples ?? []) expect(asked.out).toContain(`docker-plugin ${example}\n`);
  if (name === "help") return;
  expect(run(["--help", `--${name}`]).out).toBe(asked.out);
  expect(run([`--${name}`, "--help"]).out).toBe(asked.out);
});

test("every example is one: the parser takes it", () => {
  const examples = everything.flatMap((one) => one.examples ?? []);
  expect(examples.length).toBeGreaterThan(30);
  for (const example of examples) {
    const words = [...(/^[^|>]*/.exec(example)?.[0] ?? "").matchAll(/'([^']*)'|(\S+)/g)].map(
      ([, a, b]) => a ?? b ?? "",
    );
    expect([example, readArgs(words).command]).toEqual([example, expect.any(String)]);
  }
});

test("the man page is one that man can read, and has every command and option", () => {
  const { code, out } = run(["--man"]);
  expect(code).toBe(0);
  for (const { name } of everything) expect(out).toContain(`\\fB\\-\\-${name.replaceAll("-", "\\-")}\\fR`);
  if (!has("the man page as man reads it", "groff")) return;
  const read = Bun.spawnSync(["groff", "-man", "-Tutf8", "-ww", "-Kutf8"], {
    stdin: Buffer.from(out),
    env: environment,
  });
  expect([read.exitCode, read.stderr.toString()]).toEqual([0, ""]);
});

test.each(["bash", "zsh", "fish"])(
  "the completion for %s is a script of it, and has every command and option",
  (shell) => {
    const { code, out } = run(["--completion", shell]);
    expect(code).toBe(0);
    for (const { name } of everything) expect(out).toContain(shell === "fish" ? `-l ${name} ` : `--${name}`);
    if (!has(`the completion for ${shell}`, shell)) return;
    const file = join(temporaryFolder(), "completion");
    writeFileSync(file, out);
    const read = Bun.spawnSync([shell, "-n", file], { env: environment });
    expect([read.exitCode, read.stderr.toString()]).toEqual([0, ""]);
  },
);

test("bash completes commands, the options of a command, and values", () => {
  const file = join(temporaryFolder(), "completion");
  writeFileSync(file, run(["--completion", "bash"]).out);
  const complete = (...words: string[]): string[] => {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const script = `source ${file}; COMP_WORDS=(docker-plugin ${quoted}); COMP_CWORD=${words.length}; _docker_plugin; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return Bun.spawnSync(["bash", "-c", script], { env: environment }).stdout.toString().split("\n").filter(Boolean);
  };
  expect(complete("--du")).toEqual(["--dump"]);
  expect(complete("--dump", "--rel")).toEqual(["--relative"]);
  expect(complete("--fields", "--rel")).toEqual([]);
  expect(complete("--dump", "--color", "al")).toEqual(["always"]);
  expect(complete("--dump", "--columns", "docker.health.")).toEqual(["docker.health.status"]);
});

test("fish completes, too", () => {
  if (!has("fish's completion", "fish")) return;
  const file = join(temporaryFolder(), "completion");
  writeFileSync(file, run(["--completion", "fish"]).out);
  const complete = (line: string): string[] =>
    Bun.spawnSync(["fish", "-c", `source ${file}; complete -C'${line}'`], { env: environment })
      .stdout.toString()
      .split("\n")
      .filter(Boolean);
  expect(complete("docker-plugin --relat")).toEqual([
    "--relative\tshow how long after the line before it, instead of the time",
  ]);
  expect(complete("docker-plugin --color al")).toEqual(["always\tcolours"]);
});

test("zsh completes, too", async () => {
  if (!has("zsh's completion", "zsh")) return;
  const file = join(temporaryFolder(), "completion");
  writeFileSync(file, run(["--completion", "zsh"]).out);
  await using terminal = new Terminal("exec zsh -f -i", 100);
  // The word is not there before it is said.
  terminal.type(`autoload -U compinit; compinit -u -D; source ${file}; echo rea''dy\n`);
  await terminal.shows("ready");
  terminal.type("docker-plugin --relat\t");
  await terminal.shows(/--relative/);
  terminal.type("\x15docker-plugin --color alw\t");
  await terminal.shows("--color always");
});

test("--version is one line, and of libdocker.so's version", () => {
  expect(run(["--version"])).toEqual({
    code: 0,
    out: expect.stringMatching(/^docker-plugin 0\.5\.0[^\n]*\n$/),
    err: "",
  });
});

test("--fields names every field", () => {
  const { code, out } = run(["--fields"]);
  expect(code).toBe(0);
  for (const { name } of fields) expect(out).toContain(name);
  const json = JSON.parse(run(["--fields", "--json"]).out);
  expect(json.map(({ name, type }: { name: string; type: string }) => [name, type])).toEqual(
    fields.map(({ name, type }) => [name, type]),
  );
});

test("--schema is the schema that Falco gets", () => {
  expect(JSON.parse(run(["--schema"]).out)).toEqual(JSON.parse(initSchemaJson()));
});

/** Prometheus' text as Falco makes it of metrics: units are taken out of a name, and each is said to be a total. */
const PROMETHEUS = `# HELP falcosecurity_plugins_docker_received_total https://falco.org/docs/metrics/
# TYPE falcosecurity_plugins_docker_received_total counter
falcosecurity_plugins_docker_received_total 12
falcosecurity_plugins_docker_queue_total 4096
falcosecurity_plugins_docker_lag_ms_total 7
falcosecurity_plugins_docker_engines_connected_total 1
falcosecurity_plugins_docker_connected_total{raw_name="connected"} 1 1795427238966
falcosecurity_plugins_docker_connected_total 0
falcosecurity_plugins_k8saudit_received_total 99
`;

test("--metrics shows what Falco's webserver says of the plugin", async () => {
  using server = Bun.serve({
    port: 0,
    fetch: ({ url }) => new Response(PROMETHEUS, { status: url.endsWith("/metrics") ? 200 : 404 }),
  });
  const asked = async (where: string) => {
    // A proxy is for what is beyond this machine's network.
    const env = { ...environment, http_proxy: "http://127.0.0.1:1", HTTP_PROXY: "http://127.0.0.1:1" };
    const process = Bun.spawn([PROGRAM, "--metrics", where, "--json"], { env, stderr: "pipe" });
    const [out, err] = await Promise.all([new Response(process.stdout).text(), new Response(process.stderr).text()]);
    return { code: await process.exited, found: out === "" ? undefined : JSON.parse(out), err };
  };
  const found = { received: 12, queue_bytes: 4096, lag_ms: 7, engines_connected: 1, connected: 1 };
  for (const where of [`http://127.0.0.1:${server.port}/metrics`, `127.0.0.1:${server.port}`])
    expect(await asked(where)).toEqual({ code: 0, found, err: "" });
  const other = await asked(`127.0.0.1:${server.port}/other`);
  expect([other.code, other.err]).toEqual([1, expect.stringContaining("/other: it has no such page; in falco.yaml")]);
});

test("--metrics shows what Falco has written into a file, the newest", () => {
  const file = join(temporaryFolder(), "stats.jsonl");
  const line = (fields: object) =>
    `${JSON.stringify({ sample: 1, output_fields: { "evt.source": "docker", ...fields } })}\n`;
  writeFileSync(
    file,
    `${line({ "plugins.docker.received": 1 })}${line({ "plugins.docker.received": 12, "plugins.docker.queue_bytes": 5 })}${line({ "falco.num_evts": 3 })}{"output_fields":{"plugins.docker.received":13`,
  );
  const { code, out, err } = run(["--metrics", file, "--json"]);
  expect([code, err]).toEqual([0, ""]);
  const { received, queue_bytes, dropped } = JSON.parse(out);
  expect([received, queue_bytes, dropped]).toEqual([12, 5, 0]);
  expect(run(["--metrics", file]).out).toMatch(/^received +12 +Event lines read from the engine\n/);
  writeFileSync(file, "");
  expect(run(["--metrics", file])).toMatchObject({
    code: 1,
    err: expect.stringContaining(`${file} has no metrics of the plugin docker`),
  });
  expect(run(["--metrics", "/nowhere/stats"]).err).toBe("docker-plugin: /nowhere/stats: there is no such file\n");
});

test.each([
  [[], 2, /nothing to do; try docker-plugin --dump --demo, or --help/],
  [["--json"], 2, /nothing to do/],
  [["--dmup"], 2, /there is no option --dmup; did you mean --dump\?/],
  [["--dump", "--ouptut=x"], 2, /there is no option --ouptut; did you mean --output\?/],
  [["--nothinglikeit"], 2, /there is no option --nothinglikeit; docker-plugin --help lists all/],
  [["-x"], 2, /there is no option -x/],
  [["--help", "dmup"], 2, /there is no option --dmup; did you mean --dump\?/],
  [["--dump", "extra"], 2, /"extra" belongs to no option/],
  [["dump"], 2, /nothing to do/],
  [["--dump", "--host"], 2, /--host needs a value: --host ADDRESS/],
  [["--dump", "--host", "--json"], 2, /--host needs a value/],
  [["--record"], 2, /--record needs a value: --record FILE/],
  [["--dump", "--json=yes"], 2, /--json takes no value/],
  [["--dump", "--output", "x", "--output", "y"], 2, /--output is given twice/],
  [["--dump", "--fields"], 2, /--dump and --fields exclude each other/],
  [["--fields", "--host", "x"], 2, /--host goes with --dump, .*, and not with --fields/],
  [["--dump", "--host", "nonsense"], 2, /: --host "nonsense": not an engine's address; expected unix:/],
  [["--dump", "--demo", "--host", "/x"], 2, /--host and --demo exclude each other/],
  [["--dump", "--json", "--output", "x"], 2, /--output and --json exclude each other/],
  [["--demo", "--since", "1h"], 2, /--since is a question to an engine, and --demo is none/],
  [["--dump", "--speed", "1"], 2, /--speed goes with --replay and --demo/],
  [["--demo", "--speed", "fast"], 2, /--speed "fast": expected max or a number/],
  [["--demo", "--count", "0"], 2, /--count "0": expected a whole number from 1 on/],
  [["--demo", "--color", "awlays"], 2, /--color "awlays": expected auto, always, never; did you mean always\?/],
  [["--dump", "--since", "yesterday"], 2, /--since "yesterday": expected a time such as 2026/],
  [["--dump", "--filter", "type"], 2, /--filter "type": expected KEY=VALUE/],
  [["--dump", "--filter", "tpye=x"], 2, /engines have no filter "tpye"; did you mean type\?/],
  [["--demo", "--output", "%docker.tpye"], 2, /--output: there is no field docker\.tpye; did you mean docker\.type\?/],
  [
    ["--demo", "--output", "%docker.privileged"],
    2,
    /there is no field docker\.privileged; did you mean docker\.exec\.privileged or docker\.container\.privileged\?/,
  ],
  [["--demo", "--output", "%proc.name.of.it"], 2, /no field proc\.name\.of\.it; docker-plugin --fields lists all/],
  [["--demo", "--output", "%touper(docker.type)"], 2, /no transformer touper; did you mean toupper\?/],
  [["--demo", "--output", "%toupper(docker.type"], 2, /%toupper\(docker\.type has no closing parenthesis/],
  [["--demo", "--output", "%toupper(docker.time)"], 2, /toupper is for texts, and docker\.time is none/],
  [["--demo", "--columns", "type,,x"], 2, /--columns: there is no field/],
  [["--demo", "--output", "%docker.attributes"], 2, /docker\.attributes needs an argument: docker\.attributes\[KEY\]/],
  [["--demo", "--output", "%docker.type[x]"], 2, /docker\.type takes no argument/],
  [["--replay", "/nowhere/x.jsonl"], 1, /\/nowhere\/x\.jsonl: there is no such file/],
  [["--replay", "/tmp"], 1, /\/tmp: it is a folder/],
  [["--replay", import.meta.path], 1, /cli\.test\.ts: it is no recording: expected an event as JSON on each line/],
  [["--explain", "/tmp", "--demo"], 1, /\/tmp: it is a folder/],
  [["--help", "zzzzzzzzz"], 2, /there is no option --zzzzzzzzz; docker-plugin --help lists all/],
  [["--record", "/nowhere/x.jsonl", "--demo"], 1, /\/nowhere\/x\.jsonl: there is no such folder/],
  [["--record", "/tmp", "--demo"], 1, /\/tmp: it is a folder/],
  [
    ["--metrics", "http://127.0.0.1:1/metrics"],
    1,
    /no metrics at http:\/\/127\.0\.0\.1:1\/metrics: nothing listens there; in falco\.yaml/,
  ],
  [["--metrics", "file:///etc/passwd"], 2, /--metrics "file:\/\/\/etc\/passwd": expected a URL/],
  [
    ["--dump", "--host", "/nowhere/docker.sock"],
    1,
    /no Docker Engine at unix:\/\/\/nowhere\/docker\.sock: no such socket; start the engine or set --host$/m,
  ],
] as const)("%p: exit code %p and one line that says what was wrong", (args, code, words) => {
  const ran = run([...args]);
  expect([ran.code, ran.out]).toEqual([code, ""]);
  expect(ran.err).toMatch(words);
  expect(ran.err).toMatch(/^docker-plugin: [^\n]+\n$/);
});

test.each([
  [["--dump", "--demo"]],
  [["--explain", join(import.meta.dir, "../../rules/docker_example_rules.yaml"), "--demo"]],
  [["--through", "--demo"]],
  [["--fields"]],
])("what cannot be written of %p is said, and is no success", (args) => {
  const { exitCode, stderr } = Bun.spawnSync(["bash", "-c", 'exec "$0" "$@" > /dev/full', PROGRAM, ...args], {
    env: environment,
  });
  expect(exitCode).toBe(1);
  expect(stderr.toString()).toEndWith("docker-plugin: the output cannot be written: there is no room left\n");
});

test("DOCKER_HOST is the engine where --host is not given, and is named where it is wrong", () => {
  const { code, err } = run(["--dump"], { env: { DOCKER_HOST: "unix:///nowhere/else.sock" } });
  expect(code).toBe(1);
  expect(err).toContain("unix:///nowhere/else.sock: no such socket; start the engine or set DOCKER_HOST");
  expect(run(["--dump"], { env: { DOCKER_HOST: "junk" } }).err).toContain('DOCKER_HOST "junk"');
});

test("a pipe that nobody reads any more is no error", () => {
  for (const script of ['"$0" --dump --demo | head -n 1', '"$0" --help | true', '"$0" --fields | head -n 1']) {
    const { exitCode, stderr } = Bun.spawnSync(["bash", "-o", "pipefail", "-c", script, PROGRAM], { env: environment });
    expect([script, exitCode, stderr.toString()]).toEqual([script, 0, ""]);
  }
});

test("a live dump whose reader goes away ends by itself", async () => {
  await using engine = await TestEngine.start();
  const script = `"$0" --dump -H ${engine.address} | head -n 1`;
  const process = Bun.spawn(["bash", "-o", "pipefail", "-c", script, PROGRAM], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });
  while ((await engine.subscribers()) === 0) await Bun.sleep(20);
  const event = (i: number) =>
    `{"Type":"volume","Action":"create","Actor":{"ID":"v","Attributes":null},"timeNano":${Date.now()}00000${i}}`;
  for (let i = 0; i < 9 && process.exitCode === null; i++) {
    await engine.send(event(i));
    await Bun.sleep(100);
  }
  expect(await process.exited).toBe(0);
  expect(await new Response(process.stderr).text()).toBe(greeting(engine));
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s ends a live dump cleanly", async (signal) => {
  await using engine = await TestEngine.start();
  const process = Bun.spawn([PROGRAM, "--dump", "-H", engine.address], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });
  while ((await engine.subscribers()) === 0) await Bun.sleep(20);
  process.kill(signal);
  expect(await process.exited).toBe(0);
  expect(await new Response(process.stderr).text()).toBe(greeting(engine));
});

test("an engine that goes away is said, and the dump goes on when it is back", async () => {
  await using engine = await TestEngine.start();
  const process = Bun.spawn([PROGRAM, "--dump", "-H", engine.address], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });
  while ((await engine.subscribers()) === 0) await Bun.sleep(20);
  await engine.cut();
  while ((await engine.subscribers()) === 0) await Bun.sleep(20);
  await engine.send(
    `{"Type":"volume","Action":"mount","Actor":{"ID":"v","Attributes":null},"timeNano":${Date.now()}000000}`,
  );
  const { value } = await process.stdout.getReader().read();
  expect(Buffer.from(value ?? []).toString()).toMatch(/volume +mount +v/);
  process.kill("SIGINT");
  expect(await process.exited).toBe(0);
  expect(await new Response(process.stderr).text()).toContain("connect");
});

test("a hostile bunfig.toml, .env, tsconfig.json and package.json of the current folder do nothing", () => {
  const cwd = temporaryFolder();
  const touched = join(cwd, "touched");
  writeFileSync(join(cwd, "evil.ts"), `require("node:fs").writeFileSync(${JSON.stringify(touched)}, "");\n`);
  writeFileSync(join(cwd, "bunfig.toml"), 'preload = ["./evil.ts"]\n[run]\npreload = ["./evil.ts"]\n');
  writeFileSync(join(cwd, ".env"), "DOCKER_HOST=unix:///evil.sock\nBUN_OPTIONS=--preload=./evil.ts\n");
  writeFileSync(join(cwd, ".env.local"), "DOCKER_HOST=unix:///evil.sock\n");
  writeFileSync(join(cwd, "package.json"), '{"imports": {"#x": "./evil.ts"}, "type": "commonjs"}');
  writeFileSync(join(cwd, "tsconfig.json"), '{"compilerOptions": {"paths": {"undici/*": ["./evil.ts"]}}}');
  expect(run(["--dump", "--demo"], { cwd })).toEqual(run(["--dump", "--demo"]));
  expect(run(["--dump"], { cwd }).err).not.toContain("evil");
  expect(existsSync(touched)).toBe(false);
});

test("a crash tells where in our files it was", async () => {
  // Descriptors 3 and 4 as libdocker.so gives them; the library is none.
  const runtime = Bun.spawn([PROGRAM, "runtime", "/nowhere/libdocker.so"], {
    stdio: ["ignore", "ignore", "pipe", "ignore", "pipe"],
  });
  const stack = await new Response(runtime.stderr).text();
  expect(await runtime.exited).not.toBe(0);
  expect(stack).toMatch(/src\/ipc\/bridge\.ts:\d+/);
});
