/** A record: the finished Falco event and the index of its values, written here and read by the host. */
import type { Line } from "../base/line.ts";
import { type Field, fields, type Part } from "../plugin/fields.ts";
import { info } from "../plugin/info.ts";
import type { EnrichedEvent } from "../sensor/enrichment.ts";
import { layout } from "./layout.ts";

const INDEX_SLOTS = fields.length * layout.SLOT_BYTES;
const NO_THREAD = 0xffff_ffff;

/** The ids of the fields that are one attribute of the event, by the attribute's name. */
const attributeFields = new Map<string, number>();

/** A field that is taken from a part of the event, with its id and those of the fields whose text may be the same. */
interface Taken {
  readonly id: number;
  readonly like: readonly number[];
  readonly source: Extract<Field["source"], { part: Part }>;
}

/** The fields by the part they are taken from, so that a part that an event does not have costs one look. */
const parts = new Map<Part, Taken[]>();

const idOf = (name: string): number => fields.findIndex((field) => field.name === name);

for (const [id, { source }] of fields.entries()) {
  if (source.kind === "attribute") attributeFields.set(source.key, id);
  if (!("part" in source)) continue;
  const taken = parts.get(source.part) ?? [];
  taken.push({ id, like: source.kind === "text" ? source.like.map(idOf) : [], source });
  parts.set(source.part, taken);
}
const groups = [...parts].map(([part, taken]) => ({ part, taken }));
const ATTRIBUTES = fields.findIndex(({ source }) => source.kind === "attributes");
const TIMESTAMP = fields.findIndex(({ source }) => source.kind === "timestamp");

const align = (position: number): number => (position + layout.RECORD_ALIGN - 1) & -layout.RECORD_ALIGN;

/** Up to this many bytes of payload the bound of a record is a guess that is never too low; above, it is counted. */
const SMALL_PAYLOAD = 64 * 1024;
/**
 * No text is longer than its JSON, none stands in more than five places, and the smallest attribute (`"":"",`, 6 bytes)
 * takes 14 bytes in the index, the smallest element of a list (`"",`, 3 bytes) 5.
 */
const COPIES_MAX = 8;
/** What does not grow with the payload: header, slots, numbers, and what an image's name leaves to be understood. */
const FIXED_BYTES = layout.RECORD_EVENT + layout.EVENT_PAYLOAD + INDEX_SLOTS + 1024;

/** How our addition begins in the payload; it is inserted before the line's last brace. */
const ADDITION = ',"falco":';
const BRACE = 0x7d;

/** What an addition takes beside itself, bytes. */
export const ADDITION_BYTES = ADDITION.length;

/**
 * Copies the payload of an event: the engine's line, and before its last brace what we add.
 * @param addition as `RecordWriter.write` gets it
 * @returns where it ends
 */
export function copyPayload(to: Buffer, at: number, { buffer, start, end }: Line, addition: string): number {
  if (addition === "") return at + buffer.copy(to, at, start, end);
  const brace = buffer.lastIndexOf(BRACE, end - 1);
  const middle = at + buffer.copy(to, at, start, brace);
  const behind = middle + (to as Utf8Buffer).utf8Write(ADDITION + addition, middle);
  return behind + buffer.copy(to, behind, brace, end);
}

/** The bytes of a value in the index, with its NUL; each NUL inside becomes U+FFFD, which takes three. */
const textBytes = (text: string): number => Buffer.byteLength(text) + 1 + (text.includes("\0") ? 2 * text.length : 0);

/** Characters up to which a loop writes a text faster than a call that leaves JavaScript. */
const CALL_CHARS = 24;

/** The bytes that a field's values take at most, beside its slot. */
function valueBytes({ source }: Taken, part: object): number {
  switch (source.kind) {
    case "text":
      return textBytes(source.take(part as never) ?? "");
    case "texts":
      return (source.take(part as never) ?? []).reduce(
        (sum, text) => sum + layout.LIST_ITEM_BYTES + textBytes(text),
        0,
      );
    case "pairs":
      return (source.take(part as never) ?? []).reduce(
        (sum, [key, value]) => sum + layout.PAIR_BYTES + textBytes(key) + textBytes(value),
        0,
      );
    default:
      return layout.NUMBER_BYTES;
  }
}

/**
 * The bytes that the record of an event may take at most.
 * @param lineBytes bytes of the engine's line, or of a captured payload
 * @param addition as `RecordWriter.write` gets it
 */
export function recordBound(lineBytes: number, event: EnrichedEvent, addition = ""): number {
  const payload = lineBytes + Buffer.byteLength(addition);
  if (payload <= SMALL_PAYLOAD) return align(FIXED_BYTES + (1 + COPIES_MAX) * payload);
  let bytes = FIXED_BYTES + payload;
  const { Attributes } = event.Actor;
  for (const key in Attributes) bytes += layout.PAIR_BYTES + textBytes(key) + textBytes(Attributes[key] as string);
  for (const { part, taken } of groups) {
    const found = part(event);
    if (found !== undefined) for (const field of taken) bytes += valueBytes(field, found);
  }
  return align(bytes);
}

