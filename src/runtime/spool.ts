/** What Falco has not taken when it ends, kept in a file for the next one. */

import { writeSync } from "node:fs";
import { bytesOf, type Line, textOf } from "../base/line.ts";
import { NotAnEvent, parseEvent } from "../docker/event.ts";
import { type Fingerprint, REMEMBERED } from "../docker/stream/resume.ts";
import { ADDITION_BYTES, copyPayload } from "../ipc/payload.ts";
import type { Waiting } from "../ipc/ring.ts";
import { type EnrichedEvent, parseEnriched } from "../sensor/enrichment.ts";

/** What of the events that Falco has not taken is kept over its restart, bytes of all engines, and how long that may take, ms. */
export const SPOOL_BYTES_MAX = 64 * 1024 * 1024;
export const SPOOL_MS = 150;
/** Bytes that are written at once, but for an event that is longer. */
const BLOCK_BYTES = 1024 * 1024;
/** How many events moby keeps (moby 28.5.2: daemon/events, eventsLimit), and sends again to who does not know them. */
const ENGINE_KEEPS = 256;

/** Before the payload: a hash of up to 64 bits, a space. */
const HEAD = /^(?:-|\d{1,20}) $/;
const HEAD_MAX = 21;

const NEWLINE = 0x0a;
const SPACE = 0x20;
const NO_HASH = 0x2d;

/** When an event happened, ns since 1970; 0 where it is none. */
export function timeOf({ line }: Waiting): bigint {
  try {
    return parseEvent(textOf(line)).timeNano;
  } catch (error) {
    if (error instanceof NotAnEvent) return 0n;
    throw error;
  }
}

/** What may be kept, of all engines of an instance together. */
export interface SpoolRoom {
  /** Bytes that are left. */
  bytes: number;
  /** Until when, by `performance.now`. */
  readonly until: number;
}

/** The room of an instance that is closed now. */
export const spoolRoom = (): SpoolRoom => ({ bytes: SPOOL_BYTES_MAX, until: performance.now() + SPOOL_MS });

/** What of an engine's events is on its way to Falco when an instance is closed. */
export interface Undelivered {
  readonly count: number;
  /** The times of the oldest and the newest, ns since 1970. */
  readonly oldest: bigint;
  readonly newest: bigint;
  /** Whether the engine keeps its last events only: what it sends again for ever is never lost. */
  readonly forgotten: boolean;
  readonly room: SpoolRoom;
  /** The events, oldest first; can be gone through once. */
  readonly events: Iterable<Waiting>;
}

const NO_ROOM: SpoolRoom = { bytes: 0, until: 0 };
export const NOTHING: Undelivered = { count: 0, oldest: 0n, newest: 0n, forgotten: true, room: NO_ROOM, events: [] };

/** Events that nobody has any more. */
export interface Lost {
  readonly count: number;
  /** Between which times, ns since 1970. */
  readonly since: bigint;
  readonly until: bigint;
}

/**
 * Writes what Falco has not taken: a line an event, its hash (`-` for none), a space, its payload. Where it is too much,
 * in bytes or in time, the newest are not written, and the engine has to send them again.
 * @param fd a file, written from where it stands
 * @returns what nobody has any more
 * @throws where the file cannot be written; then what it holds means nothing
 */
export function writeSpool(fd: number, undelivered: Undelivered): Lost | undefined {
  const { count, room, events } = undelivered;
  let block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let used = 0;
  let written = 0;
  const flush = () => {
    for (let at = 0; at < used; ) at += writeSync(fd, block, at, used - at);
    used = 0;
  };
  for (const event of events) {
    const { line, addition, hash } = event;
    const added = addition === "" ? 0 : ADDITION_BYTES + Buffer.byteLength(addition);
    const size = HEAD_MAX + bytesOf(line) + added + 1;
    if (used + size > block.length) {
      flush();
      if (room.bytes < block.length + size || performance.now() >= room.until)
        return lostOf(undelivered, count - written, timeOf(event));
      if (size > block.length) block = Buffer.allocUnsafeSlow(size);
    }
    const from = used;
    if (hash === undefined) block[used++] = NO_HASH;
    else used += block.write(String(hash), used, "latin1");
    block[used++] = SPACE;
    used = copyPayload(block, used, line, addition);
    block[used++] = NEWLINE;
    room.bytes -= used - from;
    written++;
  }
  flush();
  return undefined;
}

