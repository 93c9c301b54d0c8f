import type { DockerEvent } from "../docker/event.ts";
import type { Mark } from "../docker/resume.ts";
import type { ResumePoint } from "../docker/stream.ts";
import type { Bridge } from "./bridge.ts";
import { Journal } from "./journal.ts";
import { layout } from "./layout.ts";
import { RecordWriter, recordBound } from "./record.ts";

/** The writing end of an instance's ring, with its resume journal. */
export class RingProducer {
  readonly #writer: RecordWriter;
  readonly #journal: Journal;
  #head: number;
  #tail: number;

  constructor(
    readonly bridge: Bridge,
    readonly instance: number,
  ) {
    const { data, header, head } = bridge.ring(instance);
    this.#writer = new RecordWriter(data);
    this.#journal = new Journal(header);
    this.#head = head;
    this.#tail = bridge.ringTail(instance);
  }

  /** Where the stream that wrote here before stood; undefined in a new ring. */
  get written(): ResumePoint | undefined {
    return this.#journal.began === 0n ? undefined : this.#journal.read(this.#head);
  }

  /** What Falco has taken. */
  get delivered(): ResumePoint {
    return this.#journal.read(this.bridge.ringTail(this.instance));
  }

  /** Whether the containers that ran at open stand in the ring. */
  get snapshotTaken(): boolean {
    return this.#journal.snapshotTaken;
  }

  set snapshotTaken(taken: boolean) {
    this.#journal.snapshotTaken = taken;
  }

  /** Says when the stream that is written here began, by the engine's clock, ns since 1970. */
  set began(nano: bigint) {
    this.#journal.began = nano;
  }

  /** Notes an event of the engine's that is known and has no record here. */
  know(mark: Mark): void {
    this.#journal.append(0, mark);
  }

  /**
   * Writes an event's record, unseen by the host until `publish`. False where the ring has no room for it.
   * @param mark how a successor knows the event again; undefined for an event of our own
   * @param addition the JSON of `event.falco`, empty for none
   */
  write(
    line: Buffer,
    start: number,
    end: number,
    event: DockerEvent,
    mark: Mark | undefined,
    addition: string,
  ): boolean {
    const bound = recordBound(end - start, event, addition);
    if (bound > layout.RING_BYTES - (this.#head - this.#tail)) {
      this.#tail = this.bridge.ringTail(this.instance);
      if (bound > layout.RING_BYTES - (this.#head - this.#tail)) return false;
    }
    // The data is mapped twice in a row, so what runs over the end of the first comes to lie at the beginning.
    this.#head += this.#writer.write(this.#head % layout.RING_BYTES, line, start, end, event, addition);
    if (mark !== undefined) this.#journal.append(this.#head, mark);
    return true;
  }

  publish(): void {
    this.bridge.ringPublish(this.instance, this.#head);
  }
}
