/**
 * Has a real engine emit numbered events at a rate, each once, whatever befalls the engine meanwhile: dockerd names the image
 * bb:1 `…-event-0`, `…-event-1` …; podman, which loses events of images that it has not written yet when it is killed, makes
 * volumes of these names. In a process of its own, as the tests' thread waits.
 */
import { request } from "node:http";

export interface Tagger {
  /** Numbers of which nobody knows whether the engine took them, as it broke off. */
  readonly unsure: ReadonlySet<number>;
  /** Settles when all were. */
  readonly done: Promise<unknown>;
  stop(): void;
}

const KINDS = {
  dockerd: (name: string) => ({ path: `/images/bb:1/tag?repo=${name}` }),
  podman: (name: string) => ({ path: "/volumes/create", body: JSON.stringify({ Name: name }) }),
} as const;
type Kind = keyof typeof KINDS;

/** @param socket the engine's */
export function tag(kind: Kind, socket: string, perSecond: number, count: number): Tagger {
  const unsure = new Set<number>();
  const child = Bun.spawn([process.execPath, import.meta.path, kind, socket, String(perSecond), String(count)], {
    stdio: ["pipe", "inherit", "inherit"],
    ipc: (message) => {
      unsure.add(message as number);
    },
  });
  return { unsure, done: child.exited, stop: () => child.kill("SIGKILL") };
}

/** @returns whether the engine did it */
function post(socketPath: string, { path, body = "" }: { path: string; body?: string }): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const asked = request({ socketPath, path, method: "POST", headers }, (answer) => {
      answer.resume().on("end", () => resolve(answer.statusCode === 201));
    });
    asked.on("error", () => resolve(false)).end(body);
  });
}

if (import.meta.main) {
  const [, , kind = "", socket = "", perSecond = "1", count = "0"] = process.argv;
  const asked = KINDS[kind as Kind];
  // The end of its parent ends it.
  process.on("disconnect", () => process.exit(0));
  const began = performance.now();
  // What is there already would be no event: each run has names of its own.
  const run = began.toString(36).replace(".", "") + process.pid;
  for (let number = 0; number < Number(count); number++) {
    const due = began + (number / Number(perSecond)) * 1000;
    await Bun.sleep(Math.max(0, due - performance.now()));
    // Whether an engine that broke off did it nobody knows: the next one has another number.
    if (!(await post(socket, asked(`${run}-event-${number}`)))) {
      process.send?.(number);
      while (!(await post(socket, asked(`${run}-waits-${number}`)))) await Bun.sleep(20);
    }
  }
  process.exit(0);
}
