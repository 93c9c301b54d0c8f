/** An engine behind a real SSH server, reached by the system's ssh and the real Docker CLI. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Engine } from "../../src/docker/client.ts";
import { FALCO, type Reach, resolveEndpoint } from "../../src/docker/endpoint.ts";
import type { EngineError } from "../../src/docker/engine_error.ts";
import { NUMBERED, runtimePid } from "../faults/faults.ts";
import { TestEngine } from "../support/engine.ts";
import { Plugin } from "../support/host.ts";
import { has, skipped } from "../support/needs.ts";
import { signalTo } from "../support/signal.ts";
import { SSHD_NEEDS, Sshd } from "../support/sshd.ts";
import { temporaryFolder } from "../support/temporary.ts";

const isThere = has("an engine behind SSH", ...SSHD_NEEDS);
const real = test.skipIf(!isThere);
const sshd = isThere ? await Sshd.start() : (undefined as unknown as Sshd);
afterAll(() => sshd?.[Symbol.asyncDispose]());

/** The processes of ssh that a process has started, and those that these have. */
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);

function isRunning(pid: number): boolean {
  try {
    return /^State:\s+[^Z]/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}

async function gone(pids: readonly number[]): Promise<void> {
  while (pids.some(isRunning)) await Bun.sleep(10);
}

const line = (i: number) =>
  NUMBERED.replaceAll("@", String(i).padStart(9, "0")).replaceAll("#", String(BigInt(Date.now()) * 1_000_000n));

const configOf = (statefile: string) =>
  JSON.stringify({ statefile, waitforengine: false, inspect: false, ssh: sshd.settings });

real(
  "its events arrive over one SSH connection, whose ssh has no secrets, no rights and default signals",
  async () => {
    await using engine = await TestEngine.start();
    const state_folder = temporaryFolder();
    const before = sshd.logins;
    using state = new Plugin().init(configOf(join(state_folder, "resume")));
    const address = sshd.address(engine.socket);
    using instance = state.open(address);
    expect(state.error).toBe("");
    await engine.send(line(1));
    expect(JSON.parse(instance.payloads(1)[0] ?? "{}")).toMatchObject({ falco: { engine: { host: address } } });
    expect(sshd.logins - before).toBe(1);
    expect(statSync(join(state_folder, "ssh")).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(state_folder, "ssh")).length).toBe(1);
    const children = childrenOf(runtimePid() ?? 0);
    expect(children.length).toBeGreaterThanOrEqual(2);
    for (const pid of children) {
      const names = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter(Boolean);
      expect(names.map((entry) => entry.split("=")[0]).toSorted()).toEqual(["HOME", "LC_ALL", "PATH"]);
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      // ssh itself ignores SIGPIPE, 13, and no other.
      expect(BigInt(`0x${/^SigIgn:\t(\w+)/m.exec(status)?.[1]}`) & ~(1n << 12n)).toBe(0n);
      expect(BigInt(`0x${/^CapBnd:\t(\w+)/m.exec(status)?.[1]}`) & ~2n).toBe(0n);
    }
    // All that goes through it ends, and with that the SSH connection: there is another one.
    await engine.cut();
    await engine.send(line(2));
    expect(instance.payloads(1).length).toBe(1);
    const now = childrenOf(runtimePid() ?? 0);
    instance.close();
    await gone([...children, ...now]);
  },
  60_000,
);

real(
  "pings start no program over there each time",
  async () => {
    await using engine = await TestEngine.start();
    const config = { ...JSON.parse(configOf(join(temporaryFolder(), "resume"))), pinginterval: 1_500 };
    using state = new Plugin().init(JSON.stringify(config));
    using instance = state.open(sshd.address(engine.socket));
    expect(state.error).toBe("");
    // Each look is a ping, and behind it a question for events, over a connection that ends with its answer. The Docker
    // CLI over there pings too.
    const looks = async () => (await engine.seen()).filter(({ path }) => path.includes("until=")).length;
    await looks();
    const before = sshd.sessions;
    for (let count = 0; count < 3; count += await looks()) instance.nextBatch();
    expect(sshd.sessions - before).toBeLessThanOrEqual(3);
  },
  60_000,
);

