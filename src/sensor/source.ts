/**
 * Where event lines come from: an engine's stream, or what somebody recorded. A feed takes one, and all that is made of
 * events is the same for each.
 */
import type { Engine } from "../docker/client.ts";
import { type EventSink, EventStream, type StreamOptions } from "../docker/stream/stream.ts";
import type { Origin } from "./enrichment.ts";

/** What a source tells whoever reads it; everything in order. */
export interface SourceSink extends EventSink {
  /** All has been told of: nothing comes after it. An engine's stream never ends. */
  ended(): void;
}

export interface Source {
  /** When it began, by the clock of what it reads, ns since 1970. */
  readonly began: bigint;
  /** Whether it keeps its last events only, as far as is known: what it sends again for ever is never lost. */
  readonly forgets: boolean;
  /** Who wrote its events; absent: the engine. */
  readonly origin?: Origin;
  /** How much of it has been told of, 0 to 1; absent where it has no end. */
  readonly progress?: number;
  /**
   * Begins to tell.
   * @throws EngineError where it cannot be had
   */
  open(): Promise<void>;
  /** Begins to tell as soon as it can be had, and keeps trying until it is closed. */
  reopen(): void;
  /** Ends it: nothing is told of any more. */
  close(): void;
}

/** Makes a source that tells a feed. */
export type OpenSource = (sink: SourceSink) => Source;

/** The events of a live engine. */
export const engineSource =
  (engine: Engine, options: StreamOptions): OpenSource =>
  (sink) =>
    new EventStream(engine, sink, options);
