/**
 * Falco's own library, libsinsp, as the host of the plugin: Debian's sysdig, which is made of it, with libsinsp's
 * headers. `npm run setup:sinsp` brings both; `SYSDIG` names another folder that sysdig-setup.sh made.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestEngine } from "./engine.ts";
import { BUILT, type Value } from "./host.ts";

export const FOLDER = Bun.env.SYSDIG ?? join(import.meta.dir, "../../node_modules/.cache/sysdig");
export const PROGRAM = join(FOLDER, "sysdig");

/** What `#include <plugin/plugin_api.h>` and `<driver/…>` are found in. */
export const HEADERS = join(FOLDER, "include");

/** Why there is no libsinsp here; undefined where there is. */
export const missing = existsSync(PROGRAM) ? undefined : "there is no sysdig: `npm run setup:sinsp` brings it (Debian)";

/** Says once for a file of tests what is not run. */
export function tellIfMissing(what: string): void {
  if (missing !== undefined) console.log(`skipped: ${what}: ${missing}`);
}

/** Without what asan.ts loads into the tests: it is not for this program, nor for the library as it was built. */
const { LD_PRELOAD: _, ...inherited } = Bun.env;
/** With an engine to name, on machines that have none. */
export const env = { ...inherited, DOCKER_HOST: "unix:///nowhere/docker.sock" };

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A libsinsp that runs; it is killed where the test is left. */
export class Sinsp implements AsyncDisposable {
  /** How long a run may take, ms: it is far below that, and none outlives its test by more. */
  static runMs = 60_000;

  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #stderr: Promise<string>;
  #stdout = "";
  readonly #read: Promise<void>;
  /** Whether all that it will ever print is there. */
  #isWhole = false;
  #more = Promise.withResolvers<void>();

  /**
   * @param config the plugin's settings; undefined: the arguments name the plugin
   * @param args as sysdig takes them
   */
  constructor(config: object | undefined, ...args: readonly string[]) {
    const plugin = config === undefined ? [] : ["-H", `${BUILT}:${JSON.stringify(config)}`];
    // Its parent's death is its own: where the tests are killed, nothing of them stays.
    this.#process = Bun.spawn(["setpriv", "--pdeathsig", "KILL", PROGRAM, ...plugin, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env,
      timeout: Sinsp.runMs,
    });
    this.#stderr = new Response(this.#process.stderr).text();
    this.#read = this.#follow();
  }

  async #follow(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#process.stdout) {
      this.#stdout += decoder.decode(bytes, { stream: true });
      this.#more.resolve();
      this.#more = Promise.withResolvers();
    }
    this.#isWhole = true;
    this.#more.resolve();
  }

  /** The pid of libsinsp's process, which is the plugin's host. */
  get pid(): number {
    return this.#process.pid;
  }

  /** CPU that it used, and what it has waited for: its runtime among that; µs, once it has ended. */
  get cpuMicros(): number {
    return Number(this.#process.resourceUsage()?.cpuTime.total ?? 0);
  }

  /** Whether it has ended by itself. */
  get isOver(): boolean {
    return this.#isWhole;
  }

  /** The whole lines that it has printed. */
  get lines(): string[] {
    return this.#stdout.split("\n").slice(0, -1);
  }

  /** Waits for a line. */
  async line(wanted: (line: string) => boolean): Promise<string> {
    for (;;) {
      const more = this.#more.promise;
      const line = this.lines.find(wanted);
      if (line !== undefined) return line;
      if (this.#isWhole) throw new Error(`it ended without the line: ${JSON.stringify(await this.end)}`);
      await more;
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** What came of it, once it has ended. */
  get end(): Promise<Ended> {
    return this.#end();
  }

  async #end(): Promise<Ended> {
    const code = await this.#process.exited;
    await this.#read;
    return { code, stdout: this.#stdout, stderr: await this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }
}

/** Runs one to its end. */
export async function run(config: object | undefined, ...args: readonly string[]): Promise<Ended> {
  await using sinsp = new Sinsp(config, ...args);
  return await sinsp.end;
}

/** Waits until so many streams of the engine are read. */
export async function subscribed(engine: TestEngine, count = 1): Promise<void> {
  while ((await engine.subscribers()) < count) await Bun.sleep(10);
}

/**
 * Sends lines, and writes their events into a capture file.
 * @param readers how many streams of the engine are to be read by then, this one's included
 */
export async function capture(
  engine: TestEngine,
  config: object,
  lines: readonly string[],
  file: string,
  readers = 1,
): Promise<void> {
  await using sinsp = new Sinsp(config, ...live(engine, lines.length), "-q", "-w", file);
  await subscribed(engine, readers);
  await engine.send(...lines);
  const { code, stderr } = await sinsp.end;
  if (code !== 0) throw new Error(`the capture failed: ${stderr}`);
}

/** The arguments that read so many events of an engine. */
export const live = (engine: TestEngine, count: number): string[] => [
  ...["-I", `docker:${engine.address}`],
  ...["-n", String(count)],
];

/** The arguments that print the values of fields, one JSON object a line; a field with an argument is `name[argument]`. */
export const printed = (asks: readonly string[]): string[] => [
  "-j",
  "-p",
  `*${asks.map((ask) => `%${ask}`).join(" ")}`,
];

/** Reads such a line; numbers are exact, and null is absent. */
export function values(line: string): Map<string, Value> {
  const exact = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === "number" ? BigInt(context?.source ?? "") : value;
  const json: Record<string, Value | null> = JSON.parse(line, exact as Parameters<typeof JSON.parse>[1]);
  return new Map(Object.entries(json).map(([ask, value]) => [ask, value ?? undefined]));
}

/** The blocks of a capture file that hold an event (falcosecurity/libs: userspace/libscap/scap_savefile.h). */
const EVENT_BLOCKS: ReadonlySet<number> = new Set([0x216, 0x221]);

/** The blocks of a capture's bytes that hold an event, each as a view of them. */
function* eventBlocksOf(bytes: Buffer): Generator<Buffer> {
  for (let block = 0; block < bytes.length; ) {
    const end = block + bytes.readUInt32LE(block + 4);
    if (EVENT_BLOCKS.has(bytes.readUInt32LE(block))) yield bytes.subarray(block, end);
    block = end;
  }
}

/** What of a capture can be appended to another one: its events. */
export const eventBlocks = (capture: Buffer): Buffer => Buffer.concat([...eventBlocksOf(capture)]);

/** The payloads of the plugin's events in a capture file, with the times in their headers. */
export function captured(file: string): { ts: bigint; payload: string }[] {
  return [...eventBlocksOf(readFileSync(file))]
    .map((block) => block.subarray(10))
    .filter((event) => event.readUInt16LE(20) === 322)
    .map((event) => ({
      ts: event.readBigUInt64LE(0),
      payload: event.toString("utf8", 38, event.readUInt32LE(16)),
    }));
}
