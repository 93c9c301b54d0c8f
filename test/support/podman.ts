import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { signalTo } from "./signal.ts";
import { temporaryFolder } from "./temporary.ts";

/** Without what asan.ts loads into the tests: Go's programs do not bear it. */
const { LD_PRELOAD: _, ...env } = Bun.env;

/** The programs that start one; it is spoken to with the docker command, as any engine is. */
export const PODMAN_NEEDS = ["podman", "newuidmap", "docker", "busybox", "unshare", "setpriv"] as const;

/** A real podman of the test's own, that serves Docker's API: in a folder and a PID namespace of its own. */
export class Podman {
  private constructor(
    readonly folder: string,
    readonly process: Bun.Subprocess,
  ) {}

  get socket(): string {
    return join(this.folder, "podman.sock");
  }

  get address(): string {
    return `unix://${this.socket}`;
  }

  /**
   * Starts one, with the image bb:1 (busybox). Where none can run: why.
   * @param kind `rootless`: as the user nobody, who gets ranges of further ids
   * @param registry from which it pulls without TLS, such as `127.0.0.1:5000`
   */
  static async start(kind: "rootful" | "rootless", registry = "127.0.0.1:5000"): Promise<Podman | string> {
    if (process.getuid?.() !== 0) return "no root";
    for (const tool of PODMAN_NEEDS) if (Bun.which(tool) === null) return `no ${tool} on this machine`;
    const folder = temporaryFolder();
    const namespace = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"];
    const script = ["bash", join(import.meta.dir, "start-podman.sh"), folder, registry, kind];
    const service = Bun.spawn(["setpriv", "--pdeathsig", "KILL", ...namespace, ...script], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const podman = new Podman(folder, service);
    for (const end = performance.now() + 30_000; !podman.#answers(); await Bun.sleep(50)) {
      if (service.exitCode === null && performance.now() < end) continue;
      const words = `${await podman.#end()}${existsSync(podman.log) ? readFileSync(podman.log) : ""}`;
      return `podman does not run here: ${words.trim()}`;
    }
    const image = ["bash", join(import.meta.dir, "make-image.sh"), podman.socket];
    const { exitCode, stderr } = Bun.spawnSync(image, { env });
    if (exitCode === 0) return podman;
    await podman.stop();
    return `podman takes no image: ${stderr}`;
  }

  get log(): string {
    return join(this.folder, "podman.log");
  }

  /** Runs the docker command on it. Returns what it prints. */
  docker(...args: string[]): string {
    const { stdout, stderr, exitCode } = Bun.spawnSync(["docker", "-H", this.address, ...args], { env });
    if (exitCode !== 0) throw new Error(`docker ${args.join(" ")}: ${stderr}`);
    return stdout.toString().trim();
  }

  /** Kills the service of a rootful one, which is started again at once; what it runs goes on. */
  kill(): void {
    const children = (pid: number) =>
      readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean).map(Number);
    const service = children(this.process.pid)
      .flatMap(children)
      .find((pid) => readFileSync(`/proc/${pid}/comm`, "latin1").trim() === "podman");
    signalTo(service, "SIGKILL");
  }

  /** Ends it with all that it runs. */
  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const running = this.docker("ps", "-aq");
    if (running !== "") this.docker("rm", "-f", ...running.split("\n"));
    await this.#end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #answers(): boolean {
    return Bun.spawnSync(["docker", "-H", this.address, "version"], { env, timeout: 5_000 }).exitCode === 0;
  }

  /** Kills the namespace. Returns what it said. */
  async #end(): Promise<string> {
    this.process.kill("SIGKILL");
    await this.process.exited;
    return await new Response(this.process.stderr as ReadableStream).text();
  }
}
