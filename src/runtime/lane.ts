/** The way of one engine's events into the ring, and where they wait while Falco stands still. */
import { bytesOf, type Line, textOf } from "../base/line.ts";
import { writeEvent } from "../docker/event.ts";
import type { Loss } from "../docker/stream/reader.ts";
import type { Fingerprint } from "../docker/stream/resume.ts";
import type { Bridge } from "../ipc/bridge.ts";
import type { Journal } from "../ipc/journal.ts";
import { layout } from "../ipc/layout.ts";
import { recordBound } from "../ipc/record_bound.ts";
import type { RingProducer, Waiting } from "../ipc/ring.ts";
import { additionOf, type EnrichedEvent, parseEnriched, readEnrichment } from "../sensor/enrichment.ts";
import { isToldAnew } from "../sensor/snapshot.ts";
import { SpillQueue } from "./spill_queue.ts";
import { type Spool, type SpoolRoom, timeOf, type Undelivered } from "./spool.ts";

/** The JSON of what is added to an event; empty for nothing. */
const addedTo = ({ falco }: EnrichedEvent): string => (falco === undefined ? "" : additionOf(falco));

/** What the lanes of an instance share. */
export interface Road {
  readonly bridge: Bridge;
  readonly ring: RingProducer;
  /**
   * Whether an event may wait beside what waits already.
   * @param held bytes of the lane's that wait
   * @param more bytes of the event
   * @param isDropping whether the lane drops: then there has to be some more room before it takes anything again
   */
  hasRoom(held: number, more: number, isDropping: boolean): boolean;
  /** Says that something waits. */
  wait(): void;
}

/**
 * Where an engine's events go: into the ring, and while Falco stands still into a queue, so that the engine's socket is
 * read all the time. Where there is no room for more, the newest are dropped, for the oldest are where an attack began,
 * and what is lost then lies in one piece; an event of our own says so at its place in the stream.
 */
export class Lane {
  readonly #queue = new SpillQueue();
  /** How many events are in the queue that the next open does not tell of anew, and the time of the newest. */
  #queued = 0;
  #newest = 0n;
  /** What an earlier Falco did not take, before all else. */
  #spool: Spool | undefined;
  #dropped: { count: number; since: bigint; until: bigint } | undefined;

  /** @param announce says a loss, and makes the event that tells of it in the stream */
  constructor(
    readonly road: Road,
    readonly journal: Journal,
    readonly announce: (loss: Loss) => EnrichedEvent,
  ) {}

  /** Whether nothing waits for room in the ring. */
  get isEmpty(): boolean {
    return this.#spool === undefined && this.#queue.isEmpty;
  }

  /** Bytes of the events of this life that wait. */
  get queued(): number {
    return this.#queue.bytes;
  }

  /** Bytes of all that waits. */
  get bytes(): number {
    return this.#queue.bytes + (this.#spool?.left ?? 0);
  }

  /** Writes an event of the engine's (`fingerprint`), or one of our own. What goes into the ring is seen after its `publish`. */
  write(line: Line, event: EnrichedEvent, fingerprint: Fingerprint | undefined): void {
    const addition = addedTo(event);
    if (this.isEmpty && this.road.ring.write(this.journal, line, event, fingerprint, addition)) return;
    if (this.#isTooLarge(bytesOf(line), event, addition)) return;
    const isDropping = this.#dropped !== undefined;
    if (fingerprint !== undefined && !this.road.hasRoom(this.#queue.bytes, bytesOf(line), isDropping)) {
      this.#drop(event.timeNano);
      return;
    }
    this.#tellOfDrops();
    this.#enqueue(line, addition, event.timeNano, fingerprint?.hash);
  }

  /** Lets what an earlier Falco did not take go first. Called once, before any `write`. */
  restore(spool: Spool): void {
    this.#spool = spool;
    while (this.#spool !== undefined && this.next());
    if (!this.isEmpty) this.road.wait();
  }

  /** Lets the first that waits go on. False where the ring has no room for it. */
  next(): boolean {
    return this.#spool === undefined ? this.#nextOfQueue() : this.#nextOfSpool(this.#spool);
  }

  /**
   * Ends it.
   * @param inRing what of the engine's is in the ring and has not reached Falco
   * @param forgotten whether the engine keeps its last events only
   * @returns what has not reached Falco: that, and what waits for room in the ring
   */
  close(inRing: readonly Waiting[], forgotten: boolean, room: SpoolRoom): Undelivered {
    this.#tellOfDrops();
    const before = [...inRing, ...(this.#spool?.rest() ?? [])];
    const queue = this.#takeQueue();
    const events = (function* () {
      yield* before;
      yield* queue;
    })();
    const [first] = before;
    const last = before.at(-1);
    const newest = this.#queued > 0 || last === undefined ? this.#newest : timeOf(last);
    const oldest = first === undefined ? newest : timeOf(first);
    return { count: before.length + this.#queued, oldest, newest, forgotten, room, events };
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
    this.road.wait();
  }

  #drop(timeNano: bigint): void {
    this.road.bridge.count("dropped");
    this.#dropped ??= { count: 0, since: timeNano, until: timeNano };
    this.#dropped.count++;
    if (timeNano > this.#dropped.until) this.#dropped.until = timeNano;
  }

  #tellOfDrops(): void {
    if (this.#dropped === undefined) return;
    const loss = { reason: "Falco was too slow and the queue was full", ...this.#dropped };
    this.#dropped = undefined;
    this.#tell(loss);
  }

  #tell(loss: Loss): void {
    const event = this.announce(loss);
    this.#enqueue(writeEvent(event), addedTo(event), loss.until, undefined);
  }

  /** Whether no ring could hold an event: then it is dropped, which is told. */
  #isTooLarge(bytes: number, event: EnrichedEvent, addition: string): boolean {
    if (recordBound(bytes, event, addition) <= layout.RECORD_MAX) return false;
    this.road.bridge.count("dropped");
    const { timeNano } = event;
    this.#tell({ reason: "an event is larger than the ring", since: timeNano, until: timeNano, count: 1 });
    return true;
  }

  #nextOfSpool(spool: Spool): boolean {
    const item = spool.peek();
    if (item === undefined) {
      this.#spool = undefined;
      return true;
    }
    const { event, line, fingerprint } = item;
    // What was added to it stands in its payload already.
    const isWritten = this.road.ring.write(this.journal, line, event, fingerprint, "");
    if (!isWritten && !this.#isTooLarge(bytesOf(line), event, "")) return false;
    spool.shift();
    return true;
  }

  #nextOfQueue(): boolean {
    const item = this.#queue.peek();
    if (item === undefined) return true;
    const { line, addition, hash } = item;
    const event = parseEnriched(textOf(line), "engine");
    const falco = addition === "" ? undefined : readEnrichment(JSON.parse(addition));
    if (falco !== undefined) event.falco = falco;
    const fingerprint = hash === undefined ? undefined : { timeNano: event.timeNano, hash };
    if (!this.road.ring.write(this.journal, line, event, fingerprint, addition)) return false;
    if (!isToldAnew(hash, line)) this.#queued--;
    this.#queue.shift();
    if (this.#queue.isEmpty) this.#tellOfDrops();
    return true;
  }
}
