/** Lines of an engine that were no events: each may have stood for one, so they are a loss. */
import type { EngineClock } from "../clock.ts";
import type { Loss } from "./reader.ts";

/** They are announced together: so long after the first one, and so often at most, ms. */
const AFTER_MS = 1_000;
const EVERY_MS = 60_000;

export class BadLines {
  #found: { count: number; readonly since: bigint } | undefined;
  #timer: Timer | undefined;
  #next = 0;

  /** @param announce called with all of them that were found since it was called last */
  constructor(
    readonly clock: EngineClock,
    readonly announce: (loss: Loss) => void,
  ) {}

  /** One was found. */
  add(): void {
    this.#found ??= { count: 0, since: this.clock.now };
    this.#found.count++;
    this.#timer ??= setTimeout(() => this.#announce(), Math.max(AFTER_MS, this.#next - performance.now()));
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #announce(): void {
    const found = this.#found;
    this.#found = undefined;
    this.#timer = undefined;
    this.#next = performance.now() + EVERY_MS;
    if (found !== undefined)
      this.announce({ reason: "lines of the engine were no events", ...found, until: this.clock.now });
  }
}
