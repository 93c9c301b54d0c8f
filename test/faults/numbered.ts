/** Numbered events of one engine, sent one by one, and what came of them. */
import type { Instance, State } from "../support/host.ts";
import { NUMBERED } from "./faults.ts";

/** An event's line; the time of our clock, or of one that is so far off. */
export const numbered = (number: number, offMs = 0): string =>
  NUMBERED.replaceAll("@", String(number).padStart(9, "0")).replaceAll(
    "#",
    `${Date.now() + offMs}${String(number).padStart(6, "0")}`,
  );

/** What came, in short: the number of an event, or the action of one of ours. */
export const short = (payload: string): string | number => {
  const { Action, Actor } = JSON.parse(payload);
  return Action === "start" ? Number(Actor.Attributes.name.slice("event-".length)) : Action;
};

/** What came, in short. */
export const take = (instance: Instance, count: number, ms?: number) => instance.payloads(count, ms).map(short);

/** Takes batches until something is so; the bound is far beyond what it takes. */
export async function until(instance: Instance, what: () => boolean | Promise<boolean>): Promise<(string | number)[]> {
  const came: (string | number)[] = [];
  for (const end = performance.now() + 60_000; !(await what()); ) {
    if (performance.now() > end) throw new Error(`it never came to be; came: ${came}`);
    for (const event of instance.nextBatch().events) came.push(short(event.payload));
  }
  return came;
}

/** All that was logged. */
export const logs = (state: State): string => state.logs.map(({ text }) => text).join("\n");
