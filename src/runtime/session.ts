/** An open instance: from an engine's address to events in its ring. */
import type { Debug } from "../base/debug.ts";
import { errorMessage } from "../base/errors.ts";
import type { Line } from "../base/line.ts";
import { RateLimit } from "../base/rate_limit.ts";
import { printable } from "../base/text.ts";
import { later } from "../base/time.ts";
import { Engine, EngineError } from "../docker/client.ts";
import { FALCO, resolveEngine } from "../docker/endpoint.ts";
import { type DockerEvent, writeEvent } from "../docker/event.ts";
import { excludes, hidesChanges, hidesVolumes, includesRunning } from "../docker/filters.ts";
import type { Loss } from "../docker/stream/reader.ts";
import type { Fingerprint } from "../docker/stream/resume.ts";
import type { Bridge } from "../ipc/bridge.ts";
import { RingProducer } from "../ipc/ring.ts";
import { type Config, feedOptions, reachOptions } from "../plugin/config.ts";
import { isTold } from "../plugin/severities.ts";
import type { EnrichedEvent } from "../sensor/enrichment.ts";
import { connectionText, Feed } from "../sensor/feed.ts";
import { lossEvent, lossText } from "../sensor/loss.ts";
import { engineSource } from "../sensor/source.ts";
import { Checkpoint, type Kept } from "./checkpoint.ts";
import { Spool, type Undelivered } from "./spool.ts";
import { EventWriter } from "./writer.ts";

/** How long open waits for a first connection where it need not have one, ms. */
const OPEN_PATIENCE_MS = 2_000;

/** How long open takes at most where it needs a connection, ms; the host waits for 10 s. */
const OPEN_MAX_MS = 9_000;

/** What `promise` comes to, or `error` where that takes more than `ms`. */
function within<T>(ms: number, promise: Promise<T>, error: Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const bound = setTimeout(() => reject(error), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(bound));
  });
}

/** One open instance: the stream of an engine's events, and the way of each into Falco's ring. */
export class Session {
  readonly #engine: Engine;
  readonly #ring: RingProducer;
  readonly #writer: EventWriter;
  readonly #feed: Feed;
  readonly #checkpoint: Checkpoint | undefined;
  /** Whether it was ever connected: until then what the state file says is still needed. */
  #stood = false;
  readonly #badLines = new RateLimit(10, 60_000);
  readonly #connections = new RateLimit(10, 60_000);
  #closed = false;

