/** What an engine still has of what happened: it is asked for beside the stream, to know its events again. */
import { lineOf } from "../../base/line.ts";
import { Patience } from "../../base/patience.ts";
import { timestamp } from "../../base/time.ts";
import type { Engine } from "../client.ts";
import { LINE_MAX, LineSplitter } from "./lines.ts";
import { type Fingerprint, hashLine, hashLongLine, timeOfLine } from "./resume.ts";

/** How many events an engine keeps (moby 28.5.2: daemon/events, eventsLimit). */
export const KEPT = 256;
/** What an engine keeps is asked for from here: zero would mean nothing (moby 28.5.2: daemon/events, loadBufferedEvents). */
export const BEGINNING = 1_000_000_000n;
/** Events do not come in the order of their times (inversions of 0.5 ms measured), and the engine's clock is read: so look from somewhat before. */
export const OUT_OF_ORDER_NS = 2_000_000_000n;
/** How long reading what the engine kept may take, ms. */
const KEPT_MAX_MS = 2_000;

/**
 * The events that the engine still has between two times, as far as they come in time.
 * @param since ns since 1970, by the engine's clock
 * @param until likewise
 * @param bytesMax no more is read
 * @param filters what the question ends with; empty: of all events
 * @throws EngineError
 */
export function readKept(
  engine: Engine,
  since: bigint,
  until: bigint,
  bytesMax = Number.POSITIVE_INFINITY,
  filters = "",
): Promise<Fingerprint[]> {
  const fingerprints: Fingerprint[] = [];
  const lines = new LineSplitter(
    LINE_MAX,
    (line) => fingerprints.push({ timeNano: timeOfLine(line), hash: hashLine(line) }),
    (head, tail, bytes) =>
      fingerprints.push({ timeNano: timeOfLine(lineOf(tail)), hash: hashLongLine(head, tail, bytes) }),
  );
  return new Promise((resolve, reject) => {
    let left = bytesMax;
    const bound = new Patience(KEPT_MAX_MS, () => stop());
    const stop = engine.events(`since=${timestamp(since)}&until=${timestamp(until)}${filters}`, {
      onOpen: () => {},
      onData: (chunk) => {
        lines.push(chunk);
        left -= chunk.length;
        if (left < 0) stop();
      },
      onEnd: (error) => {
        bound.end();
        lines.reset();
        if (error === undefined) resolve(fingerprints);
        else reject(error);
      },
    });
  });
}