real(
  "no ssh is left of a runtime that is killed, and the next one goes on",
  async () => {
    await using engine = await TestEngine.start();
    using state = new Plugin().init(configOf(join(temporaryFolder(), "resume")));
    using instance = state.open(sshd.address(engine.socket));
    expect(state.error).toBe("");
    await engine.send(line(1));
    expect(instance.payloads(1).length).toBe(1);
    const pid = runtimePid();
    const children = childrenOf(pid ?? 0);
    signalTo(pid, "SIGKILL");
    await engine.send(line(2));
    expect(instance.payloads(1).length).toBe(1);
    await gone(children);
  },
  60_000,
);

real(
  "nor of a process that is killed and that nobody looks after: each ssh ends with its input",
  async () => {
    await using engine = await TestEngine.start();
    const source = (name: string) => JSON.stringify(join(import.meta.dir, "../../src/docker", name));
    const reach = { ssh: sshd.settings, sshFolder: join(temporaryFolder(), "ssh") };
    const script = `
      const { Engine } = await import(${source("client.ts")});
      const { FALCO, resolveEndpoint } = await import(${source("endpoint.ts")});
      const address = ${JSON.stringify(sshd.address(engine.socket))};
      const engine = new Engine(resolveEndpoint(address, {}, FALCO, ${JSON.stringify(reach)}));
      await engine.negotiate();
      engine.events("since=1", { onOpen: () => console.log("open"), onData: () => {}, onEnd: () => {} });
    `;
    const process = Bun.spawn([globalThis.process.execPath, "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    for await (const said of process.stdout) if (Buffer.from(said).includes("open")) break;
    const children = childrenOf(process.pid);
    expect(children.length).toBeGreaterThanOrEqual(2);
    process.kill("SIGKILL");
    await gone(children);
  },
  60_000,
);

real(
  "without a folder to write to each connection is an SSH connection of its own, and ends with its input",
  async () => {
    await using engine = await TestEngine.start();
    const before = sshd.logins;
    using state = new Plugin().init(configOf(""));
    using instance = state.open(sshd.address(engine.socket));
    expect(state.error).toBe("");
    await engine.send(line(1));
    expect(instance.payloads(1).length).toBe(1);
    expect(sshd.logins - before).toBeGreaterThan(1);
    const children = childrenOf(runtimePid() ?? 0);
    instance.close();
    await gone(children);
  },
  60_000,
);

/** What asking an engine comes to. */
async function refusal(address: string, reach: Reach): Promise<EngineError> {
  const engine = new Engine(resolveEndpoint(address, {}, FALCO, reach));
  try {
    await engine.negotiate();
    throw new Error("it answers");
  } catch (error) {
    return error as EngineError;
  } finally {
    engine.close();
  }
}

const words: [string, () => Reach["ssh"], RegExp, boolean][] = [
  [
    "a host key that is not known",
    () => ({ ...sshd.settings, knownhosts: sshd.file("empty_hosts") }),
    /its host key is not in known_hosts: put it there/,
    true,
  ],
  [
    "another host key than is known",
    () => ({ ...sshd.settings, knownhosts: sshd.file("changed_hosts") }),
    /its host key is another than the one in known_hosts: somebody is in between/,
    true,
  ],
  [
    "a key that it refuses",
    () => ({ ...sshd.settings, identityfile: sshd.file("stranger") }),
    /it refuses our key/,
    true,
  ],
  [
    "a key that is not there",
    () => ({ ...sshd.settings, identityfile: "/nowhere/key" }),
    /the key of ssh\.identityfile cannot be read/,
    true,
  ],
  [
    "a key that others can read",
    () => {
      const key = join(temporaryFolder(), "key");
      copyFileSync(sshd.file("user"), key);
      chmodSync(key, 0o644);
      return { ...sshd.settings, identityfile: key };
    },
    /ssh does not take a key file that others can read: chmod 600 it/,
    true,
  ],
  [
    "a configuration that is not there",
    () => ({ ...sshd.settings, config: "/nowhere/config" }),
    /ssh: .*nowhere/,
    true,
  ],
];

for (const folder of [undefined, "shared"] as const)
  real.each(words)(`refused in words, ${folder ?? "one connection each"}: %s`, async (_, settings, said, permanent) => {
    const reach = { ssh: settings(), sshFolder: folder && join(temporaryFolder(), "ssh") };
    const error = await refusal(sshd.address("/nowhere/docker.sock"), reach);
    expect(error.message).toMatch(said);
    expect(error.message).toStartWith(`cannot reach the engine at ${sshd.address("/nowhere/docker.sock")}: `);
    expect(error.permanent).toBe(permanent);
  });

real("an engine that is not there, an sshd that is not, and a host without a name", async () => {
  const reach = () => ({ ssh: sshd.settings, sshFolder: join(temporaryFolder(), "ssh") });
  expect((await refusal(sshd.address("/nowhere/docker.sock"), reach())).message).toMatch(
    /the engine over there does not run, or has another socket/,
  );
  expect((await refusal("ssh://127.0.0.1:9", reach())).message).toMatch(/connection refused; does sshd run there\?$/);
  expect((await refusal("ssh://no-such-host.invalid", reach())).message).toMatch(/the host's name is not known$/);
});

real(
  "a folder that others may enter is none for a shared connection, and that is said",
  async () => {
    await using engine = await TestEngine.start();
    const folder = join(temporaryFolder(), "ssh");
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    const address = sshd.address(engine.socket);
    const endpoint = resolveEndpoint(address, {}, FALCO, { ssh: sshd.settings, sshFolder: folder });
    expect(endpoint.warnings).toEqual([
      `each connection to the engine at ${address} is an SSH connection of its own: ${folder}: others may enter this folder, or it is another user's`,
    ]);
    const client = new Engine(endpoint);
    expect((await client.negotiate()).apiVersion).toBe("1.51");
    expect(readdirSync(folder)).toEqual([]);
    client.close();
  },
  60_000,
);

real(
  "at most six sessions at once, however many questions there are",
  async () => {
    await using engine = await TestEngine.start({ inspectMs: 50, containers: { "*": {} } });
    const folder = join(temporaryFolder(), "ssh");
    const client = new Engine(
      resolveEndpoint(sshd.address(engine.socket), {}, FALCO, { ssh: sshd.settings, sshFolder: folder }),
    );
    await client.negotiate();
    const before = sshd.sessions;
    const asked = Array.from({ length: 12 }, () => client.getJson(`/containers/${"a".repeat(64)}/json`, 20_000));
    expect((await Promise.all(asked)).length).toBe(12);
    expect(sshd.sessions - before).toBeLessThanOrEqual(1);
    client.close();
  },
  60_000,
);

/** Whether this machine lets us mount in a namespace of our own. */
const mounts = Bun.spawnSync(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]).exitCode === 0;

if (!mounts) skipped("a machine without ssh", "nobody may mount here", "run the tests as root");

test.skipIf(!mounts)("without a program ssh that is said", () => {
  const source = (name: string) => JSON.stringify(join(import.meta.dir, "../../src/docker", name));
  const script = `
    const { Engine } = await import(${source("client.ts")});
    const { resolveEndpoint } = await import(${source("endpoint.ts")});
    await new Engine(resolveEndpoint("ssh://node")).negotiate().catch((error) => console.log(error.message));
  `;
  const hide = 'mount -t tmpfs none /usr/local && mount -t tmpfs none /usr/bin && exec "$0" -e "$1"';
  const { stdout } = Bun.spawnSync(["unshare", "-m", "sh", "-c", hide, process.execPath, script], { env: Bun.env });
  expect(String(stdout).trim()).toBe(
    "cannot reach the engine at ssh://node: there is no program ssh on this machine: install OpenSSH's client, such as " +
      "openssh-client",
  );
});
