/** How fast a recording goes. */
import { BadUsage } from "../args.ts";

/** Events that lie further apart than a timer can wait wait for it several times, ms. */
const SLEEP_MAX = 1_000;

/**
 * The speed that was asked for; undefined: as fast as it can be read.
 * @throws BadUsage
 */
export function speedAsked(text: string | undefined): number | undefined {
  if (text === undefined || text === "max") return undefined;
  const speed = /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (speed === 0) throw new BadUsage(`--speed ${JSON.stringify(text)}: expected max or a number such as 1, 0.5 or 10`);
  return speed;
}

/**
 * Lets each event wait for its turn: as long after the first one as it happened after it, divided by the speed. Times
 * that run back do not wait.
 * @param isOver whether nobody waits any more
 */
export function paceOf(speed: number, isOver: () => boolean): (timeNano: bigint) => Promise<void> | undefined {
  let first: bigint | undefined;
  let began = 0;
  return (timeNano) => {
    if (timeNano === 0n) return undefined;
    if (first === undefined) {
      first = timeNano;
      began = performance.now();
    }
    const due = began + Number(timeNano - first) / 1e6 / speed;
    return due - performance.now() < 1 ? undefined : waitUntil(due, isOver);
  };
}

async function waitUntil(due: number, isOver: () => boolean): Promise<void> {
  for (let left = due - performance.now(); left > 0 && !isOver(); left = due - performance.now())
    await Bun.sleep(Math.min(left, SLEEP_MAX));
}
