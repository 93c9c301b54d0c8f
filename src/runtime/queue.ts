import type { Mark } from "../docker/resume.ts";

/** What a queued line costs beside its bytes. */
const OVERHEAD_BYTES = 256;

/** A line that waits for room in the ring. */
export interface Queued {
  readonly line: Buffer;
  /** How the engine's event is known again; undefined for an event of our own. */
  readonly mark: Mark | undefined;
}

const cost = ({ line }: Queued): number => line.length + OVERHEAD_BYTES;

/** Events that wait for a Falco that stands still: first in, first out, within a bound in bytes. */
export class EventQueue {
  #items: Queued[] = [];
  #first = 0;
  #bytes = 0;

  constructor(readonly maxBytes: number) {}

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#first === this.#items.length;
  }

  /** Whether a line of so many bytes fits below a share of the bound. */
  hasRoom(lineBytes: number, share: number): boolean {
    return this.#bytes + lineBytes + OVERHEAD_BYTES <= this.maxBytes * share;
  }

  /** Keeps an event, whatever the bound says: what asks `hasRoom` before is the caller. */
  push(item: Queued): void {
    this.#items.push(item);
    this.#bytes += cost(item);
  }

  peek(): Queued | undefined {
    return this.#items[this.#first];
  }

  shift(): void {
    const item = this.#items[this.#first];
    if (item === undefined) return;
    this.#bytes -= cost(item);
    this.#first++;
    if (this.#first === this.#items.length || this.#first >= 4096) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
  }
}
