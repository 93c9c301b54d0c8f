/** The way of events into the ring, and where they wait while Falco stands still. */
import { bytesOf, type Line, textOf } from "../base/line.ts";
import type { Loss } from "../docker/stream/reader.ts";
import type { Fingerprint } from "../docker/stream/resume.ts";
import type { Bridge } from "../ipc/bridge.ts";
import { layout } from "../ipc/layout.ts";
import { recordBound } from "../ipc/record_bound.ts";
import type { RingProducer, Waiting } from "../ipc/ring.ts";
import { additionOf, type EnrichedEvent, parseEnriched, readEnrichment } from "../sensor/enrichment.ts";
import { isToldAnew } from "../sensor/snapshot.ts";
import { SpillQueue } from "./spill_queue.ts";
import { SPOOL_MS, type Spool, timeOf, type Undelivered } from "./spool.ts";

/** How soon the ring is looked at again while events wait for room in it, ms. */
const DRAIN_MS = 5;
/** After a drop events are taken again below this share of the queue, so that a loss is one piece and not many. */
const ROOM_AGAIN = 0.75;

/**
 * Where events go: into the ring, and while Falco stands still into a queue, so that the engine's socket is read all
 * the time. Where the queue is full the newest events are dropped, for the oldest are where an attack began, and what
 * is lost then lies in one piece; an event of our own says so at its place in the stream.
 */
export class EventWriter {
  readonly #queue = new SpillQueue();
  /** How many events are in the queue that the next open does not tell of anew, and the time of the newest. */
  #queued = 0;
  #newest = 0n;
  /** What an earlier Falco did not take, before all else. */
  #spool: Spool | undefined;
  #timer: Timer | undefined;
  #dropped: { count: number; since: bigint; until: bigint } | undefined;

  /** @param announce makes the line of the event that tells of a loss */
  constructor(
    readonly bridge: Bridge,
    readonly ring: RingProducer,
    /** What may wait, bytes. */
    readonly queueBytes: number,
    readonly announce: (loss: Loss) => Line,
  ) {}

  /** Writes an event of the engine's (`fingerprint`), or one of our own. What goes into the ring is seen after its `publish`. */
  write(line: Line, event: EnrichedEvent, fingerprint: Fingerprint | undefined): void {
    const addition = event.falco === undefined ? "" : additionOf(event.falco);
    if (this.isEmpty && this.ring.write(line, event, fingerprint, addition)) return;
    if (this.#isTooLarge(bytesOf(line), event, addition)) return;
    const bound = this.queueBytes * (this.#dropped === undefined ? 1 : ROOM_AGAIN);
    if (fingerprint !== undefined && this.#queue.bytes + bytesOf(line) > bound) {
      this.#drop(event.timeNano);
      return;
    }
    this.#tellOfDrops();
    this.#enqueue(line, addition, event.timeNano, fingerprint?.hash);
  }

  /** Lets what an earlier Falco did not take go first. Called once, before any `write`. */
  restore(spool: Spool): void {
    this.#spool = spool;
    this.#drain();
    if (!this.isEmpty) this.#wait();
  }

  /**
   * Ends it.
   * @param forgotten whether the engine keeps its last events only
   * @returns what has not reached Falco: what is in the ring, and what waits for room in it
   */
  close(forgotten: boolean): Undelivered {
    const until = performance.now() + SPOOL_MS;
    this.#tellOfDrops();
    clearInterval(this.#timer);
    const before = [...this.ring.undelivered(), ...(this.#spool?.rest() ?? [])];
    const queue = this.#takeQueue();
    const events = (function* () {
      yield* before;
      yield* queue;
    })();
    const [first] = before;
    const last = before.at(-1);
    const newest = this.#queued > 0 || last === undefined ? this.#newest : timeOf(last);
    const oldest = first === undefined ? newest : timeOf(first);
    return { count: before.length + this.#queued, oldest, newest, forgotten, until, events };
  }

  /** Whether nothing waits for room in the ring. */
  get isEmpty(): boolean {
    return this.#spool === undefined && this.#queue.isEmpty;
  }

  /** What waits in the queue, which is empty then. */
  *#takeQueue(): Generator<Waiting> {
    for (let item = this.#queue.peek(); item !== undefined; this.#queue.shift(), item = this.#queue.peek())
      if (!isToldAnew(item.hash, item.line)) yield item;
  }

  #enqueue(line: Line, addition: string, timeNano: bigint, hash: Fingerprint["hash"] | undefined): void {
    this.#queue.push(line, addition, hash);
    if (!isToldAnew(hash, line)) this.#queued++;
    if (timeNano > this.#newest) this.#newest = timeNano;
    this.#wait();
  }

  #wait(): void {
    this.#timer ??= setInterval(() => this.#drain(), DRAIN_MS);
    this.#showBytes();
  }

  #showBytes(): void {
    this.bridge.gauge("queue_bytes", this.#queue.bytes + (this.#spool?.left ?? 0));
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
    this.#enqueue(this.announce(loss), "", loss.until, undefined);
  }

  #drain(): void {
    if (this.#drainSpool()) this.#drainQueue();
    this.ring.publish();
    this.#showBytes();
    if (!this.isEmpty) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Whether no ring could hold an event: then it is dropped, which is told. */
  #isTooLarge(bytes: number, event: EnrichedEvent, addition: string): boolean {
    if (recordBound(bytes, event, addition) <= layout.RECORD_MAX) return false;
    this.bridge.count("dropped");
    const { timeNano } = event;
    this.#announce({ reason: "an event is larger than the ring", since: timeNano, until: timeNano, count: 1 });
    return true;
  }

  /** Whether nothing of the spool is left. */
  #drainSpool(): boolean {
    const spool = this.#spool;
    for (let item = spool?.peek(); item !== undefined; spool?.shift(), item = spool?.peek()) {
      const { event, line, fingerprint } = item;
      // What was added to it stands in its payload already.
      if (this.ring.write(line, event, fingerprint, "")) continue;
      if (!this.#isTooLarge(bytesOf(line), event, "")) return false;
    }
    this.#spool = undefined;
    return true;
  }

  #drainQueue(): void {
    for (let item = this.#queue.peek(); item !== undefined; item = this.#queue.peek()) {
      const { line, addition, hash } = item;
      const event = parseEnriched(textOf(line), "engine");
      const falco = addition === "" ? undefined : readEnrichment(JSON.parse(addition));
      if (falco !== undefined) event.falco = falco;
      const fingerprint = hash === undefined ? undefined : { timeNano: event.timeNano, hash };
      if (!this.ring.write(line, event, fingerprint, addition)) break;
      if (!isToldAnew(hash, line)) this.#queued--;
      this.#queue.shift();
      if (this.#queue.isEmpty) this.#tellOfDrops();
    }
  }
}
