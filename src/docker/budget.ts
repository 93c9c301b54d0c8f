/** Memory that the answers of all engines share. */

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

  /** Gives back all that a holder has. */
  release(holder: Holder): void {
    if (this.#holders.delete(holder)) this.#held -= holder.bytes;
  }
}
