import { type DockerEvent, parseEvent } from "../docker/event.ts";
import { additionOf, readFalco } from "../docker/falco.ts";
import type { Mark } from "../docker/resume.ts";
import type { Loss } from "../docker/stream.ts";
import type { Bridge } from "./bridge.ts";
import { layout } from "./layout.ts";
import { EventQueue } from "./queue.ts";
import { recordBound } from "./record.ts";
import type { RingProducer } from "./ring.ts";

/** How soon the ring is looked at again while events wait for room in it, ms. */
const DRAIN_MS = 5;
/** After a drop events are taken again below this share of the queue, so that a loss is one piece and not many. */
const ROOM_AGAIN = 0.75;

/**
 * Where events go: into the ring, and while Falco stands still into a queue, so that the engine's socket is read all
 * the time. Where the queue is full the newest events are dropped, for the oldest are where an attack began, and what
 * is lost then lies in one piece; an event of our own says so at its place in the stream.
 */
export class Outlet {
  readonly #queue = new EventQueue();
  #timer: Timer | undefined;
  #dropped: { count: number; since: bigint; until: bigint } | undefined;

  /** @param announce makes the line of the event that tells of a loss */
  constructor(
    readonly bridge: Bridge,
    readonly ring: RingProducer,
    /** What may wait, bytes. */
    readonly queueBytes: number,
    readonly announce: (loss: Loss) => string,
  ) {}

  /** Writes an event of the engine's (`mark`), or one of our own. What goes into the ring is seen after its `publish`. */
  write(line: Buffer, start: number, end: number, event: DockerEvent, mark: Mark | undefined): void {
    const addition = event.falco === undefined ? "" : additionOf(event.falco);
    if (this.#queue.isEmpty && this.ring.write(line, start, end, event, mark, addition)) return;
    if (recordBound(end - start, event, addition) > layout.RECORD_MAX) {
      this.bridge.count("dropped");
      const { timeNano } = event;
      this.#announce({ reason: "an event is larger than the ring", since: timeNano, until: timeNano, count: 1 });
      return;
    }
    const bound = this.queueBytes * (this.#dropped === undefined ? 1 : ROOM_AGAIN);
    if (mark !== undefined && this.#queue.bytes + (end - start) > bound) {
      this.#drop(event.timeNano);
      return;
    }
    this.#tellOfDrops();
    this.#enqueue(line, start, end, addition, mark?.hash);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #enqueue(line: Buffer, start: number, end: number, addition: string, hash: bigint | undefined): void {
    this.#queue.push(line, start, end, addition, hash);
    this.#timer ??= setInterval(() => this.#drain(), DRAIN_MS);
    this.bridge.gauge("queue_bytes", this.#queue.bytes);
  }

  #drop(timeNano: bigint): void {
    this.bridge.count("dropped");
    this.#dropped ??= { count: 0, since: timeNano, until: timeNano };
    this.#dropped.count++;
    if (timeNano > this.#dropped.until) this.#dropped.until = timeNano;
  }

  #tellOfDrops(): void {
    if (this.#dropped === undefined) return;
    const loss = { reason: "Falco was too slow and the queue was full", ...this.#dropped };
    this.#dropped = undefined;
    this.#announce(loss);
  }

  #announce(loss: Loss): void {
    const line = Buffer.from(this.announce(loss));
    this.#enqueue(line, 0, line.length, "", undefined);
  }

  #drain(): void {
    for (let item = this.#queue.peek(); item !== undefined; item = this.#queue.peek()) {
      const { buffer, start, end, addition, hash } = item;
      const event = parseEvent(buffer.toString("utf8", start, end), "engine");
      const falco = addition === "" ? undefined : readFalco(JSON.parse(addition));
      if (falco !== undefined) event.falco = falco;
      const mark = hash === undefined ? undefined : { timeNano: event.timeNano, hash };
      if (!this.ring.write(buffer, start, end, event, mark, addition)) break;
      this.#queue.shift();
      if (this.#queue.isEmpty) this.#tellOfDrops();
    }
    this.ring.publish();
    this.bridge.gauge("queue_bytes", this.#queue.bytes);
    if (!this.#queue.isEmpty) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
