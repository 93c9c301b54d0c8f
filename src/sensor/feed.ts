/**
 * The events of an engine as rules want them: first what runs already, then all that happens, in order, each with what
 * was found out about it.
 */

import { bytesOf, copyOf, type Line } from "../base/line.ts";
import type { Budget } from "../docker/budget.ts";
import type { Engine } from "../docker/client.ts";
import { EngineError } from "../docker/engine_error.ts";
import { type DockerEvent, writeEvent } from "../docker/event.ts";
import type { Loss } from "../docker/stream/reader.ts";
import type { Fingerprint } from "../docker/stream/resume.ts";
import type { Truncation } from "../docker/stream/truncation.ts";
import { NO_TRACE, type Trace } from "../docker/trace.ts";
import { claim, type EngineIdentity, type EnrichedEvent, withMore } from "./enrichment.ts";
import { healthcheckOf } from "./healthcheck.ts";
import { Identity } from "./identity.ts";
import { changesFacts, Inspector } from "./inspector.ts";
import { Sequencer } from "./sequencer.ts";
import { Snapshot } from "./snapshot.ts";
import type { OpenSource, Source } from "./source.ts";

/** How long the events that happen are held back for those that tell what runs already, ms. */
const SNAPSHOT_MAX_MS = 5_000;
/** How long events are held back for what the engine says of itself, ms. */
const IDENTITY_MAX_MS = 1_000;

/** What the feed tells whoever reads it; everything in order. */
export interface FeedSink {
  /**
   * An event; `event.falco` is what is added to its line. The line's bytes are valid only during the call.
   * @param fingerprint how the engine's own event is known again; undefined for one of ours
   */
  event(event: EnrichedEvent, line: Line, fingerprint: Fingerprint | undefined): void;
  /** A line of the engine's that is not delivered, and has to be known when it comes again. */
  known(fingerprint: Fingerprint): void;
  /** An event of the engine's that is left out, in its turn, and has to be known when it comes again. */
  skipped(fingerprint: Fingerprint): void;
  /** A line that is no event, with its first bytes. */
  malformed(why: string, head: Buffer): void;
  /**
   * Events that never will come.
   * @param fingerprint how the engine's line is known again that was passed over, if it is one
   */
  lost(loss: Loss, fingerprint?: Fingerprint): void;
  /** What came in one piece has been handed over. */
  flush(): void;
  /** Connected, for the first time or again. */
  opened(): void;
  /** As of the stream: the connection is in trouble (`error`), or well again (undefined). */
  connection(error: EngineError | undefined, kept: boolean): void;
  /** What runs already has been told. */
  snapshotTaken(): void;
  /** The source has no more, and all of it has been told. */
  ended(): void;
  /** Something that a person should know, and that costs no event. */
  warning(text: string): void;
}

export interface FeedOptions {
  /** How containers are asked about; undefined: not at all. */
  readonly inspect: { readonly timeout: number; readonly sensitive: readonly string[] } | undefined;
  /** Whether the execs of health checks are left out. */
  readonly skipHealthchecks: boolean;
  /** Whether what runs already is told of, at the first connection and after a loss; needs `inspect`. */
  readonly snapshot: boolean;
  /** What ran at the first connection was told of by who opened the same stream before. */
  readonly snapshotTaken?: boolean;
  /** Whether an event says which engine it is from. */
  readonly identified: () => boolean;
  /** What the engine is called, in place of what it says itself. */
  readonly engineName?: string | undefined;
  /** Whether the engine may not tell what changes containers, as it is asked for other events. */
  readonly changesHidden?: boolean;
  /** Whether it may not tell what changes volumes. */
  readonly volumesHidden?: boolean;
  /** Whether what runs already is wanted, by the event that would tell of it; absent: all of it. */
  readonly include?: (event: DockerEvent) => boolean;
  /** Whether an event of the engine's is left out; absent: none is. */
  readonly exclude?: (event: DockerEvent) => boolean;
  /** How many engines share the memory for what is found out; absent: this one has all of it. */
  readonly engines?: number;
  /** Where the bytes of lines count that wait for an answer, with those of other feeds; absent: they have their own. */
  readonly waiting?: Budget;
  /** Where the line that waited leaves its trace when it goes on. */
  readonly trace?: Trace;
}

