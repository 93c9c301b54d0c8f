/** The writing end of a ring. */
import { assert } from "../base/assert.ts";
import { bytesOf, type Line } from "../base/line.ts";
import type { Fingerprint } from "../docker/stream/resume.ts";
import type { ResumePoint } from "../docker/stream/stream.ts";
import type { EnrichedEvent } from "../sensor/enrichment.ts";
import { isToldAnew } from "../sensor/snapshot.ts";
import type { Bridge } from "./bridge.ts";
import { Journal } from "./journal.ts";
import { layout } from "./layout.ts";
import { RecordWriter } from "./record.ts";
import { recordBound } from "./record_bound.ts";

/** Events that the journals may hold before they count: so that each always holds some that do. */
const UNSEEN_MAX = layout.JOURNAL_ENTRIES / 2;

/** An event that is on its way to Falco. The bytes are valid as long as nothing else is written or read. */
export interface Waiting {
  readonly line: Line;
  /** What is to be added to the payload; empty for nothing, or where it is there already. */
  readonly addition: string;
  /** How an engine's event is known again; undefined for one of ours, and for one that no engine remembers. */
  readonly hash: Fingerprint["hash"] | undefined;
}

/** The writing end of an instance's ring, with the resume journals of its engines. */
export class RingProducer {
  /** In the order of the engines. */
  readonly journals: readonly Journal[];
  readonly #writer: RecordWriter;
  readonly #data: ArrayBuffer;
  readonly #ended: BigUint64Array;
  readonly #progress: BigUint64Array;
  #head: number;
  #tail: number;
  /** Events in the journals that the host has not seen. */
  #unseen = 0;

  /** @param addresses of the instance's engines, at most ENGINES_MAX */
  constructor(
    readonly bridge: Bridge,
    readonly instance: number,
    addresses: readonly string[],
  ) {
    const { data, header, head } = bridge.ring(instance);
    this.#writer = new RecordWriter(data, 0, true);
    this.#data = data;
    this.#ended = new BigUint64Array(header, layout.RING_ENDED, 1);
    this.#progress = new BigUint64Array(header, layout.RING_PROGRESS, 1);
    this.#head = head;
    this.#tail = bridge.ringTail(instance);
    this.journals = addresses.map((address, place) => new Journal(header, place, address));
    for (const journal of this.journals) journal.takeOver(head);
  }

  /** Where the stream of an engine stood that wrote here before; undefined where there was none. */
  written(journal: Journal): ResumePoint | undefined {
    return journal.began === 0n ? undefined : journal.read(this.#head);
  }

  /**
   * Whether what a process before this one wrote of an engine is gone. Each writes of its engines before it answers that
   * it is open, so another one has wiped it out: then nothing says what has reached Falco.
   */
  isWiped(journal: Journal): boolean {
    if (journal.began !== 0n) return false;
    return journal.found === "ours" || this.journals.every(({ found }) => found === "nothing");
  }

  /** What of an engine's has reached Falco: not what was handed over to it, and that it never went on from. */
  delivered(journal: Journal): ResumePoint {
    return journal.read(this.bridge.ringTail(this.instance));
  }

  /**
   * What lies in the ring and has not reached Falco, oldest first, each with its engine's place, but for what the next
   * open tells of anew.
   */
  *undelivered(): Generator<Waiting & { readonly place: number }> {
    let at = this.bridge.ringTail(this.instance);
    const fingerprints = new Map<number, Fingerprint>();
    for (const journal of this.journals) journal.above(at, fingerprints);
    const bytes = Buffer.from(this.#data);
    const words = new Uint32Array(this.#data);
    while (at < this.#head) {
      const base = at % layout.RING_BYTES;
      const event = base + layout.RECORD_EVENT;
      const start = event + layout.EVENT_PAYLOAD;
      const end = event + (words[(event + layout.EVENT_LENGTH) >>> 2] as number);
      const place = words[(base + layout.RECORD_ENGINE) >>> 2] as number;
      at += words[(base + layout.RECORD_SIZE) >>> 2] as number;
      const hash = fingerprints.get(at)?.hash;
      const line = { buffer: bytes, start, end };
      if (!isToldAnew(hash, line)) yield { line, addition: "", hash, place };
    }
  }

  /** Whether all has been written that will ever be. */
  get ended(): boolean {
    return this.#ended[0] === 1n;
  }

  /** How much of a source that ends has been read, 0 to 1. */
  set progress(share: number) {
    this.#progress[0] = BigInt(Math.floor(share * layout.PROGRESS_MAX));
  }

  /** Tells the host that nothing comes after what has been written. */
  end(): void {
    this.publish();
    this.bridge.ringEnd(this.instance);
  }

  /** Bytes that are free as far as is known: the host may have taken more. */
  get #room(): number {
    return layout.RING_BYTES - (this.#head - this.#tail);
  }

  /**
   * Writes an event's record, seen by the host after `publish` at the latest. False where the ring has no room for it.
   * @param journal of the event's engine
   * @param fingerprint how a successor knows the event again; undefined for an event of our own
   * @param addition the JSON of `event.falco`, empty for none
   */
  write(
    journal: Journal,
    line: Line,
    event: EnrichedEvent,
    fingerprint: Fingerprint | undefined,
    addition: string,
  ): boolean {
    if (this.#room < layout.RING_BYTES / 2) this.#tail = this.bridge.ringTail(this.instance);
    const bound = recordBound(bytesOf(line), event, addition, this.#room);
    if (bound > this.#room) return false;
    // The data is mapped twice in a row, so what runs over the end of the first comes to lie at the beginning.
    const size = this.#writer.write(this.#head % layout.RING_BYTES, line, event, addition, journal.place);
    assert(size <= bound, "a record is no larger than its bound");
    this.#head += size;
    if (fingerprint === undefined) return true;
    journal.append(this.#head, fingerprint);
    // More of them, and one of them might hold nothing that counts if this process died now.
    if (++this.#unseen === UNSEEN_MAX) this.publish();
    return true;
  }

  publish(): void {
    this.#unseen = 0;
    this.bridge.ringPublish(this.instance, this.#head);
  }
}
