/** Lines of which it is not known yet whether they were told of before. */
import { bytesOf, copyOf, type Line } from "../../base/line.ts";
import { Patience } from "../../base/patience.ts";
import type { Holder } from "../budget.ts";
import { heldLines } from "./lines.ts";

/** How long lines are held, ms, and how many bytes of them at most. */
const HOLD_MS = 1_000;
const HOLD_BYTES = 16 * 1024 * 1024;

/**
 * Holds the lines that come before the first known one, from an engine that keeps all there ever was in one order: they
 * are older than all that is remembered, wherever their times lie, and were told of before. Where no known line comes
 * in time they are told of after all, for nothing else is known of them.
 */
export class Hold {
  #lines: Line[] = [];
  readonly #holder: Holder = { bytes: 0, end: () => this.#release() };
  #bound: Patience | undefined;
  #isOver = false;

  /** @param release called for each line, in order, once it is sure that none was known */
  constructor(
    readonly release: (line: Line) => void,
    readonly holdMs = HOLD_MS,
    readonly held = heldLines,
  ) {}

  /** Whether lines are still held. */
  get isOn(): boolean {
    return !this.#isOver;
  }

  /** Holds a line. */
  push(line: Line): void {
    this.#lines.push(copyOf(line));
    this.#bound ??= new Patience(this.holdMs, () => this.#release());
    this.held.hold(this.#holder, bytesOf(line));
    if (this.#holder.bytes > HOLD_BYTES) this.#release();
  }

  /** A known line came, or there is nobody to tell: what is held is dropped. */
  drop(): void {
    this.#isOver = true;
    this.#bound?.end();
    this.#lines = [];
    this.held.release(this.#holder);
  }

  #release(): void {
    const lines = this.#lines;
    this.drop();
    for (const line of lines) this.release(line);
  }
}