/** What a person is told of the connection. */
export function connectionText(address: string, error: EngineError | undefined, kept: boolean): string {
  if (error !== undefined)
    return `${error.message}; ${kept ? "its stream is kept until another stands" : "connecting again"}`;
  return kept ? `the engine at ${address} shows life again` : `connected to ${address} again`;
}

/** What is known of an engine without asking it. */
const given = ({ address }: Engine, { engineName }: FeedOptions): EngineIdentity => ({
  host: address,
  ...(engineName === undefined ? {} : { name: engineName }),
});

export class Feed {
  readonly #source: Source;
  readonly #inspector: Inspector | undefined;
  readonly #sequencer: Sequencer;
  readonly #timeout: number;
  #snapshot: Snapshot | undefined;
  #first: boolean;
  /** Which engine it is, as far as that is known, and whether it was asked. */
  #identity: Identity | undefined;
  #isAsked = false;
  readonly #refused = new Set<string>();
  #isClosed = false;

  /** @param engine who can be asked about what the source tells; undefined: nobody */
  constructor(
    open: OpenSource,
    readonly engine: Engine | undefined,
    readonly sink: FeedSink,
    readonly options: FeedOptions,
  ) {
    const { inspect } = options;
    this.#identity = engine && new Identity(given(engine, options));
    this.#inspector =
      engine &&
      inspect &&
      new Inspector(
        engine,
        inspect.sensitive,
        (text) => this.#warn(text),
        { changes: options.changesHidden === true, volumes: options.volumesHidden === true },
        options.engines,
      );
    this.#timeout = inspect?.timeout ?? 0;
    this.#first = options.snapshot && !options.snapshotTaken;
    this.#sequencer = new Sequencer(() => sink.flush(), options.waiting);
    this.#source = open({
      opened: () => {
        sink.opened();
        // Behind each connection there may be another engine than before: a newer one, say.
        if (options.identified()) this.#identify();
        this.#inspector?.begin();
        if (this.#first) this.#tellWhatRuns(this.began);
        this.#first = false;
      },
      event: (event, line, fingerprint, cut) =>
        this.#event(claim(event, this.#source.origin ?? "engine"), line, fingerprint, cut),
      known: (fingerprint) => sink.known(fingerprint),
      malformed: (why, head) => sink.malformed(why, head),
      lost: (loss, fingerprint) => {
        this.#inOrder(() => sink.lost(loss, fingerprint));
        this.tellAgain(loss);
      },
      flush: () => sink.flush(),
      connection: (error, kept) => sink.connection(error, kept),
      ended: () => this.#inOrder(() => sink.ended()),
    });
  }

  /** When the stream began, by the engine's clock, ns since 1970; before a first connection by ours. */
  get began(): bigint {
    return this.#source.began;
  }

  /** How much of the source has been told of, 0 to 1; undefined where it has no end. */
  get progress(): number | undefined {
    return this.#source.progress;
  }

  /** Whether the engine keeps its last events only, as far as is known. */
  get forgets(): boolean {
    return this.#source.forgets;
  }

  /** Which engine the events are from, as far as it is known; undefined where they need not say it. */
  get identity(): EngineIdentity | undefined {
    return this.options.identified() ? this.#identity?.engine : undefined;
  }

  /**
   * Opens the source: connects to the engine.
   * @throws EngineError where that fails
   */
  open(): Promise<void> {
    return this.#source.open();
  }

  /** Connects, and keeps trying until it is closed. */
  reopen(): void {
    this.#source.reopen();
  }

  close(): void {
    this.#isClosed = true;
    this.#inspector?.close();
    this.#source.close();
    this.#sequencer.close();
  }

  /** Tells what runs once more, as starts may be among what was lost. */
  tellAgain({ until }: Loss): void {
    if (this.options.snapshot && this.#snapshot === undefined) this.#tellWhatRuns(until);
  }

  #event(event: EnrichedEvent, line: Line, fingerprint: Fingerprint, cut: Truncation | undefined): void {
    if (!this.#isAsked && this.options.identified()) this.#identify();
    if (event.Type === "container" && event.Action === "start") this.#snapshot?.started(event.Actor.ID);
    if (this.options.exclude?.(event)) {
      if (changesFacts(event)) this.#inspector?.note(event);
      this.sink.known(fingerprint);
      return;
    }
    const answer = this.#inspector?.ask(event);
    if (answer === undefined && this.#sequencer.isOpen) {
      this.#tell(event, line, fingerprint, cut);
      return;
    }
    const own = copyOf(line);
    this.#sequencer.push(bytesOf(own), answer, this.#timeout, () => {
      const { trace = NO_TRACE } = this.options;
      trace.begin(fingerprint.hash);
      this.#tell(event, own, fingerprint, cut);
      trace.end();
    });
  }

  /** Tells of an event of the engine's, with what was found out about it by now. */
  #tell(event: EnrichedEvent, line: Line, fingerprint: Fingerprint, cut: Truncation | undefined): void {
    this.#describe(event, cut);
    const healthcheck = this.options.skipHealthchecks ? healthcheckOf(event) : undefined;
    if (healthcheck?.is && healthcheck.exact) this.sink.skipped(fingerprint);
    else this.sink.event(event, line, fingerprint);
  }

  /** Says what a person should know. What breaks off because of a close is nothing of that kind. */
  #warn(text: string): void {
    if (!this.#isClosed) this.sink.warning(text);
  }

  #inOrder(go: () => void): void {
    if (this.#sequencer.isOpen) go();
    else this.#sequencer.push(0, undefined, 0, go);
  }

  #describe(event: EnrichedEvent, cut: Truncation | undefined): void {
    // A recording brings what was found out then.
    const found = this.#inspector?.describe(event) ?? event.falco;
    const described = this.options.identified() && this.#identity ? this.#identity.with(found) : found;
    const part = cut === undefined ? described : withMore(described, { cut });
    if (part !== undefined) event.falco = part;
    // A line must not speak for us: our own key, even an empty one, comes after its and wins.
    else if (event.forgedFalco) event.falco = {};
  }

  /** Asks which engine this is, and holds back what happens until that is known. */
  #identify(): void {
    const { engine } = this;
    if (engine === undefined) return;
    this.#isAsked = true;
    const answer = engine.identify((what, error) => {
      const absent = what === "version" ? "docker.engine.version is" : "docker.engine.name and docker.engine.id are";
      if (!this.#refused.has(what)) this.#warn(`${error.message}; ${absent} absent`);
      this.#refused.add(what);
    });
    this.#sequencer.push(
      0,
      answer.then((said) => {
        this.#identity = new Identity({ ...said, ...given(engine, this.options) });
      }),
      IDENTITY_MAX_MS,
      () => {},
    );
  }

  /** Holds back what happens until what runs already has been told. */
  #tellWhatRuns(startedBefore: bigint): void {
    const { engine } = this;
    const inspector = this.#inspector;
    if (engine === undefined || inspector === undefined) return;
    const snapshot = new Snapshot(engine, inspector, startedBefore);
    this.#snapshot = snapshot;
    let why = new EngineError(`the engine at ${engine.address} does not answer`);
    const ready = snapshot.ready.catch((error: EngineError) => {
      why = error;
    });
    this.#sequencer.push(0, ready, SNAPSHOT_MAX_MS, () => {
      this.#snapshot = undefined;
      const now = engine.clock.now;
      const daemon = inspector.daemon.existing(now);
      const events = snapshot.events(now + 1n);
      if (events === undefined) this.#warn(`${why.message}; containers that run already are not reported`);
      const { include = () => true, exclude = () => false } = this.options;
      for (const event of [...(daemon === undefined ? [] : [daemon]), ...(events ?? [])]) {
        if (!include(event) || exclude(event)) continue;
        const line = writeEvent(event);
        this.#describe(event, undefined);
        this.sink.event(event, line, undefined);
      }
      this.sink.snapshotTaken();
    });
  }
}
