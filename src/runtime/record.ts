import type { DockerEvent } from "../docker/event.ts";
import { type Field, fields } from "../plugin/fields.ts";
import { info } from "../plugin/info.ts";
import { layout } from "./layout.ts";

const INDEX_SLOTS = fields.length * layout.SLOT_BYTES;
const EVENT_PARAMS = 2;
const PLUGIN_ID_BYTES = 4;
const NO_THREAD = 0xffff_ffff;

/** The ids of the fields that are one attribute of the event, by the attribute's name. */
const attributeFields = new Map<string, number>();
/** The fields that are worked out from the event, with their ids. */
const valueFields: { readonly id: number; readonly value: (event: DockerEvent) => string | undefined }[] = [];
for (const [id, { source }] of fields.entries()) {
  if ("attribute" in source) attributeFields.set(source.attribute, id);
  else valueFields.push({ id, value: source.value });
}

const align = (position: number): number => (position + layout.RECORD_ALIGN - 1) & -layout.RECORD_ALIGN;

/** Up to this many bytes of line the bound of a record is a guess that is never too low; above, it is counted. */
const SMALL_LINE = 64 * 1024;
/** No value is longer than its JSON text, and none stands in more than this many places. */
const COPIES_MAX = 8;
const FIXED_BYTES = layout.RECORD_EVENT + layout.EVENT_PAYLOAD + INDEX_SLOTS + 1024;

/** The bytes of a value in the index, with its NUL; each NUL inside becomes U+FFFD, which takes three. */
const textBytes = (text: string): number => Buffer.byteLength(text) + 1 + (text.includes("\0") ? 2 * text.length : 0);

/** The bytes that the record of an event may take at most. */
export function recordBound(lineBytes: number, event: DockerEvent): number {
  if (lineBytes <= SMALL_LINE) return align(FIXED_BYTES + (1 + COPIES_MAX) * lineBytes);
  let bytes = FIXED_BYTES + lineBytes;
  for (const key in event.Actor.Attributes)
    if (attributeFields.has(key)) bytes += textBytes(event.Actor.Attributes[key] as string);
  for (const { value } of valueFields) bytes += textBytes(value(event) ?? "");
  return align(bytes);
}

/**
 * Writes records: the finished Falco event and, beside it, the index of its values. Live events are written straight
 * into the ring and replayed ones into the mailbox, by this one encoder, so that both give Falco the same values.
 */
export class RecordWriter {
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  #at = 0;

  /** @param memory where records go; `offset`, where position 0 lies in it, is a multiple of 8 */
  constructor(memory: ArrayBuffer, offset = 0) {
    this.#bytes = Buffer.from(memory, offset);
    this.#words = new Uint32Array(memory, offset);
  }

  /**
   * Writes the record of one event at a position that is a multiple of 8 and has `recordBound` bytes.
   * @param line the buffer that holds the engine's line, from `start` to `end`, without its newline
   * @returns the bytes of the record, a multiple of 8
   */
  write(base: number, line: Buffer, start: number, end: number, event: DockerEvent): number {
    const bytes = this.#bytes;
    const words = this.#words;
    const payload = base + layout.RECORD_EVENT + layout.EVENT_PAYLOAD;
    const payloadEnd = payload + line.copy(bytes, payload, start, end);
    this.#header(base + layout.RECORD_EVENT, payloadEnd - payload, event.timeNano);

    const index = align(payloadEnd);
    const slots = index >>> 2;
    words.fill(0, slots, slots + INDEX_SLOTS / 4);
    this.#at = index + INDEX_SLOTS;

    const attributes = event.Actor.Attributes;
    for (const key in attributes) {
      const id = attributeFields.get(key);
      if (id !== undefined) this.#slot(base, slots, id, attributes[key] as string);
    }
    for (const { id, value } of valueFields) {
      const text = value(event);
      if (text !== undefined) this.#slot(base, slots, id, text);
    }
    const size = align(this.#at + 1) - base;
    bytes.fill(0, this.#at, base + size);
    words[(base + layout.RECORD_SIZE) >>> 2] = size;
    words[(base + layout.RECORD_INDEX) >>> 2] = index - base;
    return size;
  }

  /** The event's header, as falcosecurity/libs packs it (driver/ppm_events_public.h, ppm_evt_hdr). */
  #header(at: number, payloadBytes: number, timeNano: bigint): void {
    const words = this.#words;
    const word = at >>> 2;
    words[word] = Number(timeNano & 0xffff_ffffn);
    words[word + 1] = Number(timeNano >> 32n);
    words[word + 2] = NO_THREAD;
    words[word + 3] = NO_THREAD;
    words[word + 4] = layout.EVENT_PAYLOAD + payloadBytes;
    const bytes = this.#bytes;
    bytes.writeUInt16LE(layout.EVENT_TYPE, at + 20);
    bytes.writeUInt32LE(EVENT_PARAMS, at + 22);
    bytes.writeUInt32LE(PLUGIN_ID_BYTES, at + 26);
    bytes.writeUInt32LE(payloadBytes, at + 30);
    bytes.writeUInt32LE(info.id, at + 34);
  }

  #slot(base: number, slots: number, id: number, text: string): void {
    const slot = slots + id * 2;
    this.#words[slot] = this.#at - base;
    this.#words[slot + 1] = 1;
    this.#text(text);
  }

  /** A C string: Falco measures values with strlen, so a NUL inside becomes U+FFFD instead of an early end. */
  #text(text: string): void {
    const safe = text.includes("\0") ? text.replaceAll("\0", "\ufffd") : text;
    this.#at += this.#bytes.write(safe, this.#at, "utf8");
    this.#bytes[this.#at++] = 0;
  }
}

/** Reads back what a record's index holds, as Falco sees it. */
export class RecordReader {
  readonly #bytes: Buffer;

  constructor(memory: ArrayBuffer) {
    this.#bytes = Buffer.from(memory);
  }

  /** The value of a field of the record at `base`; `undefined` where it is absent. */
  value(base: number, field: Field): string | undefined {
    const index = base + this.#bytes.readUInt32LE(base + layout.RECORD_INDEX);
    const slot = index + fields.indexOf(field) * layout.SLOT_BYTES;
    if (this.#bytes.readUInt32LE(slot + 4) === 0) return undefined;
    const start = base + this.#bytes.readUInt32LE(slot);
    return this.#bytes.toString("utf8", start, this.#bytes.indexOf(0, start));
  }
}
