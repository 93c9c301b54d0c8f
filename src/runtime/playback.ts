/** An open instance that plays a recording: from a file to events in its ring, and then the end. */
import type { Line } from "../base/line.ts";
import { RateLimit } from "../base/rate_limit.ts";
import { printable } from "../base/text.ts";
import { later } from "../base/time.ts";
import { writeEvent } from "../docker/event.ts";
import type { Loss } from "../docker/stream/reader.ts";
import type { Fingerprint } from "../docker/stream/resume.ts";
import type { Bridge } from "../ipc/bridge.ts";
import type { Journal } from "../ipc/journal.ts";
import { RingProducer } from "../ipc/ring.ts";
import { type Config, feedOptions } from "../plugin/config.ts";
import type { EnrichedEvent } from "../sensor/enrichment.ts";
import { Feed } from "../sensor/feed.ts";
import { lossEvent, lossText } from "../sensor/loss.ts";
import { Recording, recordingAt } from "../sensor/recording.ts";
import type { Lane } from "./lane.ts";
import { EventWriter } from "./writer.ts";

/** How soon it is looked again whether Falco has taken what was read, ms. */
const LOOK_MS = 5;

/**
 * Plays a recording as fast as Falco takes it: nothing is dropped, nobody is asked about what it tells, and each life of
 * Falco begins it anew. A runtime that follows one that died goes on where that stood.
 */
export class Playback {
  readonly #ring: RingProducer;
  readonly #writer: EventWriter;
  readonly #lane: Lane;
  readonly #feed: Feed;
  readonly #badLines = new RateLimit(10, 60_000);
  #closed = false;

  /**
   * @param address of the recording
   */
  constructor(
    readonly bridge: Bridge,
    config: Config,
    instance: number,
    readonly address: string,
  ) {
    const ring = new RingProducer(bridge, instance, [address]);
    const [journal] = ring.journals as [Journal];
    this.#ring = ring;
    this.#writer = new EventWriter(bridge, ring, config.queuebytes);
    this.#lane = this.#writer.lane(journal, (loss) => this.#announce(loss));
    const { fingerprints = [] } = ring.written(journal) ?? {};
    const options = {
      ...feedOptions(config),
      place: Number(fingerprints.map(({ hash }) => hash).reduce(later, 0n)),
      room: () => this.#room(),
      trace: bridge.suspects.lines,
    };
    this.#feed = new Feed(
      (sink) => new Recording(() => recordingAt(address), sink, options),
      undefined,
      {
        event: (event, line, fingerprint) => this.#event(event, line, fingerprint),
        malformed: (why, head) => this.#malformed(why, head),
        lost: (loss, fingerprint) => this.#lost(loss, fingerprint),
        skipped: () => {},
        known: () => {},
        flush: () => {
          ring.publish();
          ring.progress = this.#feed.progress ?? 0;
        },
        opened: () => {
          // Its events have places, and no clock says which of them are new.
          journal.began = 1n;
        },
        connection: () => {},
        snapshotTaken: () => {},
        ended: () => ring.end(),
        warning: (text) => bridge.log("warning", text),
      },
      { ...options, snapshot: false, identified: () => false },
    );
  }

  /**
   * Begins to play.
   * @param again the instance was open in a runtime that is gone
   * @throws BadAddress where there is no such file, and where it cannot be read
   */
  async open(again: boolean): Promise<void> {
    if (this.#ring.ended) return;
    if (again) this.#feed.reopen();
    else await this.#feed.open();
  }

  /** Ends it where it could not be opened. */
  abandon(): void {
    this.close();
  }

  close(): void {
    this.#closed = true;
    this.#feed.close();
    this.#writer.close();
  }

  /** Waits until Falco has taken so much that nothing waits for room in the ring. */
  async #room(): Promise<void> {
    do await Bun.sleep(this.#lane.isEmpty ? 0 : LOOK_MS);
    while (!this.#lane.isEmpty && !this.#closed);
  }

  #event(event: EnrichedEvent, line: Line, fingerprint: Fingerprint | undefined): void {
    this.bridge.count("received");
    if (event.forgedFalco) this.bridge.count("forged");
    if (event.falco?.cut !== undefined) this.bridge.count("cut");
    this.#lane.write(line, event, fingerprint);
  }

  #malformed(why: string, head: Buffer): void {
    this.bridge.count("malformed");
    if (this.#badLines.allows())
      this.bridge.log(
        "warning",
        `a line of ${this.address} is no event (${printable(why)}): ${printable(head.toString())}`,
      );
  }

  #lost(loss: Loss, fingerprint: Fingerprint | undefined): void {
    const event = this.#announce(loss);
    this.#lane.write(writeEvent(event), event, fingerprint);
  }

  /** Says a loss in the log and in a metric. Returns the event that says it, at its time in the recording. */
  #announce(loss: Loss) {
    this.bridge.count("losses");
    this.bridge.log("error", lossText(loss));
    return lossEvent(loss, this.address, loss.until);
  }
}
