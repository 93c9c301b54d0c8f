/** The way of events into the ring, of all engines of an instance: fair turns, and one bound for what waits. */
import type { Loss } from "../docker/stream/reader.ts";
import type { Bridge } from "../ipc/bridge.ts";
import type { Journal } from "../ipc/journal.ts";
import type { RingProducer, Waiting } from "../ipc/ring.ts";
import type { EnrichedEvent } from "../sensor/enrichment.ts";
import { Lane, type Road } from "./lane.ts";

/** How soon the ring is looked at again while events wait for room in it, ms. */
const DRAIN_MS = 5;
/** After a drop events are taken again below this share of the room, so that a loss is one piece and not many. */
const ROOM_AGAIN = 0.75;
/** Where there are several engines, this share of the room is for those that need little of it, in equal parts. */
const RESERVED = 0.25;

/**
 * Lets the lanes into the ring. As long as that has room they go as they come; what had to wait goes by turns, so that
 * behind a flood of one engine's events no event of another waits for all of it. What waits has one bound: where that is
 * reached, who floods has to drop, and each other one still has a part that nobody takes from it.
 */
export class EventWriter implements Road {
  readonly #lanes: Lane[] = [];
  #turn = 0;
  #timer: Timer | undefined;

  /** @param queueBytes what may wait, bytes of all lanes */
  constructor(
    readonly bridge: Bridge,
    readonly ring: RingProducer,
    readonly queueBytes: number,
  ) {}

  /** Adds the way of an engine's events. All are there before the first event. */
  lane(journal: Journal, announce: (loss: Loss) => EnrichedEvent): Lane {
    const lane = new Lane(this, journal, announce);
    this.#lanes.push(lane);
    return lane;
  }

  hasRoom(held: number, more: number, isDropping: boolean): boolean {
    const share = isDropping ? ROOM_AGAIN : 1;
    const count = this.#lanes.length;
    const reserved = count === 1 ? 0 : this.queueBytes * RESERVED;
    if (held + more <= (reserved / count) * share) return true;
    let all = 0;
    for (const { queued } of this.#lanes) all += queued;
    return all + more <= (this.queueBytes - reserved) * share;
  }

  wait(): void {
    this.#timer ??= setInterval(() => this.#drain(), DRAIN_MS);
    this.#showBytes();
  }

  /** Ends it. Returns what of each lane's is in the ring and has not reached Falco. */
  close(): Map<Lane, Waiting[]> {
    clearInterval(this.#timer);
    const left = new Map(this.#lanes.map((lane) => [lane, [] as Waiting[]]));
    for (const event of this.ring.undelivered()) {
      const lane = this.#lanes[event.place] ?? this.#lanes[0];
      if (lane !== undefined) left.get(lane)?.push(event);
    }
    return left;
  }

  #showBytes(): void {
    let all = 0;
    for (const { bytes } of this.#lanes) all += bytes;
    this.bridge.gauge("queue_bytes", all);
  }

  /** Lets one of each lane go in turn, until nothing waits or the ring is full; that one is the first next time. */
  #drain(): void {
    let empty = 0;
    while (empty < this.#lanes.length) {
      const lane = this.#lanes[this.#turn] as Lane;
      if (lane.isEmpty) empty++;
      else if (lane.next()) empty = 0;
      else break;
      this.#turn = (this.#turn + 1) % this.#lanes.length;
    }
    this.ring.publish();
    this.#showBytes();
    if (empty < this.#lanes.length) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
