/** What of an engine's events stands in a ring, for the process that comes after this one. */
import { type Fingerprint, REMEMBERED } from "../docker/stream/resume.ts";
import type { ResumePoint } from "../docker/stream/stream.ts";
import { layout } from "./layout.ts";

const ENTRIES = layout.JOURNAL_ENTRIES;
const ENTRY_DOUBLES = layout.JOURNAL_ENTRY_BYTES / 8;

if (ENTRIES < REMEMBERED || layout.RING_JOURNAL + ENTRIES * layout.JOURNAL_ENTRY_BYTES > layout.RING_DATA)
  throw new Error("the journal does not hold what a stream remembers, or does not fit before the data");

/**
 * What of an engine's events stands in the ring, so that a successor of this process goes on where it stood. It lies
 * beside the ring in memory that outlives the runtime.
 */
export class Journal {
  readonly #ends: Float64Array;
  readonly #fingerprints: BigUint64Array;
  readonly #began: BigUint64Array;
  readonly #snapshot: BigUint64Array;
  readonly #ended: BigUint64Array;
  readonly #progress: BigUint64Array;
  #next = 0;

  /** @param header the ring's memory before its data */
  constructor(header: ArrayBuffer) {
    this.#began = new BigUint64Array(header, layout.RING_BEGAN, 1);
    this.#snapshot = new BigUint64Array(header, layout.RING_SNAPSHOT, 1);
    this.#ended = new BigUint64Array(header, layout.RING_ENDED, 1);
    this.#progress = new BigUint64Array(header, layout.RING_PROGRESS, 1);
    this.#ends = new Float64Array(header, layout.RING_JOURNAL, ENTRIES * ENTRY_DOUBLES);
    this.#fingerprints = new BigUint64Array(header, layout.RING_JOURNAL, ENTRIES * ENTRY_DOUBLES);
  }

  /** When the stream began, by the engine's clock, ns since 1970; 0 in a new ring. */
  get began(): bigint {
    return this.#began[0] ?? 0n;
  }

  set began(nano: bigint) {
    this.#began[0] = nano;
  }

  /** Whether the containers that ran at open have been told of. */
  get snapshotTaken(): boolean {
    return this.#snapshot[0] === 1n;
  }

  set snapshotTaken(taken: boolean) {
    this.#snapshot[0] = taken ? 1n : 0n;
  }

  /** Whether the host knows that nothing comes any more. */
  get ended(): boolean {
    return this.#ended[0] === 1n;
  }

  /** How much of its source has been read, 0 to 1. */
  set progress(share: number) {
    this.#progress[0] = BigInt(Math.floor(share * layout.PROGRESS_MAX));
  }

  /**
   * Notes an event whose record ends at the ring position `end`; it counts once the head has reached that. An event
   * that was delivered before this ring was made, or that is only to be known again, ends at 0.
   */
  append(end: number, fingerprint: Fingerprint): void {
    const at = this.#next * ENTRY_DOUBLES;
    // A process that dies in the middle must not leave a mix of two entries that counts.
    this.#ends[at] = 0;
    this.#fingerprints[at + 1] = fingerprint.timeNano;
    this.#fingerprints[at + 2] = fingerprint.hash;
    this.#ends[at] = end + 1;
    this.#next = (this.#next + 1) % ENTRIES;
  }

  /** How the events are known again whose records end above `position`, by where they end. */
  above(position: number): Map<number, Fingerprint> {
    return new Map(this.#entries((end) => end > position).map(({ end, fingerprint }) => [end, fingerprint]));
  }

  /** The events whose records end at or below `position`, oldest first. The next `append` goes behind the newest. */
  read(position: number): ResumePoint {
    const entries = this.#entries((end) => end <= position);
    const newest = entries.at(-1);
    this.#next = newest === undefined ? 0 : (newest.entry + 1) % ENTRIES;
    return { began: this.began, fingerprints: entries.map(({ fingerprint }) => fingerprint) };
  }

  /** The entries that hold something and are wanted, oldest first. */
  #entries(isWanted: (end: number) => boolean): { end: number; entry: number; fingerprint: Fingerprint }[] {
    const entries: { end: number; entry: number; fingerprint: Fingerprint }[] = [];
    for (let entry = 0; entry < ENTRIES; entry++) {
      const at = entry * ENTRY_DOUBLES;
      const end = (this.#ends[at] ?? 0) - 1;
      if (!(end >= 0 && isWanted(end))) continue;
      entries.push({
        end,
        entry,
        fingerprint: { timeNano: this.#fingerprints[at + 1] ?? 0n, hash: this.#fingerprints[at + 2] ?? 0n },
      });
    }
    return entries.sort((a, b) => a.end - b.end);
  }
}
