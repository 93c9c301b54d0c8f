/**
 * Prints what came of each fault: `npm run test:faults -- [--long] [--seed=N] [NAME...]`. Ends with 1 where something was
 * lost unannounced, came twice or out of order. The tests run a short form of the same.
 */
import { Random, seedOf } from "../support/random.ts";
import { faults, run } from "./faults.ts";
import { pairs, realEngines, runPair, wrongs } from "./pairs.ts";

const long = process.argv.includes("--long");
const names = process.argv.slice(2).filter((name) => !name.startsWith("--"));
const isAsked = ({ name, times }: { readonly name: string; readonly times: readonly number[] }) =>
  times[long ? 1 : 0] !== 0 && (names.length === 0 || names.some((asked) => name.includes(asked)));

/** The beginning of a table. */
function head(...columns: string[]): void {
  console.log(`| ${columns.join(" | ")} |\n|${" --- |".repeat(columns.length)}`);
}
const COUNTS = ["sent", "delivered", "duplicated", "out of order", "lost", "announcements", "lost unannounced"];

async function one(): Promise<boolean> {
  let good = true;
  const seed = seedOf("faults");
  head("fault", "events/s", "times", ...COUNTS);
  for (const fault of faults.filter(isAsked)) {
    const times = fault.times[long ? 1 : 0];
    const tally = await run(fault, times, new Random(seed));
    console.log(`| ${Object.values(tally).join(" | ")} |`);
    const { duplicated, outOfOrder, missing, unannounced, announced } = tally;
    good &&= duplicated + outOfOrder + unannounced === 0 && !((fault.complete || fault.whole) && missing > 0);
    good &&= !(fault.complete && announced > 0) && !(fault.announced && announced !== times);
  }
  return good;
}

/** Two engines, of which one has the fault. */
async function two(): Promise<boolean> {
  let good = true;
  head("fault of one of two", "engine", "events/s", "times", ...COUNTS, "p99 late, ms", "most late, ms");
  for (const [kind, { start }] of Object.entries(realEngines)) {
    const asked = pairs.filter((fault) => fault.kind === kind && isAsked(fault));
    if (asked.length === 0) continue;
    const engine = await start();
    if (typeof engine === "string") {
      console.log(`| ${asked.map(({ name }) => name).join(", ")} | not run: ${engine} |`);
      continue;
    }
    try {
      for (const fault of asked) {
        const times = fault.times[long ? 1 : 0];
        const tallies = await runPair(fault, engine, times);
        for (const { fault: name, engine, late99, lateMax, ...counts } of tallies)
          console.log(
            `| ${[name, engine, ...Object.values(counts), late99.toFixed(1), lateMax.toFixed(1)].join(" | ")} |`,
          );
        for (const wrong of wrongs(fault, tallies, times)) {
          console.log(`| ${fault.name} | ${wrong} |`);
          good = false;
        }
      }
    } finally {
      await engine.stop();
    }
  }
  return good;
}

// Until it is known to be well: a run that stops in the middle is none.
process.exitCode = 1;
const isGood = [faults.some(isAsked) ? await one() : true, pairs.some(isAsked) ? await two() : true];
process.exitCode = isGood.every(Boolean) ? 0 : 1;
