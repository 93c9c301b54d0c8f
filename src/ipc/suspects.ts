/** What is being worked on, where a process that dies of it leaves it to be read. */
import type { Trace } from "../docker/trace.ts";
import { layout } from "./layout.ts";

/** No hash is zero, which means that nothing is worked on. */
const numberOf = (hash: bigint): bigint => hash || 1n;

/** A trace in the shared page, which outlives the process. */
export class Suspects implements Trace {
  readonly #now: BigUint64Array;
  readonly #bad: ReadonlySet<bigint>;

  /**
   * @param page the shared page
   * @param now where the hash of what is worked on stands, bytes from the page's start
   * @param bad where those stand that ended a process before; written by the host before this process began
   */
  constructor(page: ArrayBuffer, now: number, bad: number) {
    this.#now = new BigUint64Array(page, now, 1);
    this.#bad = new Set(new BigUint64Array(page, bad, layout.SUSPECTS_MAX).filter((each) => each !== 0n));
  }

  begin(hash: bigint): boolean {
    const number = numberOf(hash);
    if (this.#bad.size > 0 && this.#bad.has(number)) return false;
    this.#now[0] = number;
    return true;
  }

  end(): void {
    this.#now[0] = 0n;
  }
}
