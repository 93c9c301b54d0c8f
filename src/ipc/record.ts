/** Writes records: the finished Falco event and beside it the index of its values, for the host to read. */
import type { Line } from "../base/line.ts";
import { isLabel, type Labels } from "../docker/labels.ts";
import type { EnrichedEvent } from "../sensor/enrichment.ts";
import { own, type SharedBlock, shared, type Taken } from "./blocks.ts";
import { writeEventHeader } from "./event_header.ts";
import { layout } from "./layout.ts";
import { copyPayload, type Utf8Buffer } from "./payload.ts";

/** Characters up to which a loop writes a text faster than a call that leaves JavaScript. */
const CALL_CHARS = 24;

const align = (position: number): number => (position + layout.RECORD_ALIGN - 1) & -layout.RECORD_ALIGN;

/** How many slots an event's own block needs: up to the last of a part that it has. */
function ownSlots(event: EnrichedEvent): number {
  let count = own.least;
  for (const { part, added, end } of own.groups) if (added && end > count && part(event) !== undefined) count = end;
  return count;
}

/** How many slots a shared block needs: up to the last field that there is. */
function sharedSlots({ taken }: SharedBlock, found: object): number {
  const last = taken.findLast(({ source }) => {
    // What `take` takes is what this very field's `part` gave.
    const value = source.take(found as never);
    return value !== undefined && !(Array.isArray(value) && value.length === 0);
  });
  return last === undefined ? 0 : last.slot + 1;
}

/**
 * Writes records. Live events are written straight into the ring and replayed ones into the mailbox, by this one
 * encoder, so that both give Falco the same values.
 */
export class RecordWriter {
  readonly #bytes: Utf8Buffer;
  readonly #words: Uint32Array;
  readonly #view: DataView;
  /** The bytes of blocks that were written, by what they were made of. */
  readonly #kept: WeakMap<object, Uint8Array>[] | undefined;
  /** The texts of own slots that others may be like, as far as they were written: a slot of 0 makes one void. */
  readonly #texts: string[] = Array.from({ length: own.slots }, () => "");
  /** The words of the attributes' pairs that are labels, of the event that is being written. */
  readonly #shown: number[] = [];
  /** Where the slots of the block lie that is being written, in words, and what its slots count from. */
  #slots = 0;
  #origin = 0;
  #at = 0;

  /**
   * @param memory where records go; `offset`, where position 0 lies in it, is a multiple of 8
   * @param keeps whether shared parts come again, so that it pays to keep the bytes that they gave
   */
  constructor(memory: ArrayBuffer, offset = 0, keeps = false) {
    this.#bytes = Buffer.from(memory, offset) as Utf8Buffer;
    this.#words = new Uint32Array(memory, offset);
    this.#view = new DataView(memory, offset);
    this.#kept = keeps ? shared.map(() => new WeakMap()) : undefined;
  }

