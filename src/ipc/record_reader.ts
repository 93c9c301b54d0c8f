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
    const { block = 0, slot = 0 } = places[fields.indexOf(field)] ?? {};
    const index = base + this.#u32(base + layout.RECORD_INDEX);
    const from = block === 0 ? 0 : this.#u32(index + (block - 1) * layout.SLOT_BYTES);
    if (block !== 0 && from === 0) return undefined;
    const origin = base + from;
    const found = this.#u32((block === 0 ? index : origin) + slot * layout.SLOT_BYTES);
    if (found === 0) return undefined;
    if (field.type === "bool") return found === layout.FLAG_TRUE;
    const at = origin + found;
    if (field.key !== undefined) return this.#find(origin, at, key);
    if (field.list) return field.type === "string" ? this.#texts(origin, at) : this.#numbers(at);
    return field.type === "string" ? this.#text(at) : this.#bytes.readBigUInt64LE(at);
  }

  /** The payload of the record at `base`. */
  payload(base: number): string {
    const start = base + layout.RECORD_EVENT + layout.EVENT_PAYLOAD;
    return this.#bytes.toString("utf8", start, start + this.#u32(start - 2 * layout.PLUGIN_ID_BYTES));
  }

  #find(origin: number, at: number, key: string): string | undefined {
    const wanted = Buffer.from(key);
    const pairs = at + layout.COUNT_BYTES;
    const end = pairs + this.#u32(at) * layout.PAIR_BYTES;
    for (let pair = pairs; pair < end; pair += layout.PAIR_BYTES) {
      const start = origin + this.#u32(pair);
      const own = this.#bytes.subarray(start, start + this.#u32(pair + 4));
      if (own.equals(wanted)) return this.#text(start + own.length);
    }
    return undefined;
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
