/**
 * Runs the tests, the quick ones first: `npm test [-- [--asan] STAGE...]`. A stage is a folder here, or `check`. A check or a
 * unit test that fails ends the run, since the rest would only say the same; other stages go on, and the end tells of all.
 * With --asan the host's side is watched by AddressSanitizer and UndefinedBehaviorSanitizer.
 */
import { join } from "node:path";
import { asanEnvironment } from "./support/asan.ts";

const root = join(import.meta.dir, "..");

interface Stage {
  readonly name: string;
  readonly desc: string;
  /** Needs what `npm run build` makes. */
  readonly built: boolean;
  /** So many files run at once, where they wait more than they work. */
  readonly parallel?: number;
  /** False: it does not drive the library that sanitizers watch, or no other way than abi and faults do. */
  readonly sanitized?: false;
}

const STAGES: readonly Stage[] = [
  { name: "check", desc: "format, lint, types", built: false },
  { name: "unit", desc: "src, file by file", built: false, parallel: 2 },
  { name: "abi", desc: "libdocker.so as Falco drives it", built: true, parallel: 3 },
  { name: "cli", desc: "the debug tool as a person uses it", built: true, parallel: 2, sanitized: false },
  { name: "engine", desc: "real engines", built: true, parallel: 3, sanitized: false },
  { name: "native", desc: "the C code: scenarios, fuzzer, sanitizers, valgrind", built: true, parallel: 2 },
  { name: "faults", desc: "faults injected into a running stream, hostile runtimes", built: true, parallel: 4 },
  { name: "sinsp", desc: "a real libsinsp as the host", built: true, parallel: 2, sanitized: false },
  {
    name: "rules",
    desc: "each rule over each case in a real libsinsp; attacks on a real engine",
    built: true,
    parallel: 2,
    sanitized: false,
  },
];

/** A test that hangs is ended after this; a slow machine needs more than a fast one would. */
const TEST_TIMEOUT_MS = 60_000;

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly code: number;
  /** Processor time of all its processes, s: what is far below the processors' number times its time could be side by side. */
  readonly cpu: number;
  /** The lines that say what was skipped. */
  readonly skips: readonly string[];
  /** The lines that name what failed. */
  readonly failures: readonly string[];
}

/** Runs a command, shows what it prints as it comes, and returns that. */
async function show(command: readonly string[], env: Record<string, string | undefined>) {
  const child = Bun.spawn([...command], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  const pass = async (from: ReadableStream<Uint8Array>, to: NodeJS.WriteStream) => {
    const decoder = new TextDecoder();
    for await (const chunk of from) {
      text += decoder.decode(chunk, { stream: true });
      to.write(chunk);
    }
  };
  await Promise.all([pass(child.stdout, process.stdout), pass(child.stderr, process.stderr)]);
  return { code: await child.exited, text, cpu: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6 };
}

async function runTests(folder: string, parallel: number, env: Record<string, string | undefined>): Promise<Outcome> {
  const { code, text, cpu } = await show(
    [
      process.execPath,
      "test",
      "--timeout",
      String(TEST_TIMEOUT_MS),
      ...(parallel > 1 ? [`--parallel=${parallel}`] : []),
      `./test/${folder}/`,
    ],
    env,
  );
  const count = (word: string) => Number([...text.matchAll(new RegExp(`^\\s*(\\d+) ${word}$`, "gm"))].at(-1)?.[1] ?? 0);
  const failures = [...new Set(text.match(/^\(fail\) .*/gm))];
  const skips = [...new Set(text.match(/^skipped: .*/gm))];
  const skipped = count("skip");
  // A run that was ended from outside, or that found no test, has failed too.
  let failed = count("fail");
  if (failed === 0 && (code !== 0 || count("pass") + skipped === 0)) {
    failed = 1;
    failures.push(`test/${folder} ended with code ${code}`);
  }
  if (skipped > 0 && skips.length === 0) {
    failed++;
    failures.push(`test/${folder} skipped ${skipped} tests without a word`);
  }
  return { passed: count("pass"), failed, skipped, code, cpu, skips, failures };
}

async function check(): Promise<Outcome> {
  const { code, cpu } = await show(["npm", "run", "--silent", "check"], Bun.env);
  const failures = code === 0 ? [] : ["npm run check"];
  return { passed: code === 0 ? 1 : 0, failed: failures.length, skipped: 0, code, cpu, skips: [], failures };
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

async function main(args: readonly string[]): Promise<number> {
  const asan = args.includes("--asan");
  const wanted = args.filter((arg) => arg !== "--asan");
  const known = STAGES.map(({ name }) => name);
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    console.error(`test: there is no stage ${unknown}; known are ${known.join(" ")}`);
    return 2;
  }
  const began = performance.now();
  const stages = STAGES.filter(({ name, built, sanitized }) =>
    wanted.length === 0 ? !asan || (built && sanitized !== false) : wanted.includes(name),
  );
  const outcomes: Outcome[] = [];
  let env: Record<string, string | undefined> = Bun.env;
  let isBuilt = false;
  for (const { name, desc, built, parallel = 1 } of stages) {
    if (built && !isBuilt) {
      if ((await show(["npm", "run", "--silent", "build"], Bun.env)).code !== 0) return 1;
      isBuilt = true;
      if (asan) env = { ...Bun.env, ...asanEnvironment() };
    }
    const at = performance.now();
    console.log(`\n== ${name}: ${desc}`);
    const outcome = name === "check" ? await check() : await runTests(name, parallel, env);
    outcomes.push(outcome);
    const verdict = outcome.failed === 0 ? "well" : `${outcome.failed} failed`;
    console.log(`== ${name}: ${verdict}, ${seconds(at)}, ${outcome.cpu.toFixed(1)} s of processor time`);
    if (outcome.failed > 0 && !built) break;
  }
  const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0);
  console.log(`\n== all: ${seconds(began)}`);
  for (const line of outcomes.flatMap(({ failures }) => failures)) console.log(line);
  for (const line of new Set(outcomes.flatMap(({ skips }) => skips))) console.log(line);
  console.log(
    `${sum(({ passed }) => passed)} passed, ${sum(({ failed }) => failed)} failed, ${sum(({ skipped }) => skipped)} skipped`,
  );
  return sum(({ failed }) => failed) === 0 ? 0 : 1;
}

process.exit(await main(process.argv.slice(2)));
