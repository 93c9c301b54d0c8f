import type { DockerEvent } from "../docker/event.ts";
import type { Bridge } from "./bridge.ts";
import { layout } from "./layout.ts";
import { RecordWriter, recordBound } from "./record.ts";

/** The writing end of an instance's ring. */
export class RingProducer {
  readonly #writer: RecordWriter;
  #head: number;
  #tail: number;

  constructor(
    readonly bridge: Bridge,
    readonly instance: number,
  ) {
    const { memory, head } = bridge.ring(instance);
    this.#writer = new RecordWriter(memory);
    this.#head = head;
    this.#tail = bridge.ringTail(instance);
  }

  /** Writes an event's record, unseen by the host until `publish`. False where the ring has no room for it. */
  write(line: Buffer, start: number, end: number, event: DockerEvent): boolean {
    const bound = recordBound(end - start, event);
    if (bound > layout.RING_BYTES - (this.#head - this.#tail)) {
      this.#tail = this.bridge.ringTail(this.instance);
      if (bound > layout.RING_BYTES - (this.#head - this.#tail)) return false;
    }
    // The data is mapped twice in a row, so what runs over the end of the first comes to lie at the beginning.
    this.#head += this.#writer.write(this.#head % layout.RING_BYTES, line, start, end, event);
    return true;
  }

  publish(): void {
    this.bridge.ringPublish(this.instance, this.#head);
  }
}
