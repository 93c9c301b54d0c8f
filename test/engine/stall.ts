/**
 * A real engine emits as fast as it can while Falco stands still: `bun test/engine/stall.ts SOCKET IMAGE [SECONDS]` tells how
 * fast the engine's API calls are meanwhile, and what arrives afterwards.
 */
import { join } from "node:path";
import { Plugin, rc } from "../support/host.ts";
import { temporaryFolder } from "../support/temporary.ts";

const [socket = "", image = "bb:1", seconds = "30"] = process.argv.slice(2);

/** Tags the image so often, one call after the other; each call is one event. Returns each call's milliseconds. */
async function tag(forMs: number, from: number): Promise<number[]> {
  const times: number[] = [];
  for (const end = performance.now() + forMs; performance.now() < end; ) {
    const began = performance.now();
    const path = `http://docker/images/${image}/tag?repo=stall&tag=t${from + times.length}`;
    const answer = await fetch(path, { method: "POST", unix: socket });
    if (answer.status !== 201) throw new Error(`the engine answered ${answer.status}: ${await answer.text()}`);
    times.push(performance.now() - began);
  }
  return times;
}

function percentiles(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2);
  return `${times.length} calls, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(0.9999)} ms`;
}

const before = await tag(3_000, 0);
console.log(`nobody subscribed:    ${percentiles(before)}`);
// The engine tells its clock in whole seconds: what is younger than that when the stream begins is delivered.
await Bun.sleep(1_100);
using state = new Plugin().init(JSON.stringify({ statefile: join(temporaryFolder(), "resume") }));
using instance = state.open(`unix://${socket}`);
if (instance.rc !== rc.success) throw new Error(state.error);
// From here on nobody calls next_batch: the host stands still.
const times = await tag(Number(seconds) * 1000, 100_000);
console.log(`Falco stands still:   ${percentiles(times)}`);
const names = instance.take(times.length, (event) => state.extract(event, ["docker.attributes.name"])[0], 20_000);
const expected = times.map((_, i) => `stall:t${100_000 + i}`);
const tagged = names.filter((name) => String(name).startsWith("stall:"));
const inOrder = tagged.every((name, i) => name === expected[i]);
console.log(`delivered afterwards: ${tagged.length} of ${times.length}, ${inOrder ? "in order" : "NOT in order"}`);
const { dropped, losses } = state.metrics();
console.log(`dropped ${dropped}, losses announced ${losses}`);
const made = [...before.keys(), ...times.map((_, i) => 100_000 + i)];
for (const i of made) await fetch(`http://docker/images/stall:t${i}`, { method: "DELETE", unix: socket });
process.exitCode = inOrder && tagged.length === times.length ? 0 : 1;
