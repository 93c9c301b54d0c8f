import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./temporary.ts";

/** Without what asan.ts loads into the tests: Go's programs do not bear it. */
const { LD_PRELOAD: _, ...env } = Bun.env;

export const PODMAN_NEEDS = ["podman", "busybox"] as const;

/** A real podman of the test's own, with all that it keeps in a folder of its own, and its API on a socket. */
export class Podman implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  #service: Bun.Subprocess | undefined;

  get #socket(): string {
    return join(this.#folder, "podman.sock");
  }

  get address(): string {
    return `unix://${this.#socket}`;
  }

  /** Starts one. Where none can run: why. */
  static async start(): Promise<Podman | string> {
    if (process.getuid?.() !== 0) return "no root";
    for (const tool of PODMAN_NEEDS) if (Bun.which(tool) === null) return `no ${tool} on this machine`;
    const engine = new Podman();
    engine.#service = Bun.spawn(engine.#command("system", "service", "--time", "0", engine.address), {
      env,
      stdio: ["ignore", "ignore", "ignore"],
    });
    for (let tries = 0; tries < 100; tries++) {
      const answer = await fetch("http://d/_ping", { unix: engine.#socket }).catch(() => undefined);
      if (answer?.ok) return engine;
      await Bun.sleep(100);
    }
    await engine[Symbol.asyncDispose]();
    return "podman's API does not answer";
  }

  /** Runs the podman command. Returns what it prints. */
  podman(...args: string[]): string {
    const { stdout, stderr, exitCode } = Bun.spawnSync(this.#command(...args), { env });
    if (exitCode !== 0) throw new Error(`podman ${args.join(" ")}: ${stderr}`);
    return stdout.toString().trim();
  }

  /** Makes an image of busybox. @param changes lines as of a Dockerfile */
  makeImage(name: string, ...changes: string[]): void {
    const bin = join(this.#folder, "image/bin");
    mkdirSync(bin, { recursive: true });
    copyFileSync(String(Bun.which("busybox")), join(bin, "busybox"));
    for (const applet of ["sh", "sleep", "true"]) symlinkSync("busybox", join(bin, applet));
    const tar = join(this.#folder, "image.tar");
    Bun.spawnSync(["tar", "-C", join(this.#folder, "image"), "-cf", tar, "."]);
    this.podman("import", ...changes.flatMap((change) => ["-c", change]), tar, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#service?.kill("SIGTERM");
    await this.#service?.exited;
  }

  #command(...args: string[]): string[] {
    const at = (name: string) => join(this.#folder, name);
    const places = ["--root", at("root"), "--runroot", at("run"), "--storage-driver", "vfs", "--tmpdir", at("tmp")];
    return ["podman", ...places, "--events-backend", "file", ...args];
  }
}
