/** The built binary, as a person uses it. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fields } from "../../src/plugin/fields.ts";
import { TestEngine } from "../support/engine.ts";
import { PROGRAM } from "../support/host.ts";
import { temporaryFolder } from "../support/temporary.ts";

const DEMO = join(import.meta.dir, "../../src/cli/demo.jsonl");
const { DOCKER_HOST: _, ...environment } = Bun.env;

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(args: string[], more: { cwd?: string; env?: Record<string, string> } = {}): Ran {
  const { env = {}, ...options } = more;
  const ran = Bun.spawnSync([PROGRAM, ...args], { ...options, env: { ...environment, TZ: "UTC", ...env } });
  return { code: ran.exitCode, out: ran.stdout.toString(), err: ran.stderr.toString() };
}

/** What a live dump says to the person, and not into the pipe. */
const greeting = ({ address }: TestEngine): string => `docker-plugin: connected to ${address}; Ctrl-C ends\n`;

test("--help teaches: every option, the exit codes, examples", () => {
  const { code, out, err } = run(["--help"]);
  expect([code, err]).toEqual([0, ""]);
  for (const word of [
    "--dump",
    "--demo",
    "--host",
    "--output",
    "--json",
    "--fields",
    "--version",
    "Exit codes",
    "Examples",
  ])
    expect(out).toContain(word);
  expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(120);
  expect(run(["-h"])).toEqual({ code, out, err });
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
});

test("--dump --demo prints the recording through the records that Falco gets, in the rule's form", () => {
  const { code, out, err } = run(["--dump", "--demo"]);
  expect([code, err]).toEqual([0, ""]);
  const lines = out.trim().split("\n");
  const recorded = readFileSync(DEMO, "utf8").trim().split("\n");
  expect(lines.length).toBe(recorded.length);
  expect(out).toContain(
    "09:47:20.342176513: Debug status=start from=sha256:013d5baa5abdd581c1c90546cee387bd54150fbc076011b7cc6a3ec2ea795270 type=container action=start name=gracious_elbakyan\n",
  );
  for (const line of lines)
    expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{9}: Debug status=.* from=.* type=\S+ action=.* name=.*$/);
  expect(run(["--dump", "--demo", "--json"]).out).toBe(readFileSync(DEMO, "utf8"));
});

test("--output takes a rule's output, with arguments, absent values and control characters made harmless", async () => {
  const line = run(["--dump", "--demo", "-o", "<%docker.type|%docker.attributes[nothing]|%docker.time>"]).out.split(
    "\n",
  )[0];
  expect(line).toMatch(/: Debug <\w+\|<NA>\|\d{19}>$/);
  await using engine = await TestEngine.start();
  const process = Bun.spawn([PROGRAM, "--dump", "-H", engine.address, "-o", "%docker.action."], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });
  while ((await engine.subscribers()) === 0) await Bun.sleep(20);
  const action = "exec_create: sh -c \\u001b[2J\\n\\u009b\\u202eevil";
  await engine.send(
    `{"Type":"container","Action":"${action}","Actor":{"ID":"x","Attributes":{}},"timeNano":${Date.now()}000000}`,
  );
  const { value } = await process.stdout.getReader().read();
  expect(Buffer.from(value ?? []).toString()).toMatch(
    /: Debug exec_create: sh -c \\u001b\[2J\\n\\u009b\\u202eevil\.\n$/,
  );
  process.kill("SIGINT");
  expect(await process.exited).toBe(0);
  expect(await new Response(process.stderr).text()).toBe(greeting(engine));
});

test.each([
  [[], 2, /nothing to do; try docker-plugin --dump --demo, or --help/],
  [["--dumb"], 2, /Unknown option '--dumb'.*; try docker-plugin --help/],
  [["--dump", "extra"], 2, /Unexpected argument 'extra'/],
  [["--dump", "--host"], 2, /--host/],
  [["--dump", "--host", "nonsense"], 2, /: --host "nonsense": not an engine's address; expected unix:/],
  [["--dump", "--demo", "--host", "/x"], 2, /--demo and --host exclude each other/],
  [["--dump", "--json", "--output", "x"], 2, /--json and --output exclude each other/],
  [
    ["--dump", "--demo", "--output", "%docker.nothing"],
    2,
    /there is no field docker\.nothing; known are docker\.status/,
  ],
  [
    ["--dump", "--demo", "--output", "%docker.attributes"],
    2,
    /docker\.attributes needs an argument: docker\.attributes\[KEY\]/,
  ],
  [["--dump", "--demo", "--output", "%docker.type[x]"], 2, /docker\.type takes no argument/],
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
  expect(Buffer.from(value ?? []).toString()).toContain("type=volume action=mount");
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
