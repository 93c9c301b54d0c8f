import type { DockerEvent } from "./event.ts";

/** What was taken out of an event that was too long. */
export interface Cut {
  /** Bytes of the engine's line. */
  readonly bytes: number;
  /** The attributes that are gone or shortened, at most NAMES_MAX of them. */
  readonly attributes: readonly string[];
  /** How many attributes are gone or shortened in all; absent where all of them are, uncounted. */
  readonly count?: number | undefined;
}

/** Names told of what was cut: a hostile event may have hundreds of thousands. */
const NAMES_MAX = 20;
const NAME_BYTES_MAX = 256;
/** The share of the bound that one text beside the attributes may take: a command line of megabytes is possible. */
const TEXT_SHARE = 8;
/** What is not attributes: ids, times, keys, and the note of the cut. */
const FRAME_BYTES = 16 * 1024;

/** The engine's own attributes, which rules ask for; a container's labels come after them. */
const FIRST = [
  ...["name", "image", "container", "exitCode", "signal", "type", "execID", "oldName", "imageID", "comment", "driver"],
  ...["state.new", "state.old", "com.docker.stack.namespace", "com.docker.swarm.node.id", "com.docker.swarm.task"],
  ...["com.docker.swarm.task.id", "com.docker.swarm.task.name", "com.docker.swarm.service.name"],
];

/** Bytes of a text as JSON. */
const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text));

/** The beginning of a text that takes at most `bytes` as JSON, not ending in half a character. */
function shorten(text: string, bytes: number): string {
  if (text.length <= bytes && jsonBytes(text) <= bytes) return text;
  let low = 0;
  for (let high = Math.min(text.length, bytes); low < high; ) {
    const middle = Math.ceil((low + high) / 2);
    if (jsonBytes(text.slice(0, middle)) <= bytes) low = middle;
    else high = middle - 1;
  }
  const last = text.charCodeAt(low - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? low - 1 : low);
}

/**
 * Cuts an event down to at most `max` bytes of line. What rules ask for stays exact: type, ids and times always, and of
 * the attributes first the engine's own, then the shortest; one text never takes more than an eighth of the bound.
 * @param lineBytes bytes of the engine's line
 * @returns the new line, in the engine's form, and what is missing in it
 */
export function cutEvent(event: DockerEvent, lineBytes: number, max: number): { line: string; cut: Cut } {
  const textMax = Math.floor((max - FRAME_BYTES) / TEXT_SHARE);
  let left = max - FRAME_BYTES;
  const keep = (text: string): string => {
    const short = shorten(text, textMax);
    left -= jsonBytes(short);
    return short;
  };
  const frame = {
    ...(event.status === undefined ? {} : { status: keep(event.status) }),
    ...(event.id === undefined ? {} : { id: keep(event.id) }),
    ...(event.from === undefined ? {} : { from: keep(event.from) }),
    Type: keep(event.Type),
    Action: keep(event.Action),
  };
  const id = keep(event.Actor.ID);
  const scope = event.scope === undefined ? {} : { scope: keep(event.scope) };

  const all = event.Actor.Attributes;
  const first = new Set(FIRST.filter((key) => Object.hasOwn(all, key)));
  const others = Object.keys(all)
    .filter((key) => !first.has(key))
    .map((key) => ({ key, bytes: jsonBytes(key) + jsonBytes(all[key] ?? "") + 2 }))
    .sort((a, b) => a.bytes - b.bytes);
  // Entries and not an object literal: a label may be called __proto__.
  const attributes: [string, string][] = [];
  const names: string[] = [];
  let count = 0;
  const missing = (key: string) => {
    count++;
    if (names.length < NAMES_MAX) names.push(shorten(key, NAME_BYTES_MAX));
  };
  for (const key of first) {
    const value = all[key] ?? "";
    const short = keep(value);
    left -= jsonBytes(key) + 2;
    attributes.push([key, short]);
    if (short !== value) missing(key);
  }
  for (const { key, bytes } of others) {
    if (bytes > left) {
      missing(key);
      continue;
    }
    left -= bytes;
    attributes.push([key, all[key] ?? ""]);
  }
  const text = JSON.stringify({ ...frame, Actor: { ID: id, Attributes: Object.fromEntries(attributes) }, ...scope });
  const time = event.time === undefined ? "" : `,"time":${event.time}`;
  const line = `${text.slice(0, -1)}${time},"timeNano":${event.timeNano}}`;
  return { line, cut: { bytes: lineBytes, attributes: names, count } };
}

const ATTRIBUTES = '"Attributes":{';
/** Where the attributes and the actor end; inside a string the quote would be escaped. */
const AFTER_ATTRIBUTES = '}},"scope"';

/**
 * The event of a line that is too long to be read whole, without its attributes: the engine writes them in the middle
 * (moby: api/types/events, Message). Undefined where the line is of another form.
 */
export function rejoin(head: Buffer, tail: Buffer): string | undefined {
  const beginning = head.toString();
  const end = tail.toString();
  const open = beginning.indexOf(ATTRIBUTES);
  const close = end.lastIndexOf(AFTER_ATTRIBUTES);
  if (open < 0 || close < 0) return undefined;
  return beginning.slice(0, open + ATTRIBUTES.length) + end.slice(close);
}
