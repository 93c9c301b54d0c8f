/** What of a stream is remembered, so that the next connection goes on where this one stood. */
import { type Line, viewOf } from "../../base/line.ts";
import { HEAD_BYTES, TAIL_BYTES } from "./lines.ts";

/** Twice of what an engine keeps (moby 28.5.2: daemon/events, eventsLimit 256), as it is these that it sends again. */
export const REMEMBERED = 512;

/**
 * How an event is known again: by its time and its line together. The hash is fast and not secret, so that a line can be
 * made that has another's hash: but not at another's time, which is the engine's.
 */
export interface Fingerprint {
  /** Ns since 1970; 0 where a line that is no event does not say it. */
  readonly timeNano: bigint;
  /** 64 bits. */
  readonly hash: bigint;
}

/** The same of a long line, whether it is read whole or not. */
export function hashLine(line: Line): bigint {
  const bytes = viewOf(line);
  if (bytes.length <= HEAD_BYTES + TAIL_BYTES) return Bun.hash.wyhash(bytes);
  return hashLongLine(bytes.subarray(0, HEAD_BYTES), bytes.subarray(-TAIL_BYTES), bytes.length);
}

/** The hash of a long line: of its beginning and its end, and of its length in bytes. */
export function hashLongLine(head: Buffer, tail: Buffer, bytes: number): bigint {
  return Bun.hash.wyhash(tail, Bun.hash.wyhash(head, BigInt(bytes)));
}

/** The engine writes the time last; what of a line's end holds it, bytes. */
const TIME_BYTES = 64;
const TIME = /"timeNano":(\d{1,20})[^"\\]*$/;

/** The time that a line ends with, without parsing it; 0 where it ends in another way. */
export function timeOfLine({ buffer, start, end }: Line): bigint {
  const [, digits = "0"] = TIME.exec(buffer.toString("latin1", Math.max(start, end - TIME_BYTES), end)) ?? [];
  return BigInt(digits);
}

/**
 * Remembers what the stream brought, so that after a cut it goes on where it stood, with nothing twice and nothing
 * missing. An engine that sends one of these events again still has all that came after it: without such an overlap,
 * events may be lost. No time decides here, as clocks step both ways.
 */
export class Resume {
  readonly #times = new BigUint64Array(REMEMBERED);
  readonly #hashes = new BigUint64Array(REMEMBERED);
  #next = 0;
  #count = 0;
  #last: bigint | undefined;

  /** @param fingerprints what was brought before a restart of ours, oldest first */
  constructor(fingerprints: readonly Fingerprint[] = []) {
    for (const fingerprint of fingerprints) this.remember(fingerprint);
  }

  /** Whether no event is known that the engine could send again. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** The time of the event that came last, ns since 1970. */
  get last(): bigint | undefined {
    return this.#last;
  }

  /** The least time of all that is known, ns since 1970: who asks from there on misses none. */
  get least(): bigint | undefined {
    let least: bigint | undefined;
    for (const time of this.#times.subarray(0, this.#count))
      if (time !== 0n && (least === undefined || time < least)) least = time;
    return least;
  }

  /**
   * Whether an event came before.
   * @param time asked for only where the hash is known; 0: the hash alone decides
   */
  knows(hash: bigint, time: () => bigint): boolean {
    for (let i = this.#hashes.indexOf(hash); i >= 0 && i < this.#count; i = this.#hashes.indexOf(hash, i + 1)) {
      const at = time();
      if (at === 0n || this.#times[i] === at) return true;
    }
    return false;
  }

  /** Takes an event as brought. */
  remember({ timeNano, hash }: Fingerprint): void {
    this.#times[this.#next] = timeNano;
    this.#hashes[this.#next] = hash;
    this.#next = (this.#next + 1) % REMEMBERED;
    if (this.#count < REMEMBERED) this.#count++;
    if (timeNano !== 0n) this.#last = timeNano;
  }
}
