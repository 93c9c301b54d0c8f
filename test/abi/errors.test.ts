/** What a user meets who has set something up wrong: a failed init or open whose last error says what to do. */
import { expect, test } from "bun:test";
import { accessSync, chmodSync, constants, copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildId } from "../../src/ipc/build_id.ts";
import { TestEngine } from "../support/engine.ts";
import { isVariant, LIBRARY, Plugin, PROGRAM, pluginBeside, rc } from "../support/host.ts";
import { compileFalco } from "../support/native.ts";
import { skipped } from "../support/needs.ts";
import { temporaryFolder } from "../support/temporary.ts";

/** Fails to init; returns the words. */
function failedInit(plugin: Plugin, config = ""): string {
  using state = plugin.init(config);
  expect(state.rc).toBe(rc.failure);
  return state.error;
}

test("no docker-plugin beside libdocker.so", () => {
  const error = failedInit(pluginBeside(undefined));
  expect(error).toMatch(/^\/.*\/docker-plugin is missing: install docker-plugin in the folder of libdocker\.so/);
});

test("a docker-plugin that is not executable", () => {
  expect(failedInit(pluginBeside("#!/bin/sh\n", 0o644))).toMatch(/\/docker-plugin is not executable: chmod 755 it/);
});

test("a docker-plugin whose loader is missing, as on a system with musl", () => {
  expect(failedInit(pluginBeside("#! /nowhere/ld.so -x\n"))).toMatch(
    /docker-plugin is there, but what loads it is missing here \(\/nowhere\/ld\.so\)/,
  );
  const program = readFileSync(PROGRAM);
  const loader = program.indexOf("/lib64/ld-linux-x86-64.so.2") >= 0 ? "/lib64/ld-linux" : "/lib/ld-linux";
  program.write("/gone!", program.indexOf(loader));
  expect(failedInit(pluginBeside(program))).toMatch(/what loads it is missing here \(\/gone!.*\/?ld-linux.*\.so/);
});

test("a docker-plugin that is made for another processor", () => {
  const header = readFileSync(PROGRAM).subarray(0, 4096);
  header.writeUInt16LE(0x16, 18);
  expect(failedInit(pluginBeside(Buffer.from(header)))).toMatch(/is made for another processor: install the release/);
});

test("a folder in the place of docker-plugin", () => {
  const plugin = pluginBeside(undefined);
  mkdirSync(join(plugin.path, "../docker-plugin"));
  expect(failedInit(plugin)).toMatch(/docker-plugin is no file: put the program docker-plugin there/);
});

test("a docker-plugin of another version", () => {
  const error = failedInit(pluginBeside("#!/bin/sh\nprintf '0.4.0 old' >&4\nexec sleep 20\n"));
  expect(error).toMatch(
    /\/docker-plugin is version 0\.4\.0 old and libdocker\.so is .*: install both from one release$/,
  );
  expect(error).toContain(buildId);
});

test.each([
  ["is ended", "exec sleep 20"],
  ["ends by itself", "exit 3"],
])("what a docker-plugin has started ends with it, where it %s", async (_, then) => {
  const started = "sleep 300 3<&- 4>&- 5<&- 6<&- & printf 'of %d' $! >&4";
  const error = failedInit(pluginBeside(`#!/bin/sh\ntrap '' TERM HUP\n${started}\n${then}\n`));
  const pid = /is version of (\d+) and/.exec(error)?.[1];
  expect(pid).toBeDefined();
  const isThere = () =>
    existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  while (isThere()) await Bun.sleep(10);
});

test("a docker-plugin that ends at once, and what it says of itself is asked for", () => {
  const error = failedInit(pluginBeside("#!/bin/sh\nexit 3\n"));
  expect(error).toMatch(/ended before it said anything; try `.*\/docker-plugin --version` \(exited with code 3\)$/);
});

test("a docker-plugin that ends behind its version is told of as one that ended, also where a request came too late", () => {
  // It takes no requests by the time that the host reads of it.
  const plugin = pluginBeside(`#!/bin/sh\nexec 3>&- 5>&-\nprintf '%s' '${buildId}' >&4\nexit 3\n`);
  expect(failedInit(plugin)).toMatch(/^the runtime ended while it started \(/);
});

/** Why init fails in a process of its own; `through` starts it. */
function failedInitIn(through: readonly string[], env: Record<string, string> = {}, library = LIBRARY): string {
  const { stdout, stderr } = Bun.spawnSync([...through, falco(), "words", library, ""], {
    env: { ...Bun.env, ...env },
  });
  return stdout.toString().trim() || stderr.toString();
}

let compiled: string | undefined;
function falco(): string {
  if (compiled !== undefined) return compiled;
  compiled = join(temporaryFolder(), "falco");
  compileFalco(compiled);
  return compiled;
}

/** Whether this machine lets us mount in a namespace of our own. */
const mounts = Bun.spawnSync(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]).exitCode === 0;

test.skipIf(!mounts || isVariant)("no /dev/null, and a file system that is mounted noexec", () => {
  const script = (commands: string) => ["unshare", "-m", "sh", "-c", `${commands} && exec "$@"`, "sh"];
  expect(failedInitIn(script("mount -t tmpfs none /dev"))).toBe(
    "/dev/null is missing, and docker-plugin needs it: mount a /dev",
  );
  const there = `cp '${PROGRAM}' '${LIBRARY}' /mnt && mount -o remount,noexec,bind /mnt`;
  const noexec = `mount -t tmpfs none /mnt && mount --bind /mnt /mnt && ${there}`;
  const beside = join(temporaryFolder(), "libdocker.so");
  copyFileSync(LIBRARY, beside);
  expect(failedInitIn(script(noexec), { DOCKER_PLUGIN_RUNTIME: "/mnt/docker-plugin" }, beside)).toMatch(
    /^\/mnt\/docker-plugin lies in a file system that is mounted noexec: move it/,
  );
});

test.skipIf(isVariant)("systemd's MemoryDenyWriteExecute: the setting is named", () => {
  const said = failedInitIn([], { REFUSE_MEMORY: "1" });
  if (said.includes("does not know MDWE")) return console.log("skipped: the kernel knows no MDWE (Linux 6.3)");
  expect(said).toMatch(/^the runtime ended while it started \(exited with code \d+\): memory that is written and then/);
  expect(said).toMatch(/set MemoryDenyWriteExecute=no in Falco's unit$/);
});

test("a docker-plugin that is no program at all", () => {
  expect(failedInit(pluginBeside("\u007fELF no"))).toMatch(
    /\/docker-plugin is no program that this machine could start: install it again$/,
  );
});

test("a docker-plugin that says nothing costs ten seconds and no more", () => {
  const began = performance.now();
  expect(failedInit(pluginBeside("#!/bin/sh\nexec sleep 60\n"))).toMatch(/did not get ready within 10 s/);
  expect(performance.now() - began).toBeLessThan(20_000);
}, 60_000);

test("a wrong setting names the key, what was expected and what came", () => {
  const error = failedInit(new Plugin(), '{"flushInterval": "fast"}');
  expect(error).toBe('init_config: flushInterval: expected a number, got the string "fast"');
});

test("an unknown key is a warning in the log, not an error", () => {
  using state = new Plugin().init('{"flushintervall": 1}');
  expect(state.rc).toBe(rc.success);
  state.listOpenParams();
  using instance = state.open("unix:///nowhere/docker.sock");
  instance.nextBatch();
  expect(state.logs.find(({ text }) => text.includes('unknown key "flushintervall"'))?.severity).toBe(4);
});

/** Fails to open; returns the words. */
function failedOpen(params: string, config = '{"statefile": "", "waitforengine": false}'): string {
  using state = new Plugin().init(config);
  expect([state.rc, state.error]).toEqual([rc.success, ""]);
  const instance = state.open(params);
  expect([instance.rc, instance.at]).toEqual([rc.failure, null]);
  // A failed open leaves a state that can be used.
  expect(state.listOpenParams().rc).toBe(rc.success);
  return state.error;
}

test.each([
  [
    "nonsense",
    'open_params "nonsense": not an engine\'s address; expected unix:///path/to/docker.sock, tcp://host:port, ssh://user@host or context://NAME',
  ],
  ["ssh://me:secret@node", "ssh takes no password from an address"],
  ["npipe:////./pipe/docker_engine", "npipe:// is a pipe of Windows"],
  ["/a,tcp://", 'open_params "tcp://": not an engine\'s address'],
  ["/a,unix:///a", "open_params: the engine at unix:///a is named twice"],
  ["unix://relative.sock", "a socket's path begins with a slash"],
])("open_params %p fails, whether or not an engine is waited for", (params, words) => {
  expect(failedOpen(params)).toContain(words);
  expect(failedOpen(params, '{"statefile": ""}')).toContain(words);
});

test("no engine there: the address, and what to do", () => {
  const socket = join(temporaryFolder(), "docker.sock");
  expect(failedOpen(`unix://${socket}`)).toBe(
    `no Docker Engine at unix://${socket}: no such socket; start the engine or set open_params`,
  );
  expect(failedOpen("tcp://127.0.0.1:9")).toMatch(/^no Docker Engine at tcp:\/\/127\.0\.0\.1:9: connection refused/);
});

test("an engine in the clear beyond this machine is warned of once", () => {
  using state = new Plugin().init('{"statefile": ""}');
  // An address of this machine that could be any: nobody listens at this port.
  for (let i = 0; i < 2; i++) state.open("tcp://0.0.0.0:9").close();
  state.listOpenParams();
  expect(state.logs.filter(({ text }) => text.includes("is spoken to without TLS")).length).toBe(1);
});

test("the setting engines: its address, its name in each event, and not beside open_params", async () => {
  await using engine = await TestEngine.start();
  const config = JSON.stringify({ statefile: "", inspect: false, engines: [{ address: engine.address, name: "web" }] });
  using state = new Plugin().init(config);
  using instance = state.open("");
  expect(state.error).toBe("");
  await engine.send(
    '{"Type":"image","Action":"tag","Actor":{"ID":"a","Attributes":{}},"scope":"local","time":1,"timeNano":1795427240090068681}',
  );
  const asked = ["docker.engine.name", "docker.engine.host", "docker.engine.version"];
  expect(instance.take(1, (event) => state.extract(event, asked))).toEqual([["web", engine.address, "28.5.2"]]);
  expect(failedOpen("/a", config)).toBe('open_params "/a" and the setting engines both name engines: keep one');
});

test("an engine that was killed and left its socket", async () => {
  const engine = await TestEngine.start();
  await engine.stop();
  expect(failedOpen(engine.address)).toMatch(/: connection refused; is the engine running\?$/);
});

test.each([
  ["JSON", 500, '{"message":"the daemon is in trouble"}'],
  ["plain text", 400, "the daemon is in trouble\n"],
])("an engine that refuses in %s is quoted", async (_, status, body) => {
  await using engine = await TestEngine.start({ refuse: { status, body } });
  expect(failedOpen(engine.address)).toMatch(new RegExp(`answered /events with ${status}: the daemon is in trouble$`));
});

test("an engine that takes the connection and never answers", async () => {
  await using engine = await TestEngine.start({ hang: true });
  const began = performance.now();
  expect(failedOpen(engine.address)).toBe(`the engine at ${engine.address} does not answer`);
  expect(performance.now() - began).toBeLessThan(9_000);
}, 60_000);

const NOBODY = 65534;

/** Whether another user could start the built program at all. */
function nobodyMayRun(): boolean {
  if (process.getuid?.() !== 0 || isVariant) return false;
  process.seteuid?.(NOBODY);
  try {
    accessSync(PROGRAM, constants.X_OK);
    accessSync(LIBRARY, constants.R_OK);
    return Bun.spawnSync([PROGRAM, "--version"]).exitCode === 0;
  } catch {
    return false;
  } finally {
    process.seteuid?.(0);
  }
}

const asNobody = nobodyMayRun();
if (!asNobody)
  skipped(
    "no permission on the socket",
    "another user cannot run what was built here",
    "run the tests as root in a folder all may enter",
  );

test.skipIf(!asNobody)("no permission on the socket is a failed open even where an engine is waited for", async () => {
  await using engine = await TestEngine.start();
  chmodSync(join(engine.socket, ".."), 0o755);
  chmodSync(engine.socket, 0o600);
  process.seteuid?.(NOBODY);
  try {
    for (const config of ['{"statefile": ""}', '{"statefile": "", "waitforengine": false}'])
      expect(failedOpen(engine.address, config)).toBe(
        `no permission for ${engine.address}: run Falco as root or as a member of the socket's group (usually docker)`,
      );
  } finally {
    process.seteuid?.(0);
  }
});

test("more instances than there is room for", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": "", "inspect": false}');
  const open = Array.from({ length: 16 }, () => state.open(engine.address));
  expect(open.map((each) => each.rc)).toEqual(open.map(() => rc.success));
  expect(state.open(engine.address).rc).toBe(rc.failure);
  expect(state.error).toBe("at most 16 instances can be open at a time");
  open[7]?.close();
  using again = state.open(engine.address);
  expect(again.rc).toBe(rc.success);
  for (const each of open) each.close();
});
