/** Reads records back: what their index holds, as Falco sees it. */
import type { Field } from "../plugin/fields/field.ts";
import { fields } from "../plugin/fields.ts";
import { places } from "./blocks.ts";
import { layout } from "./layout.ts";

/** A value as Falco sees it. */
export type Value = string | readonly string[] | bigint | readonly bigint[] | boolean;

export class RecordReader {
  readonly #bytes: Buffer;

  constructor(memory: ArrayBuffer) {
    this.#bytes = Buffer.from(memory);
  }

  /**
   * The value of a field of the record at `base`; `undefined` where it is absent.
   * @param key the argument of a field that takes one
   */
  value(base: number, field: Field, key = ""): Value | undefined {
    const { origin, found } = this.#find(base, field);
    if (found === 0) return undefined;
    if (field.type === "bool") return found === layout.FLAG_TRUE;
    const at = origin + found;
    if (field.key !== undefined)
      return this.#pairs(origin, at)
        .find(({ own }) => own.equals(Buffer.from(key)))
        ?.text();
    if (field.list) return field.type === "string" ? this.#texts(origin, at) : this.#numbers(at);
    return field.type === "string" ? this.#text(at) : this.#bytes.readBigUInt64LE(at);
  }

  /** All that a field with an argument holds in the record at `base`, by its arguments. */
  pairs(base: number, field: Field): (readonly [key: string, value: string])[] {
    const { origin, found } = this.#find(base, field);
    return found === 0 ? [] : this.#pairs(origin, origin + found).map(({ own, text }) => [own.toString(), text()]);
  }

  /** The payload of the record at `base`. */
  payload(base: number): string {
    const start = base + layout.RECORD_EVENT + layout.EVENT_PAYLOAD;
    return this.#bytes.toString("utf8", start, start + this.#u32(start - 2 * layout.PLUGIN_ID_BYTES));
  }

  /** Where the value of a field lies, from its block's origin; 0 where it is absent. */
  #find(base: number, field: Field): { origin: number; found: number } {
    const { block = 0, slot = 0 } = places[fields.indexOf(field)] ?? {};
    const index = base + this.#u32(base + layout.RECORD_INDEX);
    const from = block === 0 ? 0 : this.#u32(index + (block - 1) * layout.SLOT_BYTES);
    if (block !== 0 && from === 0) return { origin: 0, found: 0 };
    const origin = base + from;
    const count = this.#u32(block === 0 ? base + layout.RECORD_SLOTS : origin);
    const slots = block === 0 ? index : origin + layout.COUNT_BYTES;
    return { origin, found: slot < count ? this.#u32(slots + slot * layout.SLOT_BYTES) : 0 };
  }

  /** The pairs of a field with an argument: the argument's bytes, and what gives its text. */
  #pairs(origin: number, at: number): { own: Buffer; text: () => string }[] {
    return Array.from({ length: this.#u32(at) }, (_, i) => {
      const pair = at + layout.COUNT_BYTES + i * layout.PAIR_BYTES;
      const start = origin + this.#u32(pair);
      const own = this.#bytes.subarray(start, start + this.#u32(pair + 4));
      return { own, text: () => this.#text(start + own.length) };
    });
  }

  #texts(origin: number, at: number): string[] {
    return Array.from({ length: this.#u32(at) }, (_, i) =>
      this.#text(origin + this.#u32(at + layout.COUNT_BYTES + i * layout.LIST_ITEM_BYTES)),
    );
  }

  #numbers(at: number): bigint[] {
    return Array.from({ length: this.#u32(at) }, (_, i) =>
      this.#bytes.readBigUInt64LE(at + layout.COUNT_BYTES + i * layout.NUMBER_BYTES),
    );
  }

  #u32(at: number): number {
    return this.#bytes.readUInt32LE(at);
  }

  #text(start: number): string {
    return this.#bytes.toString("utf8", start, this.#bytes.indexOf(0, start));
  }
}
