/** What an engine has of a period: a source that ends, at the period's end or with the connection. */
import { timestamp } from "../base/time.ts";
import type { Engine } from "../docker/client.ts";
import type { EngineError } from "../docker/engine_error.ts";
import { type Filters, filterQuery } from "../docker/filters.ts";
import type { OpenSource, Source, SourceSink } from "./source.ts";
import { LinesTold } from "./told.ts";

/** From when to when, by the engine's clock, ns since 1970. */
export interface PeriodAsked {
  readonly since: bigint;
  readonly until: bigint;
  readonly filters: Filters;
}

class Period implements Source {
  readonly forgets = true;
  #end: (() => void) | undefined;
  #closed = false;

  constructor(
    readonly engine: Engine,
    readonly asked: PeriodAsked,
    readonly maxEventBytes: number,
    readonly sink: SourceSink,
  ) {}

  get began(): bigint {
    return this.asked.since;
  }

  async open(): Promise<void> {
    const { since, until, filters } = this.asked;
    await this.engine.negotiate();
    const told = new LinesTold(this.sink, this.maxEventBytes);
    const query = [`since=${timestamp(since)}`, `until=${timestamp(until)}`, filterQuery(filters)].filter(Boolean);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#end = this.engine.events(query.join("&"), {
      onOpen: () => this.sink.opened(),
      onData: (bytes) => told.push(bytes),
      onEnd: (error: EngineError | undefined) => {
        if (this.#closed) resolve();
        else if (error !== undefined) reject(error);
        else {
          told.end();
          resolve();
        }
      },
    });
    return promise;
  }

  reopen(): void {
    void this.open();
  }

  close(): void {
    this.#closed = true;
    this.#end?.();
    // Only now: what is asked about the last events comes after the stream.
    this.engine.close();
  }
}

/** The events of a period. Its `open` settles when all have been told of. @throws EngineError where the connection breaks */
export const periodSource =
  (engine: Engine, asked: PeriodAsked, maxEventBytes: number): OpenSource =>
  (sink) =>
    new Period(engine, asked, maxEventBytes, sink);
