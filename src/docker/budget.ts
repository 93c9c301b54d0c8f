/** Memory that several engines share. */

/** Who holds a part of a budget. */
export interface Holder {
  bytes: number;
  /** Called where the budget needs what it holds: it has to give up. */
  end(): void;
}

/**
 * Memory that several share. Where it does not suffice, the one that holds most of it has to give up: who is huge does
 * not push out those who are not.
 */
export class Budget {
  readonly #holders = new Set<Holder>();
  #held = 0;

  /** @param max bytes of all holders together */
  constructor(readonly max: number) {}

  /** Bytes that are held. */
  get held(): number {
    return this.#held;
  }

  /** Takes more for a holder. The greatest one's `end` is called, perhaps its own, as long as all hold too much. */
  hold(holder: Holder, bytes: number): void {
    this.#holders.add(holder);
    holder.bytes += bytes;
    this.#held += bytes;
    while (this.#held > this.max) {
      let greatest = holder;
      for (const each of this.#holders) if (each.bytes > greatest.bytes) greatest = each;
      this.release(greatest);
      greatest.end();
    }
  }

  /** Gives back a part of what a holder has; more than that is all of it. */
  give(holder: Holder, bytes: number): void {
    const given = Math.min(bytes, holder.bytes);
    holder.bytes -= given;
    this.#held -= given;
    if (holder.bytes === 0) this.#holders.delete(holder);
  }

  /** Gives back all that a holder has. */
  release(holder: Holder): void {
    this.give(holder, holder.bytes);
  }
}
