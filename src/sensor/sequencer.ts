/** The order of events, while some of them wait for an answer about them. */

import { Patience } from "../base/patience.ts";
import { Budget, type Holder } from "../docker/budget.ts";

/** Bytes of lines that may wait; beyond, nothing is waited for any more where most of them wait. */
export const SEQUENCER_BYTES = 16 * 1024 * 1024;

interface Waiting {
  readonly bytes: number;
  ready: boolean;
  readonly bound: Patience | undefined;
  readonly go: () => void;
}

/**
 * Keeps the order of what goes through it while some of it waits for an answer. What waits for nothing passes at once
 * where nothing is before it; else it goes right after what it came behind. Nothing waits longer than its bound, and
 * nothing at all once too much has gathered.
 */
export class Sequencer {
  readonly #waiting: Waiting[] = [];
  readonly #holder: Holder = { bytes: 0, end: () => this.#release(true) };
  #first = 0;

  /**
   * @param flush called after what waited has gone on
   * @param budget of bytes, which several may share
   */
  constructor(
    readonly flush: () => void,
    readonly budget = new Budget(SEQUENCER_BYTES),
  ) {}

  /** Whether nothing waits: then what needs no answer may pass without `push`. */
  get isOpen(): boolean {
    return this.#first === this.#waiting.length;
  }

  /**
   * Lets something go on in its turn.
   * @param bytes what it holds meanwhile
   * @param answer what it waits for, whether that comes or fails; undefined for nothing
   * @param timeoutMs how long it waits at most
   * @param go called once, in order
   */
  push(bytes: number, answer: Promise<unknown> | undefined, timeoutMs: number, go: () => void): void {
    const free = () => {
      if (item.ready) return;
      item.ready = true;
      item.bound?.end();
      this.#release();
    };
    const item: Waiting = {
      bytes,
      ready: answer === undefined,
      bound: answer === undefined ? undefined : new Patience(timeoutMs, free),
      go,
    };
    this.#waiting.push(item);
    answer?.then(free, free);
    if (bytes > 0) this.budget.hold(this.#holder, bytes);
  }

  /** Forgets all that waits. */
  close(): void {
    for (const { bound } of this.#waiting.splice(0)) bound?.end();
    this.#first = 0;
    this.budget.release(this.#holder);
  }

  /** @param all what has no answer goes on without */
  #release(all = false): void {
    let gone = false;
    for (let item = this.#waiting[this.#first]; item?.ready || (item && all); item = this.#waiting[this.#first]) {
      item.ready = true;
      item.bound?.end();
      this.#first++;
      this.budget.give(this.#holder, item.bytes);
      item.go();
      gone = true;
    }
    if (this.isOpen || this.#first > 1024) {
      this.#waiting.splice(0, this.#first);
      this.#first = 0;
    }
    if (gone) this.flush();
  }
}