/**
 * What nobody has any more where the last `count` events are not kept, the oldest of them from the time `since`.
 */
export function lostOf({ newest, forgotten }: Undelivered, count: number, since: bigint): Lost | undefined {
  if (!forgotten || count <= ENGINE_KEEPS) return undefined;
  return { count: count - ENGINE_KEEPS, since, until: newest < since ? since : newest };
}

/** An event that an earlier Falco did not take. */
export interface Spooled {
  readonly event: EnrichedEvent;
  /** Its payload, with what was added to it. */
  readonly line: Line;
  readonly fingerprint: Fingerprint | undefined;
}

/** Reads what `writeSpool` wrote, line by line: what is no such line is told and passed over. */
export class Spool {
  #at = 0;
  #next: Spooled | undefined;

  /** @param malformed told of each line that is none, with its first bytes */
  constructor(
    readonly bytes: Buffer,
    readonly malformed: (why: string, head: Buffer) => void,
  ) {}

  /** Bytes that are left. */
  get left(): number {
    return this.bytes.length - this.#at;
  }

  /** How the newest of its events are known again, oldest first: as many as a stream remembers. */
  fingerprints(): Fingerprint[] {
    const fingerprints: Fingerprint[] = [];
    for (let end = this.bytes.length - 1; end > this.#at && fingerprints.length < REMEMBERED; ) {
      const start = this.bytes.lastIndexOf(NEWLINE, end - 1) + 1;
      try {
        const { fingerprint } = this.#read(start, end);
        if (fingerprint !== undefined) fingerprints.push(fingerprint);
      } catch (error) {
        if (!(error instanceof NotAnEvent)) throw error;
      }
      end = start - 1;
    }
    return fingerprints.reverse();
  }

  /** The first event that is left; undefined where none is. */
  peek(): Spooled | undefined {
    while (this.#next === undefined && this.#at < this.bytes.length) {
      const end = this.bytes.indexOf(NEWLINE, this.#at);
      if (end < 0) return undefined;
      try {
        this.#next = this.#read(this.#at, end);
      } catch (error) {
        if (!(error instanceof NotAnEvent)) throw error;
        this.malformed(error.message, this.bytes.subarray(this.#at, Math.min(end, this.#at + 256)));
        this.#at = end + 1;
      }
    }
    return this.#next;
  }

  shift(): void {
    if (this.#next !== undefined) this.#at = this.#next.line.end + 1;
    this.#next = undefined;
  }

  /** What is left, to be kept once more: what its lines are worth is found out by who reads them for Falco. */
  *rest(): Generator<Waiting> {
    const { bytes } = this;
    for (let from = this.#at, end = bytes.indexOf(NEWLINE, from); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      const head = this.#head(from);
      if (head !== undefined) yield { line: { buffer: bytes, start: head.start, end }, addition: "", hash: head.hash };
      from = end + 1;
    }
  }

  /** What stands before the payload of the line that begins at `from`, and where that begins; undefined: no such line. */
  #head(from: number): { hash: Fingerprint["hash"] | undefined; start: number } | undefined {
    const start = this.bytes.indexOf(SPACE, from) + 1;
    const head = this.bytes.toString("latin1", from, Math.min(start, from + HEAD_MAX + 1));
    if (!HEAD.test(head)) return undefined;
    return { hash: head === "- " ? undefined : BigInt(head.trimEnd()), start };
  }

  /** @throws NotAnEvent */
  #read(from: number, end: number): Spooled {
    const head = this.#head(from);
    if (head === undefined || head.start > end) throw new NotAnEvent("not what this plugin writes");
    const { hash, start } = head;
    const line = { buffer: this.bytes, start, end };
    const event = parseEnriched(textOf(line), "capture");
    return { event, line, fingerprint: hash === undefined ? undefined : { timeNano: event.timeNano, hash } };
  }
}
