/** One engine of an open instance: from its address to events in the instance's ring. */
import { errorMessage } from "../base/errors.ts";
import type { Line } from "../base/line.ts";
import { RateLimit } from "../base/rate_limit.ts";
import { printable } from "../base/text.ts";
import { isoTime, later } from "../base/time.ts";
import type { Budget } from "../docker/budget.ts";
import { Engine } from "../docker/client.ts";
import type { WantedEngine } from "../docker/endpoint.ts";
import type { EngineError } from "../docker/engine_error.ts";
import { type DockerEvent, writeEvent } from "../docker/event.ts";
import { excludes, hidesChanges, hidesVolumes, includesRunning } from "../docker/filters.ts";
import type { Loss } from "../docker/stream/reader.ts";
import type { Fingerprint } from "../docker/stream/resume.ts";
import type { ResumePoint } from "../docker/stream/stream.ts";
import type { Bridge } from "../ipc/bridge.ts";
import type { Journal } from "../ipc/journal.ts";
import type { RingProducer, Waiting } from "../ipc/ring.ts";
import { type Config, feedOptions } from "../plugin/config.ts";
import { isTold, type Severity } from "../plugin/severities.ts";
import type { EnrichedEvent } from "../sensor/enrichment.ts";
import { connectionText, Feed } from "../sensor/feed.ts";
import { lossEvent, lossText } from "../sensor/loss.ts";
import { engineSource } from "../sensor/source.ts";
import { Checkpoint, type Kept } from "./checkpoint.ts";
import { showConnected } from "./connections.ts";
import type { Lane } from "./lane.ts";
import { Spool, type SpoolRoom, type Undelivered } from "./spool.ts";
import type { EventWriter } from "./writer.ts";

/** What the engines of an instance have in common. */
export interface Shared {
  readonly bridge: Bridge;
  readonly config: Config;
  readonly ring: RingProducer;
  readonly writer: EventWriter;
  /** Lines that wait for an answer about them. */
  readonly waiting: Budget;
  /** For how long the instance was open in runtimes that are gone, s; 0: it is opened now. */
  readonly openFor: number;
  /** How many engines the instance has. */
  readonly engines: number;
  /** Connections for the questions of each. */
  readonly questions: number;
  /** Whether events say which engine they are from, as there are several. */
  readonly isOneOfSeveral: () => boolean;
}

/** The events of one engine, and the way of each into the instance's ring. */
export class Watch {
  readonly #engine: Engine;
  readonly #lane: Lane;
  readonly #feed: Feed;
  readonly #checkpoint: Checkpoint | undefined;
  /** Whether it was ever connected: until then what the state file says is still needed. */
  #stood = false;
  readonly #badLines = new RateLimit(10, 60_000);
  readonly #connections = new RateLimit(10, 60_000);
  #closed = false;

