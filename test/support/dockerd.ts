import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { signalTo } from "./signal.ts";
import { temporaryFolder } from "./temporary.ts";

/** Without what asan.ts loads into the tests: Go's programs do not bear it. */
const { LD_PRELOAD: _, ...env } = Bun.env;

/** The programs that start one. */
export const DOCKERD_NEEDS = ["dockerd", "docker", "busybox", "curl", "unshare", "nsenter"] as const;

/** Whether a process is there, and not one whose end nobody has taken note of. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}

/** How many engines of this process are, or were, of a swarm. */
let swarming = 0;

/** A real Docker Engine of the test's own, in a folder of its own. */
export class Dockerd {
  private constructor(
    readonly folder: string,
    readonly socket: string,
    readonly command: readonly string[],
    readonly environment: Record<string, string | undefined>,
  ) {}

  get address(): string {
    return `unix://${this.socket}`;
  }

  /**
   * Starts one, with the image bb:1 (busybox). Where none can run: why. It has a network of its own: the bridges that an
   * engine leaves take addresses, and a machine has room for some thirty.
   * @param flags of dockerd beside the usual ones
   * @param more what its environment has beside ours; NETWORK (start-dockerd.sh): `host`, or whose network it is in
   */
  static async start(flags: readonly string[] = [], more: Record<string, string> = {}): Promise<Dockerd | string> {
    if (process.getuid?.() !== 0) return "no root";
    for (const tool of DOCKERD_NEEDS) if (Bun.which(tool) === null) return `no ${tool} on this machine`;
    const folder = temporaryFolder();
    const begin = ["bash", join(import.meta.dir, "start-dockerd.sh"), folder, ...flags];
    const environment = { ...env, NETWORK: "own", ...more };
    const engine = new Dockerd(folder, join(folder, "docker.sock"), begin, environment);
    for (const command of [begin, ["bash", join(import.meta.dir, "make-image.sh"), engine.socket]]) {
      const { exitCode, stdout, stderr } = Bun.spawnSync(command, { env: environment });
      if (exitCode === 0) continue;
      await engine.stop();
      return `dockerd does not run here: ${stdout} ${stderr}`;
    }
    return engine;
  }

  /** Runs the docker command. Returns what it prints. */
  docker(...args: string[]): string {
    const { stdout, stderr, exitCode } = Bun.spawnSync(["docker", "-H", this.address, ...args], { env });
    if (exitCode !== 0) throw new Error(`docker ${args.join(" ")}: ${stderr}`);
    return stdout.toString().trim();
  }

  /** Flags that make it listen to its swarm at an address of loopback that no other engine here has. */
  #swarmFlags(): string[] {
    const address = `127.${1 + ((process.pid >> 8) & 127)}.${process.pid & 255}.${++swarming}`;
    return ["--listen-addr", `${address}:2377`, "--advertise-addr", address];
  }

  /** Makes it a swarm of one. Returns the node's id. */
  initSwarm(): string {
    this.docker("swarm", "init", ...this.#swarmFlags());
    return this.docker("info", "--format", "{{.Swarm.NodeID}}");
  }

  /** Lets it join another one's swarm, as a worker. Returns the node's id. */
  joinSwarm(manager: Dockerd): string {
    const token = manager.docker("swarm", "join-token", "--quiet", "worker");
    const [at = ""] = JSON.parse(manager.docker("info", "--format", "{{json .Swarm.RemoteManagers}}"));
    this.docker("swarm", "join", "--token", token, ...this.#swarmFlags(), at.Addr);
    return this.docker("info", "--format", "{{.Swarm.NodeID}}");
  }

  get pid(): number {
    return Number(readFileSync(join(this.folder, "docker.pid"), "utf8"));
  }

  /** Asks it to end, as systemd does. Returns its pid; undefined where it does not run. */
  terminate(): number | undefined {
    try {
      const { pid } = this;
      signalTo(pid, "SIGTERM");
      return pid;
    } catch {
      return undefined;
    }
  }

  /** Ends it, and starts it again with what it had. */
  async restart(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const { pid } = this;
    signalTo(pid, signal);
    // Its containerd ends with it. Where nobody takes note of that end, the file would hold up the next one.
    const containerd = join(this.folder, "exec/containerd/containerd.pid");
    const its = existsSync(containerd) ? Number(readFileSync(containerd, "utf8")) : undefined;
    for (const each of [pid, its]) while (each !== undefined && isAlive(each)) await Bun.sleep(10);
    rmSync(containerd, { force: true });
    // One that is killed leaves its mount.
    Bun.spawnSync(["umount", join(this.folder, "data")], { stderr: "ignore" });
    const starts = Bun.spawn([...this.command], { env: this.environment, stdio: ["ignore", "pipe", "pipe"] });
    if ((await starts.exited) !== 0) throw new Error(`dockerd: ${await new Response(starts.stdout).text()}`);
  }

  /** Ends it, and waits until it is gone. */
  async stop(): Promise<void> {
    const pid = this.terminate();
    if (pid === undefined) return;
    for (const end = performance.now() + 30_000; performance.now() < end && isAlive(pid); ) await Bun.sleep(50);
    // Of a swarm's networks it leaves the namespaces mounted.
    for (const line of readFileSync("/proc/self/mounts", "utf8").split("\n").reverse()) {
      const [, where = ""] = line.split(" ");
      if (where.startsWith(`${this.folder}/`)) Bun.spawnSync(["umount", "--lazy", where]);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