  /**
   * @param params `open_params`: an engine's address, or empty
   * @param isOneOfSeveral whether engines of others are open beside this one
   * @throws BadAddress
   */
  constructor(
    readonly bridge: Bridge,
    readonly config: Config,
    instance: number,
    params: string,
    isOneOfSeveral: () => boolean,
  ) {
    const debug: Debug = (text) => {
      if (isTold("debug", config.loglevel)) bridge.log("debug", text());
    };
    const { endpoint, name, filters, exclude } = resolveEngine(params, process.env, FALCO, reachOptions(config));
    for (const warning of endpoint.warnings) if (!warned.has(warning)) bridge.log("warning", warning);
    for (const warning of endpoint.warnings) warned.add(warning);
    this.#engine = new Engine(endpoint, bridge.suspects.inspections, debug);
    const { isRemote } = endpoint;
    this.#ring = new RingProducer(bridge, instance);
    this.#writer = new EventWriter(bridge, this.#ring, config.queuebytes, (loss) => {
      this.#feed.tellAgain(loss);
      return writeEvent(this.#announce(loss));
    });
    this.#checkpoint = config.statefile === "" ? undefined : new Checkpoint(config.statefile, this.#engine.address);
    const written = this.#ring.written;
    const kept = written === undefined ? this.#kept() : undefined;
    const spool = new Spool(kept?.spooled ?? Buffer.alloc(0), (why, head) => this.#malformed(why, head));
    // What was not delivered comes from the spool, and is known where the engine sends it again.
    const known =
      kept && !kept.isOpen ? { ...kept, fingerprints: [...kept.fingerprints, ...spool.fingerprints()] } : undefined;
    const resume = written ?? known;
    const options = {
      ...feedOptions(config),
      trace: bridge.suspects.lines,
      resume,
      ...(filters === undefined ? {} : { filters }),
    };
    this.#feed = new Feed(
      engineSource(this.#engine, options),
      this.#engine,
      {
        event: (event, line, fingerprint) => this.#event(event, line, fingerprint),
        malformed: (why, head) => this.#malformed(why, head),
        lost: (loss, fingerprint) => this.#lost(loss, fingerprint),
        known: (fingerprint) => this.#ring.know(fingerprint),
        skipped: (fingerprint) => this.#skipped(fingerprint),
        flush: () => this.#ring.publish(),
        opened: () => {
          this.#ring.began = this.#feed.began;
          if (!this.#stood) this.#checkpoint?.occupy(this.#feed.began);
          this.#stood = true;
          this.#isConnected(true);
        },
        connection: (error, kept) => this.#connection(error, kept),
        snapshotTaken: () => {
          this.#ring.publish();
          this.#ring.snapshotTaken = true;
        },
        // An engine's stream never does.
        ended: () => {},
        warning: (text) => bridge.log("warning", text),
      },
      {
        ...options,
        snapshotTaken: this.#ring.snapshotTaken,
        identified: () => isRemote || name !== undefined || isOneOfSeveral(),
        engineName: name,
        ...(filters === undefined
          ? {}
          : {
              include: includesRunning(filters),
              changesHidden: hidesChanges(filters),
              volumesHidden: hidesVolumes(filters),
            }),
        ...(exclude === undefined ? {} : { exclude: this.#counting(excludes(exclude)) }),
      },
    );
    this.#isConnected(false);
    if (written !== undefined) return;
    this.#ring.began = this.#feed.began;
    for (const fingerprint of kept?.fingerprints ?? []) this.#ring.know(fingerprint);
    this.#writer.restore(spool);
    if (kept?.lost !== undefined) {
      const reason = "Falco ended before it took them, and there was no room to keep them";
      this.#lost({ reason, ...kept.lost }, undefined);
    }
    if (kept?.isOpen) {
      const reason = "Falco and its runtime ended before they could keep their place in the stream";
      // The engine's clock may have stepped back since.
      this.#lost({ reason, since: kept.began, until: later(kept.began, this.#feed.began) }, undefined);
    }
    this.#ring.publish();
  }

  /**
   * Subscribes to the engine's events.
   * @param again the instance was open in a runtime that is gone: keep trying where the engine is not there
   * @throws EngineError
   */
  async open(again: boolean): Promise<void> {
    if (again) return this.#feed.reopen();
    const first = this.#feed.open();
    // The host gives a runtime up that does not answer in time, and with it all other streams.
    if (!this.config.waitforengine)
      return within(OPEN_MAX_MS, first, new EngineError(`the engine at ${this.#engine.address} does not answer`));
    const settled = first.catch((error: EngineError) => {
      // A close ends an attempt that is under way: that is no fault, and nothing to wait for.
      if (this.#closed) return;
      if (error.permanent) throw error;
      this.bridge.log("warning", `${error.message}; waiting for it`);
      this.#feed.reopen();
    });
    await Promise.race([settled, Bun.sleep(OPEN_PATIENCE_MS)]);
    settled.catch((error: EngineError) => this.bridge.log("error", error.message));
  }

  /** Ends a stream that could not be opened: what the next open needs is where it was. */
  abandon(): void {
    this.#end();
  }

  /** Ends the stream, and keeps what a next open of the same engine needs to go on. */
  close(): void {
    const undelivered = this.#end();
    const { count } = undelivered;
    if (this.#checkpoint === undefined) {
      if (count > 0) this.bridge.log("notice", `${count} events that Falco did not take are not kept: no statefile`);
      return;
    }
    try {
      this.#checkpoint.keep(this.#ring.delivered, Date.now(), undelivered);
    } catch (error) {
      if (checkpointWarning.allows())
        this.bridge.log(
          "warning",
          `statefile: ${errorMessage(error)}; a restart of Falco may miss events${count === 0 ? "" : `, ${count} that it did not take among them`}`,
        );
    }
  }

  /** Returns what Falco did not take. */
  #end(): Undelivered {
    this.#closed = true;
    this.#feed.close();
    connected.delete(this);
    this.#showConnected();
    return this.#writer.close(this.#feed.forgets);
  }

  /** What is left out is counted: once an event of the engine's. */
  #counting(isExcluded: (event: DockerEvent) => boolean): (event: DockerEvent) => boolean {
    return (event) => {
      const is = isExcluded(event);
      if (is) this.bridge.count("excluded");
      return is;
    };
  }

  #kept(): Kept | undefined {
    try {
      return this.#checkpoint?.read();
    } catch (error) {
      this.bridge.log("warning", `statefile is not used: ${errorMessage(error)}`);
      return undefined;
    }
  }

  #event(event: EnrichedEvent, line: Line, fingerprint: Fingerprint | undefined): void {
    if (fingerprint !== undefined) this.bridge.count("received");
    if (event.forgedFalco) this.bridge.count("forged");
    if (event.falco?.cut !== undefined) this.bridge.count("cut");
    if (event.falco?.inspected === false) this.bridge.count("uninspected");
    this.bridge.gauge("lag_ms", this.#engine.clock.nowMs - Number(event.timeNano / 1_000_000n));
    this.#writer.write(line, event, fingerprint);
  }

  #skipped(fingerprint: Fingerprint): void {
    this.bridge.count("received");
    this.bridge.count("healthchecks_skipped");
    // Behind what waits it would prove to a successor that nothing before it is missing.
    if (this.#writer.isEmpty) this.#ring.know(fingerprint);
  }

  #malformed(why: string, head: Buffer): void {
    this.bridge.count("malformed");
    if (this.#badLines.allows())
      this.bridge.log("warning", `a line of the engine is no event (${printable(why)}): ${printable(head.toString())}`);
  }

  /** @param fingerprint of the engine's line whose place the announcement takes */
  #lost(loss: Loss, fingerprint: Fingerprint | undefined): void {
    const event = this.#announce(loss);
    this.#writer.write(writeEvent(event), event, fingerprint);
  }

  /** Says a loss in the log and in a metric. Returns the event that says it in the stream. */
  #announce(loss: Loss): DockerEvent {
    this.bridge.count("losses");
    this.bridge.log("error", lossText(loss));
    return lossEvent(loss, this.#engine.address, this.#engine.clock.now);
  }

  #connection(error: EngineError | undefined, kept: boolean): void {
    this.#isConnected(error === undefined);
    if (error === undefined && !kept) this.bridge.count("reconnects");
    if (!this.#connections.allows()) return;
    this.bridge.log(error === undefined ? "notice" : "warning", connectionText(this.#engine.address, error, kept));
  }

  #isConnected(is: boolean): void {
    connected.set(this, is);
    this.#showConnected();
  }

  #showConnected(): void {
    const all = [...connected.values()];
    this.bridge.gauge("connected", all.length > 0 && all.every(Boolean) ? 1 : 0);
  }
}

/** What was said of engines already: once is enough. */
const warned = new Set<string>();

/** Which sessions that are open are connected: the metric is one for all of them. */
const connected = new Map<Session, boolean>();

/** Once an hour, for all instances: what cannot be written now cannot be written in a second either. */
const checkpointWarning = new RateLimit(1, 3_600_000);
