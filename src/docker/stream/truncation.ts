/** Lines that are too long: what of an event is cut out, before it is parsed. */

/** What was taken out of an event that was too long. */
export interface Truncation {
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
/** Attributes that are kept beside the engine's own: what comes after costs time for each of them. */
const KEPT_MAX = 16 * 1024;
/** The share of the bound that one text may take: a command line of megabytes is possible. */
const TEXT_SHARE = 8;
/** What is not texts: times, keys, and the note of the cut. */
const FRAME_BYTES = 16 * 1024;
/** A text that is not attributes is looked at from this length on, bytes; ids are never longer. */
const LONG_BYTES = 256;

/** The engine's own attributes, which rules ask for; a container's labels come after them. */
const FIRST = [
  ...["name", "image", "container", "exitCode", "signal", "type", "execID", "oldName", "imageID", "comment", "driver"],
  ...["state.new", "state.old", "com.docker.stack.namespace", "com.docker.swarm.node.id", "com.docker.swarm.task"],
  ...["com.docker.swarm.task.id", "com.docker.swarm.task.name", "com.docker.swarm.service.name"],
];
const FIRST_KEYS: ReadonlySet<string> = new Set(FIRST);
/** What of a key is looked at before it is read: its length and its first letter. */
const shapeOf = (length: number, first: number): number => length * 256 + first;
const FIRST_SHAPES: ReadonlySet<number> = new Set(FIRST.map((key) => shapeOf(key.length, key.charCodeAt(0))));
/** An attribute's least, `"":""` and what stands behind it. */
const ATTRIBUTE_BYTES_MIN = 6;
/** More than a line of LINE_MAX bytes has attributes. */
const PLACES = 2 ** 24;

const [QUOTE, COMMA, COLON, BACKSLASH, OPEN, CLOSE, U] = [0x22, 0x2c, 0x3a, 0x5c, 0x7b, 0x7d, 0x75];

/** Where the JSON string that begins at `at` ends, behind its quote; -1 where it does not. */
function stringEnd(line: Buffer, at: number): number {
  for (let i = at + 1; i < line.length; i++) {
    if (line[i] === BACKSLASH) i++;
    else if (line[i] === QUOTE) return i + 1;
  }
  return -1;
}

/** Bytes of the character at `at` of a JSON string; two halves of one that are written as escapes are one. */
function characterBytes(line: Buffer, at: number): number {
  const byte = line[at] ?? 0;
  if (byte === BACKSLASH) {
    if (line[at + 1] !== U) return 2;
    const isHigh = /^d[89ab]/i.test(line.toString("latin1", at + 2, at + 6));
    return isHigh && line[at + 6] === BACKSLASH && line[at + 7] === U ? 12 : 6;
  }
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/** The end of as many whole characters of a JSON string from `at` on as fit before `max`. */
function wholeCharacters(line: Buffer, at: number, max: number): number {
  let end = at;
  for (let next = at; next <= max; next += characterBytes(line, next)) end = next;
  return end;
}

/** A part of a line: bytes from `from` to `to`. */
type Span = readonly [from: number, to: number];

/** Where in a line its texts lie. */
interface Layout {
  /** Of each attribute where its key begins, where its value does, and where it ends: three numbers each. */
  readonly attributes: Uint32Array;
  /** Strings beside the attributes that could be too long. */
  readonly texts: readonly Span[];
}

const ATTRIBUTES = '"Attributes":{';
const ATTRIBUTES_BYTES = Buffer.from(ATTRIBUTES);

function beginsAttributes(line: Buffer, at: number): boolean {
  for (let i = 0; i < ATTRIBUTES.length; i++) if (line[at + i] !== ATTRIBUTES_BYTES[i]) return false;
  return true;
}

/** Finds the texts of a line, with no look at what they say; undefined where it has another form than the engine's. */
function layoutOf(line: Buffer): Layout | undefined {
  const { length } = line;
  // Room for as many as a line can have; what is not written takes no memory.
  const attributes = new Uint32Array(3 * Math.ceil(length / ATTRIBUTE_BYTES_MIN));
  let found = 0;
  const texts: Span[] = [];
  let depth = 0;
  let seen = false;
  for (let at = 0; at < length; ) {
    const byte = line[at];
    if (byte !== QUOTE) {
      if (byte === OPEN) depth++;
      else if (byte === CLOSE) depth--;
      at++;
      continue;
    }
    if (depth !== 2 || !beginsAttributes(line, at)) {
      const end = stringEnd(line, at);
      if (end < 0) return undefined;
      if (end - at > LONG_BYTES) texts.push([at, end]);
      at = end;
      continue;
    }
    if (seen) return undefined;
    seen = true;
    at += ATTRIBUTES.length;
    while (line[at] === QUOTE) {
      const key = stringEnd(line, at);
      if (key < 0 || line[key] !== COLON || line[key + 1] !== QUOTE) return undefined;
      const value = stringEnd(line, key + 1);
      if (value < 0) return undefined;
      attributes[found++] = at;
      attributes[found++] = key + 1;
      attributes[found++] = value;
      at = line[value] === COMMA ? value + 1 : value;
    }
    if (line[at++] !== CLOSE) return undefined;
  }
  return { attributes: attributes.subarray(0, found), texts };
}

/** The first bytes of a JSON string as text; empty where it is none. */
function nameOf(line: Buffer, [from, to]: Span): string {
  const end = wholeCharacters(line, from + 1, Math.min(to - 1, from + NAME_BYTES_MAX));
  try {
    return JSON.parse(`"${line.toString("utf8", from + 1, end)}"`);
  } catch {
    return "";
  }
}

/**
 * Cuts an event down to at most `max` bytes of line, with work that is bounded by the line's length. What rules ask for
 * stays exact: type, ids and times always, and of the attributes first the engine's own, then the shortest; one text
 * never takes more than an eighth of the bound.
 * @param line the engine's line, not changed
 * @param max at least 64 KiB
 * @returns the new line, in the order and the spelling of the engine's, and what is missing in it; undefined where the
 *   line does not have the form of an event
 */
export function truncate(line: Buffer, max: number): { line: Buffer; cut: Truncation } | undefined {
  const layout = layoutOf(line);
  if (layout === undefined) return undefined;
  const { attributes, texts } = layout;
  const count = attributes.length / 3;
  const keyAt = (i: number): number => attributes[3 * i] ?? 0;
  const valueAt = (i: number): number => attributes[3 * i + 1] ?? 0;
  const endAt = (i: number): number => attributes[3 * i + 2] ?? 0;

  const textMax = Math.floor((max - FRAME_BYTES) / TEXT_SHARE);
  let left = max - FRAME_BYTES;
  const gaps: Span[] = [];
  /** Keeps as much of a text as there is room for. Returns whether that is all of it. */
  const keep = ([from, to]: Span): boolean => {
    const most = Math.min(textMax, left);
    const whole = to - from <= most;
    const end = whole ? to - 1 : wholeCharacters(line, from + 1, from + most - 1);
    if (!whole) gaps.push([end, to - 1]);
    left -= end - from + 1;
    return whole;
  };
  for (const text of texts) keep(text);

  const own = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const bytes = valueAt(i) - keyAt(i) - 3;
    if (!FIRST_SHAPES.has(shapeOf(bytes, line[keyAt(i) + 1] ?? 0))) continue;
    const key = line.toString("latin1", keyAt(i) + 1, keyAt(i) + 1 + bytes);
    if (FIRST_KEYS.has(key)) own.set(key, i);
  }
  const kept = new Uint8Array(count);
  const names: string[] = [];
  let missing = 0;
  const miss = (i: number) => {
    missing++;
    if (names.length < NAMES_MAX) names.push(nameOf(line, [keyAt(i), valueAt(i) - 1]));
  };
  for (const key of FIRST) {
    const i = own.get(key);
    if (i === undefined) continue;
    kept[i] = 1;
    left -= valueAt(i) - keyAt(i) + 1;
    if (!keep([valueAt(i), endAt(i)])) miss(i);
  }
  // The shortest first: numbers, of which the higher part is an attribute's bytes and the lower one its place.
  const others = new Float64Array(count - own.size);
  let next = 0;
  for (let i = 0; i < count; i++) if (kept[i] === 0) others[next++] = (endAt(i) - keyAt(i) + 1) * PLACES + i;
  for (const other of others.sort().subarray(0, KEPT_MAX)) {
    left -= Math.floor(other / PLACES);
    if (left < 0) break;
    kept[other % PLACES] = 1;
  }
  for (let i = 0; i < count; i++) if (kept[i] === 0) miss(i);

  // A comma goes with what it stands before; with what comes behind only where nothing is before that.
  for (let from = kept.indexOf(0); from >= 0; ) {
    const next = kept.indexOf(1, from);
    const to = next < 0 ? count : next;
    gaps.push(from > 0 ? [endAt(from - 1), endAt(to - 1)] : [keyAt(0), next < 0 ? endAt(to - 1) : keyAt(to)]);
    from = next < 0 ? -1 : kept.indexOf(0, next);
  }
  const pieces: Buffer[] = [];
  let at = 0;
  for (const [from, to] of gaps.sort(([a], [b]) => a - b)) {
    pieces.push(line.subarray(at, from));
    at = to;
  }
  const short = Buffer.concat([...pieces, line.subarray(at)]);
  if (short.length > max) return undefined;
  return { line: short, cut: { bytes: line.length, attributes: names, count: missing } };
}

/**
 * The end of a line from where its attributes end: behind them the actor's id may stand, and the rest in any order. In
 * a string the quotes would be escaped.
 */
const LINE_END = /\}(?:,"ID":"(?:[^"\\]|\\.)*")?\}(?:,"\w+":(?:"(?:[^"\\]|\\.)*"|[\w.+-]+))*\}$/;

/**
 * The event of a line that is too long to be read whole, without its attributes: engines write them in the middle, in
 * the usual order (moby 28.5.2: api/types/events, Message) or, asked in an older version, by the alphabet. Undefined where the
 * line is of another form.
 */
export function rejoin(head: Buffer, tail: Buffer): string | undefined {
  const beginning = head.toString();
  const open = beginning.indexOf(ATTRIBUTES);
  const end = LINE_END.exec(tail.toString())?.[0];
  return open < 0 || end === undefined ? undefined : beginning.slice(0, open + ATTRIBUTES.length) + end;
}
