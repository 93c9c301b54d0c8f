/** Which engine an event is from, added to what else was found out about it. */
import { type EngineIdentity, type Enrichment, isKept, keepAddition, withMore } from "./enrichment.ts";

/** Adds an engine's identity to events: made once for all events that have the same beside it. */
export class Identity {
  readonly #alone: Enrichment;
  readonly #with = new WeakMap<Enrichment, Enrichment>();

  constructor(readonly engine: EngineIdentity) {
    this.#alone = { engine };
    keepAddition(this.#alone);
  }

  /** What an event has, and the engine. */
  with(found: Enrichment | undefined): Enrichment {
    if (found === undefined) return this.#alone;
    const known = this.#with.get(found);
    if (known !== undefined) return known;
    const both = withMore(found, this.#alone);
    if (isKept(found)) this.#with.set(found, both);
    return both;
  }
}
