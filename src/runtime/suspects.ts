import type { Trace } from "../docker/trace.ts";
import { layout } from "./layout.ts";

/**
 * A trace in the shared page, which outlives the process. A fingerprint is 64 bits: a hash, and the length, so that none
 * is zero but that of nothing.
 */
export class Suspects implements Trace {
  readonly #now: Uint32Array;
  readonly #bad: ReadonlySet<string>;

  /**
   * @param page the shared page
   * @param now where the fingerprint of what is worked on stands, bytes from the page's start
   * @param bad where those stand that ended a process before; written by the host before this process began
   */
  constructor(page: ArrayBuffer, now: number, bad: number) {
    this.#now = new Uint32Array(page, now, 2);
    const words = new Uint32Array(page, bad, 2 * layout.SUSPECTS_MAX);
    const known = Array.from({ length: layout.SUSPECTS_MAX }, (_, i) => key(words[2 * i], words[2 * i + 1]));
    this.#bad = new Set(known.filter((each) => each !== key(0, 0)));
  }

  begin(what: Uint8Array | string): boolean {
    const hash = Bun.hash.xxHash32(what);
    const length = what.length || 1;
    if (this.#bad.size > 0 && this.#bad.has(key(hash, length))) return false;
    this.#now[0] = hash;
    this.#now[1] = length;
    return true;
  }

  end(): void {
    this.#now[1] = 0;
    this.#now[0] = 0;
  }
}

const key = (hash: number | undefined, length: number | undefined): string => `${hash} ${length}`;