  /**
   * Writes the record of one event at a position that is a multiple of 8 and has `recordBound` bytes.
   * @param line the engine's line, or a captured payload
   * @param addition the JSON text of `event.falco`, where the line does not hold it yet; empty for none
   * @param engine the place of the engine that it is of
   * @returns the bytes of the record, a multiple of 8
   */
  write(base: number, line: Line, event: EnrichedEvent, addition = "", engine = 0): number {
    const words = this.#words;
    const payload = base + layout.RECORD_EVENT + layout.EVENT_PAYLOAD;
    const payloadEnd = copyPayload(this.#bytes, payload, line, addition);
    writeEventHeader(this.#view, base + layout.RECORD_EVENT, event.timeNano, payloadEnd - payload);

    const index = align(payloadEnd);
    this.#at = index;
    const isPlain = event.falco === undefined;
    const count = isPlain ? own.least : ownSlots(event);
    this.#beginBlock(base, count);
    const slots = this.#slots;
    this.#attributes(event);
    words[slots + own.timestamp] = layout.RECORD_EVENT;
    for (const { part, added, taken } of own.groups) {
      if (added && isPlain) continue;
      const found = part(event);
      if (found !== undefined) for (const field of taken) this.#field(field, found);
    }
    for (let i = 0; i < shared.length; i++) {
      const block = shared[i] as SharedBlock;
      const found = block.added && isPlain ? undefined : block.part(event);
      if (found !== undefined) words[slots + i] = this.#share(block, found, this.#kept?.[i]) - base;
    }
    // The last byte is a NUL, which ends every text.
    do this.#bytes[this.#at++] = 0;
    while (this.#at % layout.RECORD_ALIGN !== 0);
    const size = this.#at - base;
    words[(base + layout.RECORD_SIZE) >>> 2] = size;
    words[(base + layout.RECORD_INDEX) >>> 2] = index - base;
    words[(base + layout.RECORD_ENGINE) >>> 2] = engine;
    words[(base + layout.RECORD_SLOTS) >>> 2] = count;
    return size;
  }

  /** Begins a block here, whose slots count from `origin`. */
  #beginBlock(origin: number, slots: number): void {
    this.#slots = this.#at >>> 2;
    this.#origin = origin;
    this.#words.fill(0, this.#slots, this.#slots + slots);
    this.#at += slots * layout.SLOT_BYTES;
  }

  /** Writes a block that events share. Returns where it lies. */
  #share(block: SharedBlock, found: object, kept: WeakMap<object, Uint8Array> | undefined): number {
    this.#alignWord();
    const start = this.#at;
    const bytes = kept?.get(found);
    if (bytes !== undefined) {
      this.#bytes.set(bytes, start);
      this.#at += bytes.length;
      return start;
    }
    const count = sharedSlots(block, found);
    this.#words[start >>> 2] = count;
    this.#at += layout.COUNT_BYTES;
    this.#beginBlock(start, count);
    for (const field of block.taken) if (field.slot < count) this.#field(field, found);
    kept?.set(found, new Uint8Array(this.#bytes.subarray(start, this.#at)));
    return start;
  }

  /** All attributes as pairs of key and value; a field that is one attribute shares its value, and a label its pair. */
  #attributes(event: EnrichedEvent): void {
    const { Attributes } = event.Actor;
    const { labels } = event.falco ?? {};
    const shown = this.#shown;
    shown.length = 0;
    const keys = Object.keys(Attributes);
    let pair = keys.length === 0 ? 0 : this.#table(own.attributes, keys.length, layout.PAIR_BYTES);
    const words = this.#words;
    for (const key of keys) {
      const text = Attributes[key] as string;
      const at = this.#pair(pair, key, text);
      if (labels !== undefined && isLabel(event, key)) shown.push(pair);
      pair += layout.PAIR_BYTES / 4;
      const slot = own.attribute.get(key);
      if (slot === undefined) continue;
      words[this.#slots + slot] = at;
      this.#texts[slot] = text;
    }
    if (labels !== undefined) this.#labels(labels);
  }

  /** Pairs of the labels: first those that we add, as the first of a name counts, then those among the attributes. */
  #labels(added: Labels): void {
    const words = this.#words;
    const keys = Object.keys(added);
    const count = keys.length + this.#shown.length;
    if (count === 0) return;
    let pair = this.#table(own.labels, count, layout.PAIR_BYTES);
    for (const key of keys) {
      this.#pair(pair, key, added[key] as string);
      pair += layout.PAIR_BYTES / 4;
    }
    for (const shown of this.#shown) {
      words[pair++] = words[shown] as number;
      words[pair++] = words[shown + 1] as number;
    }
  }

  #field(taken: Taken, part: object): void {
    const { slot, source } = taken;
    // What `take` takes is what this very field's `part` gave.
    switch (source.kind) {
      case "text": {
        const text = source.take(part as never);
        if (text !== undefined) this.#value(taken, text);
        return;
      }
      case "texts": {
        const texts = source.take(part as never) ?? [];
        if (texts.length === 0) return;
        let item = this.#table(slot, texts.length, layout.LIST_ITEM_BYTES);
        for (const text of texts) {
          this.#words[item++] = this.#at - this.#origin;
          this.#text(text);
        }
        return;
      }
      case "pairs": {
        const pairs = source.take(part as never) ?? [];
        if (pairs.length === 0) return;
        let pair = this.#table(slot, pairs.length, layout.PAIR_BYTES);
        for (const [key, text] of pairs) {
          this.#pair(pair, key, text);
          pair += layout.PAIR_BYTES / 4;
        }
        return;
      }
      case "numbers": {
        const numbers = source.take(part as never) ?? [];
        if (numbers.length === 0) return;
        let item = this.#table(slot, numbers.length, layout.NUMBER_BYTES) * 4;
        for (const number of numbers) {
          this.#view.setBigUint64(item, BigInt(number), true);
          item += layout.NUMBER_BYTES;
        }
        return;
      }
      case "number": {
        const number = source.take(part as never);
        if (number !== undefined) this.#number(slot, number);
        return;
      }
      case "flag": {
        const flag = source.take(part as never);
        if (flag !== undefined) this.#words[this.#slots + slot] = flag ? layout.FLAG_TRUE : layout.FLAG_FALSE;
      }
    }
  }

  #value({ slot, like, liked }: Taken, text: string): void {
    const words = this.#words;
    const slots = this.#slots;
    if (liked) this.#texts[slot] = text;
    for (const other of like) {
      if (words[slots + other] === 0 || this.#texts[other] !== text) continue;
      words[slots + slot] = words[slots + other] as number;
      return;
    }
    words[slots + slot] = this.#at - this.#origin;
    this.#text(text);
  }

  /** Makes a table of `count` entries behind their count. Returns the word where they begin. */
  #table(slot: number, count: number, entryBytes: number): number {
    this.#alignWord();
    const table = this.#at >>> 2;
    this.#words[this.#slots + slot] = this.#at - this.#origin;
    this.#words[table] = count;
    this.#at += layout.COUNT_BYTES + count * entryBytes;
    return table + 1;
  }

  #number(slot: number, number: bigint): void {
    this.#alignWord();
    this.#words[this.#slots + slot] = this.#at - this.#origin;
    this.#view.setBigUint64(this.#at, number, true);
    this.#at += layout.NUMBER_BYTES;
  }

  #alignWord(): void {
    while (this.#at % 4 !== 0) this.#bytes[this.#at++] = 0;
  }

  /** A key, whose length is told, and its value. Returns where that lies, as slots count. */
  #pair(pair: number, key: string, text: string): number {
    const words = this.#words;
    const start = this.#at;
    const length = this.#utf8(key, start);
    const origin = this.#origin;
    words[pair] = start - origin;
    words[pair + 1] = length;
    this.#at = start + length;
    this.#text(text);
    return start + length - origin;
  }

  /** A C string: Falco measures values with strlen, so a NUL inside becomes U+FFFD instead of an early end. */
  #text(text: string): void {
    const safe = text.includes("\0") ? text.replaceAll("\0", "\ufffd") : text;
    this.#at += this.#utf8(safe, this.#at);
    this.#bytes[this.#at++] = 0;
  }

  /** Writes a text. Returns its bytes. */
  #utf8(text: string, at: number): number {
    const { length } = text;
    if (length > CALL_CHARS) return this.#bytes.utf8Write(text, at);
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return bytes.utf8Write(text, at);
      bytes[at + i] = code;
    }
    return length;
  }
}