  /**
   * Goes on where the engine was left: by an earlier runtime in the ring, by an earlier Falco in the state file.
   * @param journal the engine's in the ring
   */
  constructor(
    readonly shared: Shared,
    readonly wanted: WantedEngine,
    readonly journal: Journal,
  ) {
    const { bridge, config, ring, writer } = shared;
    const { endpoint, name, filters, exclude } = wanted;
    for (const warning of endpoint.warnings) if (!warned.has(warning)) bridge.log("warning", warning);
    for (const warning of endpoint.warnings) warned.add(warning);
    const debug = (text: () => string) => {
      if (isTold("debug", bridge.logLevel)) this.#log("debug", text());
    };
    this.#engine = new Engine(endpoint, bridge.suspects.inspections, debug, shared.questions);
    this.#lane = writer.lane(journal, (loss) => {
      this.#feed.tellAgain(loss);
      return this.#announce(loss);
    });
    this.#checkpoint = config.statefile === "" ? undefined : new Checkpoint(config.statefile, this.address);
    const written = ring.written(journal);
    const kept = written === undefined ? this.#kept() : undefined;
    const spool = new Spool(kept?.spooled ?? Buffer.alloc(0), (why, head) => this.#malformed(why, head));
    // What was not delivered comes from the spool, and is known where the engine sends it again.
    const wiped = written === undefined && kept === undefined ? this.#wiped() : undefined;
    const known =
      kept && !kept.isOpen ? { ...kept, fingerprints: [...kept.fingerprints, ...spool.fingerprints()] } : undefined;
    const options = {
      ...feedOptions(config),
      trace: bridge.suspects.lines,
      resume: written ?? known ?? wiped,
      ...(filters === undefined ? {} : { filters }),
    };
    this.#feed = new Feed(
      engineSource(this.#engine, options),
      this.#engine,
      {
        event: (event, line, fingerprint) => this.#event(event, line, fingerprint),
        malformed: (why, head) => this.#malformed(why, head),
        lost: (loss, fingerprint) => this.#lost(loss, fingerprint),
        known: (fingerprint) => journal.know(fingerprint),
        skipped: (fingerprint) => this.#skipped(fingerprint),
        flush: () => ring.publish(),
        opened: () => {
          journal.began = this.#feed.began;
          if (!this.#stood) this.#occupy();
          this.#stood = true;
          this.#isConnected(true);
        },
        connection: (error, kept) => this.#connection(error, kept),
        snapshotTaken: () => {
          ring.publish();
          journal.snapshotTaken = true;
        },
        // An engine's stream never does.
        ended: () => {},
        warning: (text) => this.#log("warning", text),
      },
      {
        ...options,
        waiting: shared.waiting,
        engines: shared.engines,
        snapshotTaken: journal.snapshotTaken,
        identified: () => endpoint.isRemote || name !== undefined || shared.isOneOfSeveral(),
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
    if (written === undefined) this.#restore(kept, spool);
  }

  get address(): string {
    return this.wanted.endpoint.address;
  }

  /**
   * Subscribes to the engine's events.
   * @throws EngineError
   */
  open(): Promise<void> {
    return this.#feed.open();
  }

  /** Subscribes, and keeps trying until it is closed. */
  reopen(): void {
    this.#feed.reopen();
  }

  /** Goes on trying after a first attempt that failed, which is said, unless a close has ended it. */
  waitFor(error: EngineError): void {
    if (this.#closed) return;
    this.#log(error.permanent ? "error" : "warning", `${error.message}; waiting for it`);
    this.#feed.reopen();
  }

  /** Ends the stream. */
  end(): void {
    this.#closed = true;
    this.#feed.close();
    showConnected(this.shared.bridge, this, undefined);
  }

  /**
   * What of the events has not reached Falco, once the stream has ended.
   * @param inRing what is in the ring, of each engine
   */
  undelivered(inRing: ReadonlyMap<Lane, readonly Waiting[]>, room: SpoolRoom): Undelivered {
    return this.#lane.close(inRing.get(this.#lane) ?? [], this.#feed.forgets, room);
  }

  /** Keeps what the next open of the same engine needs to go on. */
  keep(undelivered: Undelivered): void {
    const { count } = undelivered;
    if (this.#checkpoint === undefined) {
      if (count > 0) this.#log("notice", `${count} events that Falco did not take are not kept: no statefile`);
      return;
    }
    try {
      this.#checkpoint.keep(this.shared.ring.delivered(this.journal), Date.now(), undelivered);
    } catch (error) {
      this.#unkept(error, count);
    }
  }

  /** Said at once, and not at a close only, which a Falco that is killed never comes to. */
  #occupy(): void {
    try {
      this.#checkpoint?.occupy(this.#feed.began);
    } catch (error) {
      this.#unkept(error, 0);
    }
  }

  /** @param count events that Falco did not take and that nobody keeps */
  #unkept(error: unknown, count: number): void {
    // Events that are lost for good are told of in any case.
    if (!checkpointWarning.allows() && count === 0) return;
    const those = count === 0 ? "" : `, ${count} that it did not take among them`;
    this.#log("warning", `statefile: ${errorMessage(error)}; a restart of Falco may miss events${those}`);
  }

  /** Takes what an earlier Falco has left. */
  #restore(kept: Kept | undefined, spool: Spool): void {
    const { journal } = this;
    journal.began = this.#feed.began;
    for (const fingerprint of kept?.fingerprints ?? []) journal.know(fingerprint);
    this.#lane.restore(spool);
    if (kept?.lost !== undefined) {
      const reason = "Falco ended before it took them, and there was no room to keep them";
      this.#lost({ reason, ...kept.lost }, undefined);
    }
    if (kept?.isOpen) {
      const reason = "Falco and its runtime ended before they could keep their place in the stream";
      // The engine's clock may have stepped back since.
      this.#lost({ reason, since: kept.began, until: later(kept.began, this.#feed.began) }, undefined);
    }
    this.shared.ring.publish();
  }

  /** A line of the log, which says the engine where there are several and the text does not. */
  #log(severity: Severity, text: string): void {
    const { bridge, engines } = this.shared;
    bridge.log(severity, engines === 1 || text.includes(this.address) ? text : `${this.address}: ${text}`);
  }

  /** What is left out is counted: once an event of the engine's. */
  #counting(isExcluded: (event: DockerEvent) => boolean): (event: DockerEvent) => boolean {
    return (event) => {
      const is = isExcluded(event);
      if (is) this.shared.bridge.count("excluded");
      return is;
    };
  }

  /** Where to go on after a runtime that left nothing: at the open, of which nothing says what has reached Falco. */
  #wiped(): ResumePoint | undefined {
    const { openFor, ring } = this.shared;
    if (openFor === 0 || !ring.isWiped(this.journal)) return undefined;
    const began = this.#engine.clock.now - BigInt(openFor) * 1_000_000_000n;
    this.#log(
      "error",
      `the runtime before this one has left no trace of what it brought: what the engine still has since ${isoTime(began)} comes, some of it twice`,
    );
    return { began, fingerprints: [] };
  }

  #kept(): Kept | undefined {
    try {
      return this.#checkpoint?.read();
    } catch (error) {
      this.#log("warning", `statefile is not used: ${errorMessage(error)}`);
      return undefined;
    }
  }

  #event(event: EnrichedEvent, line: Line, fingerprint: Fingerprint | undefined): void {
    const { bridge } = this.shared;
    if (fingerprint !== undefined) bridge.count("received");
    if (event.forgedFalco) bridge.count("forged");
    if (event.falco?.cut !== undefined) bridge.count("cut");
    if (event.falco?.inspected === false) bridge.count("uninspected");
    bridge.gauge("lag_ms", this.#engine.clock.nowMs - Number(event.timeNano) / 1e6);
    this.#lane.write(line, event, fingerprint);
  }

  #skipped(fingerprint: Fingerprint): void {
    this.shared.bridge.count("received");
    this.shared.bridge.count("healthchecks_skipped");
    // Behind what waits it would prove to a successor that nothing before it is missing.
    if (this.#lane.isEmpty) this.journal.know(fingerprint);
  }

  #malformed(why: string, head: Buffer): void {
    this.shared.bridge.count("malformed");
    if (this.#badLines.allows())
      this.#log("warning", `a line of the engine is no event (${printable(why)}): ${printable(head.toString())}`);
  }

  /** @param fingerprint of the engine's line whose place the announcement takes */
  #lost(loss: Loss, fingerprint: Fingerprint | undefined): void {
    const event = this.#announce(loss);
    this.#lane.write(writeEvent(event), event, fingerprint);
  }

  /** Says a loss in the log and in a metric. Returns the event that says it in the stream. */
  #announce(loss: Loss): EnrichedEvent {
    this.shared.bridge.count("losses");
    this.#log("error", lossText(loss));
    const event = lossEvent(loss, this.address, this.#engine.clock.now);
    const engine = this.#feed.identity;
    return engine === undefined ? event : { ...event, falco: { engine } };
  }

  #connection(error: EngineError | undefined, kept: boolean): void {
    this.#isConnected(error === undefined);
    if (error === undefined && !kept) this.shared.bridge.count("reconnects");
    if (!this.#connections.allows()) return;
    this.#log(error === undefined ? "notice" : "warning", connectionText(this.address, error, kept));
  }

  #isConnected(is: boolean): void {
    if (!this.#closed) showConnected(this.shared.bridge, this, is);
  }
}

/** What was said of engines already: once is enough. */
const warned = new Set<string>();

/** Once an hour, for all engines: what cannot be written now cannot be written in a second either. */
const checkpointWarning = new RateLimit(1, 3_600_000);