/** What Node's Buffer has and its types do not tell: `write` for one encoding, at half the cost for short texts. */
interface Utf8Buffer extends Buffer {
  utf8Write(text: string, offset: number): number;
}

/**
 * Writes records: the finished Falco event and, beside it, the index of its values. Live events are written straight
 * into the ring and replayed ones into the mailbox, by this one encoder, so that both give Falco the same values.
 */
export class RecordWriter {
  readonly #bytes: Utf8Buffer;
  readonly #words: Uint32Array;
  readonly #view: DataView;
  /** The texts of the fields, as far as they were written: a slot that counts 0 makes one void. */
  readonly #texts: string[] = fields.map(() => "");
  #at = 0;

  /** @param memory where records go; `offset`, where position 0 lies in it, is a multiple of 8 */
  constructor(memory: ArrayBuffer, offset = 0) {
    this.#bytes = Buffer.from(memory, offset) as Utf8Buffer;
    this.#words = new Uint32Array(memory, offset);
    this.#view = new DataView(memory, offset);
  }

  /**
   * Writes the record of one event at a position that is a multiple of 8 and has `recordBound` bytes.
   * @param line the engine's line, or a captured payload
   * @param addition the JSON text of `event.falco`, where the line does not hold it yet; empty for none
   * @returns the bytes of the record, a multiple of 8
   */
  write(base: number, line: Line, event: EnrichedEvent, addition = ""): number {
    const words = this.#words;
    const payload = base + layout.RECORD_EVENT + layout.EVENT_PAYLOAD;
    const payloadEnd = copyPayload(this.#bytes, payload, line, addition);
    this.#header(base + layout.RECORD_EVENT, payloadEnd - payload, event.timeNano);

    const index = align(payloadEnd);
    const slots = index >>> 2;
    words.fill(0, slots, slots + INDEX_SLOTS / 4);
    this.#at = index + INDEX_SLOTS;

    this.#attributes(base, slots, event.Actor.Attributes);
    words[slots + TIMESTAMP * 2] = layout.RECORD_EVENT;
    words[slots + TIMESTAMP * 2 + 1] = 1;
    for (const { part, taken } of groups) {
      const found = part(event);
      if (found !== undefined) for (const field of taken) this.#field(base, slots, field, found);
    }
    const size = align(this.#at + 1) - base;
    this.#bytes.fill(0, this.#at, base + size);
    words[(base + layout.RECORD_SIZE) >>> 2] = size;
    words[(base + layout.RECORD_INDEX) >>> 2] = index - base;
    return size;
  }

  /** The event's header, as falcosecurity/libs packs it (driver/ppm_events_public.h, ppm_evt_hdr). */
  #header(at: number, payloadBytes: number, timeNano: bigint): void {
    const view = this.#view;
    view.setBigUint64(at, timeNano, true);
    view.setUint32(at + 8, NO_THREAD, true);
    view.setUint32(at + 12, NO_THREAD, true);
    view.setUint32(at + layout.EVENT_LENGTH, layout.EVENT_PAYLOAD + payloadBytes, true);
    view.setUint16(at + 20, layout.EVENT_TYPE, true);
    view.setUint32(at + 22, layout.EVENT_PARAMS, true);
    view.setUint32(at + 26, layout.PLUGIN_ID_BYTES, true);
    view.setUint32(at + 30, payloadBytes, true);
    view.setUint32(at + 34, info.id, true);
  }

  /** All attributes as pairs of key and value; a field that is one attribute shares its value. */
  #attributes(base: number, slots: number, attributes: Readonly<Record<string, string>>): void {
    const keys = Object.keys(attributes);
    let pair = this.#table(base, slots, ATTRIBUTES, keys.length, layout.PAIR_BYTES);
    const words = this.#words;
    for (const key of keys) {
      const text = attributes[key] as string;
      this.#pair(base, pair, key, text);
      pair += layout.PAIR_BYTES / 4;
      const id = attributeFields.get(key);
      if (id === undefined) continue;
      words[slots + id * 2] = words[pair - 1] as number;
      words[slots + id * 2 + 1] = 1;
      this.#texts[id] = text;
    }
  }

