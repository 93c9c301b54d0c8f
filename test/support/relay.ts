/** Something between the plugin and a real engine that can be cut: in a process of its own, as the tests' thread waits. */
import { existsSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { signalTo } from "./signal.ts";
import { temporaryFolder } from "./temporary.ts";

export class Relay implements Disposable {
  private constructor(
    readonly socket: string,
    readonly process: Bun.Subprocess,
  ) {}

  /** @param to the engine's socket */
  static async start(to: string): Promise<Relay> {
    const socket = join(temporaryFolder(), "relay.sock");
    const child = Bun.spawn([process.execPath, import.meta.path, socket, to], {
      stdio: ["pipe", "inherit", "inherit"],
    });
    while (!existsSync(socket)) await Bun.sleep(5);
    return new Relay(socket, child);
  }

  get address(): string {
    return `unix://${this.socket}`;
  }

  /** Breaks all connections that go through it. */
  cut(): void {
    signalTo(this.process.pid, "SIGUSR1");
  }

  [Symbol.dispose](): void {
    this.process.kill("SIGKILL");
  }
}

if (import.meta.main) {
  const [, , socket = "", to = ""] = process.argv;
  const sockets = new Set<net.Socket>();
  process.on("SIGUSR1", () => {
    for (const each of sockets) each.destroy();
  });
  net
    .createServer((near) => {
      const far = net.connect(to);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(one);
        one
          .on("error", () => {})
          .on("close", () => {
            sockets.delete(one);
            other.destroy();
          });
        one.pipe(other);
      }
    })
    .listen(socket);
  // The end of its parent closes this, and ends it.
  for await (const _ of Bun.stdin.stream());
  process.exit(0);
}
