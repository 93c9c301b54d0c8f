/** The events of one live engine, which can be let go for a while. */
import { Engine } from "../../docker/client.ts";
import { DEBUG_TOOL, resolveEndpoint } from "../../docker/endpoint.ts";
import { type Filters, hidesChanges } from "../../docker/filters.ts";
import { type Fingerprint, REMEMBERED } from "../../docker/stream/resume.ts";
import type { ResumePoint } from "../../docker/stream/stream.ts";
import { feedOptions, readDefaults } from "../../plugin/config.ts";
import { Feed, type FeedSink } from "../../sensor/feed.ts";
import { periodSource } from "../../sensor/period.ts";
import { engineSource } from "../../sensor/source.ts";
import { timeAsked } from "./times_asked.ts";

/** What of an engine's events is wanted. */
export interface Wanted {
  readonly filters: Filters;
  readonly since: string | undefined;
  readonly until: string | undefined;
  /** Whether events say which engine they are from, as there are several. */
  readonly isOneOfSeveral: boolean;
  /** Whether what runs already is told of; it never is where less than all, or what was, is asked for. */
  readonly snapshot?: boolean;
}

export class Live {
  readonly #engine: Engine;
  readonly #sink: FeedSink;
  #feed: Feed | undefined;
  /** What was told last, to go on from there. */
  readonly #told: Fingerprint[] = [];
  /** All of a period has been told. */
  readonly #ended = Promise.withResolvers<void>();
  #began: bigint | undefined;
  #pausedAt = 0;

  /**
   * @param host an address; empty means DOCKER_HOST
   * @throws BadAddress
   */
  constructor(
    host: string,
    readonly wanted: Wanted,
    sink: FeedSink,
  ) {
    this.#engine = new Engine(resolveEndpoint(host, process.env, DEBUG_TOOL));
    this.#sink = {
      ...sink,
      event: (event, line, fingerprint) => {
        this.#remember(fingerprint);
        sink.event(event, line, fingerprint);
      },
      known: (fingerprint) => this.#remember(fingerprint),
      skipped: (fingerprint) => this.#remember(fingerprint),
      ended: () => this.#ended.resolve(),
      lost: (loss, fingerprint) => {
        this.#remember(fingerprint);
        sink.lost(loss, fingerprint);
      },
    };
  }

  get address(): string {
    return this.#engine.address;
  }

  /** What a person should know of the way to it. */
  get warnings(): readonly string[] {
    return this.#engine.endpoint.warnings;
  }

  /** Whether it ends by itself. */
  get isFinite(): boolean {
    return this.wanted.until !== undefined;
  }

  /**
   * Connects; one that ends settles at its end.
   * @throws EngineError, BadUsage
   */
  async open(): Promise<void> {
    const { since, until } = this.wanted;
    if (since !== undefined || until !== undefined) {
      await this.#engine.negotiate();
      await this.#engine.readClock();
    }
    const now = () => this.#engine.clock.now;
    const from = since === undefined ? undefined : timeAsked("since", since, now);
    if (until === undefined) {
      await this.#stream(from === undefined ? undefined : { began: from, fingerprints: [], pause: 0 }).open();
      return;
    }
    const asked = { since: from ?? now(), until: timeAsked("until", until, now), filters: this.wanted.filters };
    const { maxEventBytes, ...options } = feedOptions(readDefaults());
    const source = periodSource(this.#engine, asked, maxEventBytes);
    await this.#open(source, { ...options, snapshot: false }).open();
    // Events may still wait for what is asked about them.
    await this.#ended.promise;
  }

  /** Lets the engine go: one whose stream nobody reads is held up. */
  pause(): void {
    if (this.isFinite || this.#feed === undefined) return;
    this.#began = this.#feed.began;
    this.#pausedAt = performance.now();
    this.#feed.close();
  }

  /** Goes on where it was. */
  resume(): void {
    if (this.isFinite || this.#began === undefined) return;
    const pause = performance.now() - this.#pausedAt;
    this.#stream({ began: this.#began, fingerprints: [...this.#told], pause }, true).reopen();
  }

  close(): void {
    this.#feed?.close();
  }

  #stream(resume: ResumePoint | undefined, isAgain = false): Feed {
    const { filters, since } = this.wanted;
    const { snapshot, ...options } = feedOptions(readDefaults());
    const isNarrow = Object.keys(filters).length > 0 || since !== undefined;
    return this.#open(engineSource(this.#engine, { ...options, resume, filters }), {
      ...options,
      snapshot: snapshot && !isNarrow && this.wanted.snapshot !== false,
      snapshotTaken: isAgain,
    });
  }

  #open(source: ConstructorParameters<typeof Feed>[0], options: Omit<Feed["options"], "identified">): Feed {
    const { filters } = this.wanted;
    const isIdentified = this.wanted.isOneOfSeveral || this.#engine.endpoint.isRemote;
    this.#feed = new Feed(source, this.#engine, this.#sink, {
      ...options,
      changesHidden: hidesChanges(filters),
      identified: () => isIdentified,
    });
    return this.#feed;
  }

  #remember(fingerprint: Fingerprint | undefined): void {
    if (fingerprint === undefined) return;
    this.#told.push(fingerprint);
    if (this.#told.length > REMEMBERED) this.#told.shift();
  }
}
