/** The short runs of the faults in faults.ts, in parts: each is a file of tests, which run side by side, as they wait. */
import { expect, test } from "bun:test";
import { Random, seedOf } from "../support/random.ts";
import { faults, run } from "./faults.ts";

const PARTS = 2;

/** @param part from 0 to PARTS - 1 */
export function testFaults(part: number): void {
  const seed = seedOf("faults");
  const short = faults.filter(({ times: [times] }) => times > 0);
  for (const fault of short.filter((_, i) => i % PARTS === part))
    test(`${fault.name}: nothing twice, nothing out of order, nothing lost unannounced`, async () => {
      const tally = await run(fault, fault.times[0], new Random(seed));
      expect(tally.duplicated).toBe(0);
      expect(tally.outOfOrder).toBe(0);
      expect(tally.unannounced).toBe(0);
      if (tally.isTooSlow)
        console.log(`${fault.name}: the machine is too slow to keep all; what is missing is announced`);
      else if (fault.complete) expect([tally.missing, tally.announced]).toEqual([0, 0]);
      if (fault.whole) expect(tally.missing).toBe(0);
      if (fault.announced) expect(tally.announced).toBe(fault.times[0]);
      expect(tally.delivered).toBeGreaterThan(tally.sent / 50);
    }, 90_000);
}
