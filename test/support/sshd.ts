/** A real OpenSSH server of the test's own, on loopback, for whoever runs the tests. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import { join } from "node:path";
import { temporaryFolder } from "./temporary.ts";

export const SSHD_NEEDS = ["sshd", "ssh", "ssh-keygen", "docker"] as const;

/** A port that is free, as far as anybody can know. */
export function freePort(): Promise<number> {
  const server = net.createServer();
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    }),
  );
}

/** Without what asan.ts loads into the tests. */
const { LD_PRELOAD: _, ...env } = Bun.env;

export class Sshd implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly port: number,
    readonly process: Bun.Subprocess,
  ) {}

  static async start(): Promise<Sshd> {
    const folder = temporaryFolder();
    const at = (name: string) => join(folder, name);
    for (const name of ["host", "user", "stranger"])
      Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at(name)]);
    copyFileSync(at("user.pub"), at("authorized_keys"));
    const port = await freePort();
    const key = (name: string) =>
      readFileSync(at(`${name}.pub`), "utf8")
        .split(" ")
        .slice(0, 2)
        .join(" ");
    writeFileSync(at("known_hosts"), `[127.0.0.1]:${port} ${key("host")}\n`);
    writeFileSync(at("changed_hosts"), `[127.0.0.1]:${port} ${key("stranger")}\n`);
    writeFileSync(at("empty_hosts"), "");
    writeFileSync(
      at("config"),
      [
        `Port ${port}`,
        "ListenAddress 127.0.0.1",
        `HostKey ${at("host")}`,
        `AuthorizedKeysFile ${at("authorized_keys")}`,
        "PidFile none",
        // The folder is below one that everybody may write to.
        "StrictModes no",
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "LogLevel VERBOSE",
        "",
      ].join("\n"),
    );
    // Where it goes without rights, as root: Debian's service makes it at boot.
    if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
    const child = Bun.spawn([String(Bun.which("sshd")), "-D", "-E", at("log"), "-f", at("config")], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
    const sshd = new Sshd(folder, port, child);
    while (!(existsSync(at("log")) && sshd.log.includes("Server listening"))) {
      if (child.exitCode !== null) throw new Error(`sshd ended: ${existsSync(at("log")) ? sshd.log : child.exitCode}`);
      await Bun.sleep(10);
    }
    return sshd;
  }

  /** What it has logged. */
  get log(): string {
    return readFileSync(this.file("log"), "utf8");
  }

  /** How many SSH connections have got through to a user so far. */
  get logins(): number {
    return this.log.split("Accepted publickey").length - 1;
  }

  /** How many sessions were started so far, over all of them. */
  get sessions(): number {
    return this.log.split("Starting session: command").length - 1;
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  /** The address of an engine that listens at a socket here. */
  address(socket: string): string {
    const user = Bun.spawnSync(["id", "-un"]).stdout.toString().trim();
    return `ssh://${user}@127.0.0.1:${this.port}${socket}`;
  }

  /** What the setting `ssh` has to be. */
  get settings() {
    return { identityfile: this.file("user"), knownhosts: this.file("known_hosts"), config: "/dev/null" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGKILL");
    await this.process.exited;
  }
}
