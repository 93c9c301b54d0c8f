/** The built binary as a person runs it: in a pipe, or on a terminal. */
import { PROGRAM } from "./host.ts";

const { DOCKER_HOST: _, NO_COLOR: __, LD_PRELOAD: ___, ...inherited } = Bun.env;
export const environment = { ...inherited, TZ: "UTC", TERM: "xterm-256color" };

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Options {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** Runs the tool to its end. */
export function run(args: readonly string[], { env = {}, ...options }: Options = {}): Ran {
  const ran = Bun.spawnSync([PROGRAM, ...args], { ...options, env: { ...environment, ...env } });
  return { code: ran.exitCode, out: ran.stdout.toString(), err: ran.stderr.toString() };
}

/** The tool on a terminal of its own, which shows its stdout and stderr. */
export class Terminal implements AsyncDisposable {
  readonly process: Bun.Subprocess;
  #shown = "";
  #more = Promise.withResolvers<void>();

  /** @param script what bash runs, with `$0` for the tool */
  constructor(script: string, columns = 80, env: Record<string, string> = {}) {
    const decoder = new TextDecoder();
    this.process = Bun.spawn(["bash", "-c", script, PROGRAM], {
      env: { ...environment, ...env },
      terminal: {
        cols: columns,
        rows: 24,
        data: (_terminal, bytes) => {
          this.#shown += decoder.decode(bytes, { stream: true });
          this.#more.resolve();
          this.#more = Promise.withResolvers();
        },
      },
    });
  }

  /** All that it was sent so far, with what acts on it. */
  get shown(): string {
    return this.#shown;
  }

  /** Its lines, without colours. */
  get lines(): string[] {
    return Bun.stripANSI(this.#shown)
      .split("\r\n")
      .map((line) => line.slice(line.lastIndexOf("\r") + 1));
  }

  /** Presses keys. */
  type(keys: string): void {
    this.process.terminal?.write(keys);
  }

  /** Waits until something is shown. */
  async shows(wanted: string | RegExp): Promise<void> {
    const matches = () => (typeof wanted === "string" ? this.#shown.includes(wanted) : wanted.test(this.#shown));
    while (!matches()) {
      const more = this.#more.promise;
      const ended = await Promise.race([more.then(() => false), this.process.exited.then(() => true)]);
      if (ended && !matches()) throw new Error(`it ended without ${wanted}: ${JSON.stringify(this.#shown)}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGKILL");
    await this.process.exited;
    this.process.terminal?.close();
  }
}
