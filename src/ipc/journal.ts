/** What of an engine's events stands in a ring, for the process that comes after this one. */
import { type Fingerprint, REMEMBERED } from "../docker/stream/resume.ts";
import type { ResumePoint } from "../docker/stream/stream.ts";
import { layout } from "./layout.ts";

const ENTRIES = layout.JOURNAL_ENTRIES;
const ENTRY_DOUBLES = layout.JOURNAL_ENTRY_BYTES / 8;

if (ENTRIES < REMEMBERED) throw new Error("the journal does not hold what a stream remembers");

/** No engine's key is 0, which means that nobody has the place. */
const keyOf = (address: string): bigint => Bun.hash.wyhash(address) || 1n;

/**
 * What of one engine's events stands in the ring, so that a successor of this process goes on where it stood. It lies
 * beside the ring in memory that outlives the runtime, a place for each engine: however much one of them brings, it
 * pushes out nothing of another.
 */
export class Journal {
  readonly #ends: Float64Array;
  readonly #fingerprints: BigUint64Array;
  readonly #engine: BigUint64Array;
  #next = 0;
  /** What was at its place: what this engine wrote, what another one did, or nothing at all. */
  readonly found: "ours" | "another's" | "nothing";

  /**
   * @param header the ring's memory before its data
   * @param place the engine's in the list of the instance's engines, below ENGINES_MAX
   * @param address the engine's: what another one has left at this place is forgotten
   */
  constructor(
    header: ArrayBuffer,
    readonly place: number,
    address: string,
  ) {
    const journal = layout.RING_JOURNALS + place * ENTRIES * layout.JOURNAL_ENTRY_BYTES;
    this.#engine = new BigUint64Array(header, layout.RING_ENGINES + place * layout.ENGINE_BYTES, 3);
    this.#ends = new Float64Array(header, journal, ENTRIES * ENTRY_DOUBLES);
    this.#fingerprints = new BigUint64Array(header, journal, ENTRIES * ENTRY_DOUBLES);
    const key = keyOf(address);
    this.found = this.#engine[KEY] === key ? "ours" : this.#engine[KEY] === 0n ? "nothing" : "another's";
    if (this.found === "ours") return;
    // A place that nobody had is empty, and what is not touched costs nothing.
    if (this.found !== "nothing") this.#ends.fill(0);
    this.#engine.fill(0n);
    this.#engine[KEY] = key;
  }

  /** When the stream began, by the engine's clock, ns since 1970; 0 where nothing was written here yet. */
  get began(): bigint {
    return this.#engine[BEGAN] ?? 0n;
  }

  set began(nano: bigint) {
    this.#engine[BEGAN] = nano;
  }

  /** Whether the containers that ran at open have been told of. */
  get snapshotTaken(): boolean {
    return this.#engine[SNAPSHOT] === 1n;
  }

  set snapshotTaken(taken: boolean) {
    this.#engine[SNAPSHOT] = taken ? 1n : 0n;
  }

  /** Notes an event of the engine's that is known and has no record in the ring. */
  know(fingerprint: Fingerprint): void {
    this.append(0, fingerprint);
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

  /**
   * Forgets what never counted, as its writer died before it was visible: the head passes it by what is written now, of
   * other engines too. The next `append` goes behind the newest that is left.
   */
  takeOver(head: number): void {
    for (const { entry } of this.#entries((end) => end > head)) this.#ends[entry * ENTRY_DOUBLES] = 0;
    const newest = this.#entries(() => true).at(-1);
    this.#next = newest === undefined ? 0 : (newest.entry + 1) % ENTRIES;
  }

  /** Adds how the events are known again whose records end above `position`, by where they end. */
  above(position: number, to: Map<number, Fingerprint>): void {
    for (const { end, fingerprint } of this.#entries((end) => end > position)) to.set(end, fingerprint);
  }

  /** The events whose records end at or below `position`, oldest first. */
  read(position: number): ResumePoint {
    const fingerprints = this.#entries((end) => end <= position).map(({ fingerprint }) => fingerprint);
    return { began: this.began, fingerprints };
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

const KEY = layout.ENGINE_KEY / 8;
const BEGAN = layout.ENGINE_BEGAN / 8;
const SNAPSHOT = layout.ENGINE_SNAPSHOT / 8;