  #field(base: number, slots: number, { id, like, source }: Taken, part: object): void {
    // What `take` takes is what this very field's `part` gave.
    switch (source.kind) {
      case "text": {
        const text = source.take(part as never);
        if (text !== undefined) this.#slot(base, slots, id, like, text);
        return;
      }
      case "texts": {
        const texts = source.take(part as never) ?? [];
        let item = this.#table(base, slots, id, texts.length, layout.LIST_ITEM_BYTES);
        for (const text of texts) {
          this.#words[item++] = this.#at - base;
          this.#text(text);
        }
        return;
      }
      case "pairs": {
        const pairs = source.take(part as never) ?? [];
        let pair = this.#table(base, slots, id, pairs.length, layout.PAIR_BYTES);
        for (const [key, text] of pairs) {
          this.#pair(base, pair, key, text);
          pair += layout.PAIR_BYTES / 4;
        }
        return;
      }
      case "number": {
        const number = source.take(part as never);
        if (number !== undefined) this.#number(base, slots, id, number);
        return;
      }
      case "flag": {
        const flag = source.take(part as never);
        if (flag !== undefined) this.#number(base, slots, id, flag ? 1n : 0n);
      }
    }
  }

  #slot(base: number, slots: number, id: number, like: readonly number[], text: string): void {
    const words = this.#words;
    const slot = slots + id * 2;
    this.#texts[id] = text;
    words[slot + 1] = 1;
    for (const other of like) {
      if (words[slots + other * 2 + 1] === 0 || this.#texts[other] !== text) continue;
      words[slot] = words[slots + other * 2] as number;
      return;
    }
    words[slot] = this.#at - base;
    this.#text(text);
  }

  /** Makes a table of `count` entries. Returns the word where it begins. */
  #table(base: number, slots: number, id: number, count: number, entryBytes: number): number {
    this.#alignWord();
    const table = this.#at;
    this.#at += count * entryBytes;
    this.#words[slots + id * 2] = table - base;
    this.#words[slots + id * 2 + 1] = count;
    return table >>> 2;
  }

  #number(base: number, slots: number, id: number, number: bigint): void {
    const word = this.#table(base, slots, id, 1, layout.NUMBER_BYTES);
    this.#words[word] = Number(number & 0xffff_ffffn);
    this.#words[word + 1] = Number(number >> 32n);
  }

  #alignWord(): void {
    while (this.#at % 4 !== 0) this.#bytes[this.#at++] = 0;
  }

  /** A key, whose length is told, and its value. */
  #pair(base: number, pair: number, key: string, text: string): void {
    const words = this.#words;
    words[pair] = this.#at - base;
    const length = this.#utf8(key, this.#at);
    this.#at += length;
    words[pair + 1] = length;
    words[pair + 2] = this.#at - base;
    this.#text(text);
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

/** A value as Falco sees it. */
export type Value = string | readonly string[] | bigint | boolean;

/** Reads back what a record's index holds, as Falco sees it. */
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
    const slot = base + this.#u32(base + layout.RECORD_INDEX) + fields.indexOf(field) * layout.SLOT_BYTES;
    const at = base + this.#u32(slot);
    const count = this.#u32(slot + 4);
    if (count === 0) return undefined;
    if (field.key !== undefined) return this.#find(base, at, count, key);
    if (field.list)
      return Array.from({ length: count }, (_, i) => this.#text(base + this.#u32(at + i * layout.LIST_ITEM_BYTES)));
    if (field.type === "string") return this.#text(at);
    if (field.type === "bool") return this.#u32(at) !== 0;
    return this.#bytes.readBigUInt64LE(at);
  }

  /** All that a field with an argument holds in the record at `base`, by its arguments. */
  pairs(base: number, field: Field): (readonly [key: string, value: string])[] {
    const slot = base + this.#u32(base + layout.RECORD_INDEX) + fields.indexOf(field) * layout.SLOT_BYTES;
    const at = base + this.#u32(slot);
    return Array.from({ length: this.#u32(slot + 4) }, (_, i) => {
      const pair = at + i * layout.PAIR_BYTES;
      const start = base + this.#u32(pair);
      const key = this.#bytes.toString("utf8", start, start + this.#u32(pair + 4));
      return [key, this.#text(base + this.#u32(pair + 8))];
    });
  }

  /** The payload of the record at `base`. */
  payload(base: number): string {
    const start = base + layout.RECORD_EVENT + layout.EVENT_PAYLOAD;
    return this.#bytes.toString("utf8", start, start + this.#u32(start - 2 * layout.PLUGIN_ID_BYTES));
  }

  #find(base: number, at: number, count: number, key: string): string | undefined {
    const wanted = Buffer.from(key);
    for (let pair = at; pair < at + count * layout.PAIR_BYTES; pair += layout.PAIR_BYTES) {
      const start = base + this.#u32(pair);
      const own = this.#bytes.subarray(start, start + this.#u32(pair + 4));
      if (own.equals(wanted)) return this.#text(base + this.#u32(pair + 8));
    }
    return undefined;
  }

  #u32(at: number): number {
    return this.#bytes.readUInt32LE(at);
  }

  #text(start: number): string {
    return this.#bytes.toString("utf8", start, this.#bytes.indexOf(0, start));
  }
}
