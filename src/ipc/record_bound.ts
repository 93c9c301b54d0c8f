/** How many bytes the record of an event takes at most. */
import { fields } from "../plugin/fields.ts";
import type { EnrichedEvent } from "../sensor/enrichment.ts";
import { own, shared, type Taken } from "./blocks.ts";
import { layout } from "./layout.ts";

/**
 * What a field's value takes of the index for each byte of the payload at most: it is made of each byte once, and worst is
 * a number of a list of one digit, or a word of one letter (`,1` or `,a`, 2 bytes, take up to 8). The words of a command
 * can be more (src/docker/words.ts, COPIES_MAX): of those fields that have nothing of a command there are many more.
 */
const VALUE_PER_BYTE = 4;
/** What a field takes beside that, bytes: its slot, a count, what aligns it, words of ours (`docker.io`, `latest`). */
const VALUE_FIXED = 256;
/** Header, event, what aligns the blocks and the end. */
const FIXED_BYTES = layout.RECORD_EVENT + layout.EVENT_PAYLOAD + (shared.length + 3) * layout.RECORD_ALIGN;
/** An attribute's field shares the text of its attribute. */
const VALUES = fields.filter(({ source }) => source.kind !== "attribute").length;

/** In doubles: the guess for a large event is above what 32 bits hold. */
const align = (bytes: number): number => Math.ceil(bytes / layout.RECORD_ALIGN) * layout.RECORD_ALIGN;

/** The bytes of a text, with its NUL; each NUL inside becomes U+FFFD, which takes three. */
const textBytes = (text: string): number => Buffer.byteLength(text) + 1 + (text.includes("\0") ? 2 * text.length : 0);

const pairBytes = (key: string, value: string): number => layout.PAIR_BYTES + Buffer.byteLength(key) + textBytes(value);

/** The texts of the event's own block, by their slots. */
type Texts = (string | undefined)[];

/** The bytes of a text beside its slot; none where it is the same as one that it may share. */
function sharedTextBytes({ slot, like }: Taken, text: string | undefined, texts: Texts): number {
  texts[slot] = text;
  return text === undefined || like.some((other) => texts[other] === text) ? 0 : textBytes(text);
}

/** The bytes of a field's value beside its slot. */
function valueBytes(taken: Taken, part: object, texts: Texts): number {
  const { source } = taken;
  switch (source.kind) {
    case "text":
      return sharedTextBytes(taken, source.take(part as never), texts);
    case "texts":
      return (source.take(part as never) ?? []).reduce(
        (sum, text) => sum + layout.LIST_ITEM_BYTES + textBytes(text),
        0,
      );
    case "pairs":
      return (source.take(part as never) ?? []).reduce((sum, [key, value]) => sum + pairBytes(key, value), 0);
    case "numbers":
      return (source.take(part as never) ?? []).length * layout.NUMBER_BYTES;
    default:
      return layout.NUMBER_BYTES;
  }
}

/**
 * The bytes that the record of an event takes at most: a guess that is never too low, or where that is above `room`,
 * counted value by value.
 * @param lineBytes bytes of the engine's line, or of a captured payload
 * @param addition as `RecordWriter.write` gets it
 */
export function recordBound(
  lineBytes: number,
  event: EnrichedEvent,
  addition = "",
  room: number = layout.RECORD_MAX,
): number {
  const payload = lineBytes + Buffer.byteLength(addition);
  const guess = align(FIXED_BYTES + VALUES * (VALUE_FIXED + VALUE_PER_BYTE * payload) + payload);
  if (guess <= room) return guess;
  let bytes = FIXED_BYTES + payload + fields.length * (layout.SLOT_BYTES + layout.COUNT_BYTES + layout.RECORD_ALIGN);
  const { Attributes } = event.Actor;
  const texts: Texts = [];
  for (const key in Attributes) {
    bytes += pairBytes(key, Attributes[key] ?? "");
    const slot = own.attribute.get(key);
    if (slot !== undefined) texts[slot] = Attributes[key];
  }
  const { labels } = event.falco ?? {};
  if (labels !== undefined) bytes += Object.keys(Attributes).length * layout.PAIR_BYTES;
  for (const key in labels) bytes += pairBytes(key, labels[key] ?? "");
  for (const { part, taken } of own.groups) {
    const found = part(event);
    if (found !== undefined) for (const field of taken) bytes += valueBytes(field, found, texts);
  }
  for (const { part, taken } of shared) {
    const found = part(event);
    if (found !== undefined) for (const field of taken) bytes += valueBytes(field, found, []);
  }
  return align(bytes);
}
