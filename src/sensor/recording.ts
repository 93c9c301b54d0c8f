/**
 * A recording of events, a line each: a source that ends. A line is what Falco gets as an event's payload: the engine's
 * line, and in its last key `falco` what was found out about it then, where something was. Whoever wrote the file is
 * believed in that, as a capture file is. When an event came is not written down: it is its own time that says it.
 */
import { statSync } from "node:fs";
import { errorMessage, fileTrouble } from "../base/errors.ts";
import { bytesOf, type Line, lineOf, textOf } from "../base/line.ts";
import { BadAddress, FALCO } from "../docker/endpoint.ts";
import { LINE_MAX, LineSplitter } from "../docker/stream/lines.ts";
import { EventReader, passedOver, type Told, unreadable } from "../docker/stream/reader.ts";
import { hashLine, hashLongLine } from "../docker/stream/resume.ts";
import { NO_TRACE, type Trace } from "../docker/trace.ts";
import { isCompressed, readRecording } from "./recording_file.ts";
import type { Source, SourceSink } from "./source.ts";

/** How the address of a recording begins; its path follows, as it is. */
export const FILE_SCHEME = "file://";

/** So much is told of before others have their turn, bytes. */
const PIECE_BYTES = 256 * 1024;

/** A runtime may hold so much of what was compressed, bytes. */
const UNPACKED_MAX = 128 * 1024 * 1024;

const NEWLINE = Buffer.from("\n");
const TIME = '"timeNano":';
const ADDED = ',"falco":';

/** The time of a payload, ns since 1970, without parsing it; 0 where it does not say it. */
export function timeOfPayload(line: Line): bigint {
  const text = textOf(line);
  const at = text.lastIndexOf(TIME);
  const [digits = "0"] = at < 0 ? [] : (/^\d{1,20}/.exec(text.slice(at + TIME.length, at + TIME.length + 21)) ?? []);
  return BigInt(digits);
}

/**
 * The engine's line of a payload: without what was added to it, which is an object in front of the last `}`. Inside of
 * a text its quotes would be escaped, and what an attribute of that name holds does not end the line.
 */
export function withoutAddition(line: Line): Line {
  const text = textOf(line);
  for (let at = text.indexOf(ADDED); at >= 0; at = text.indexOf(ADDED, at + 1)) {
    if (text[at + ADDED.length] !== "{") continue;
    const brace = text.lastIndexOf("}");
    try {
      JSON.parse(text.slice(at + ADDED.length, brace));
      return lineOf(text.slice(0, at) + text.slice(brace));
    } catch {
      // Not the last key of the whole: what stands here is something else's.
    }
  }
  return line;
}

/** The line that an event was made of. */
const engineLine = (line: Line, { event }: Told): Line => ("falco" in event ? withoutAddition(line) : line);

/**
 * The file that an address names.
 * @param address begins with FILE_SCHEME
 * @throws BadAddress where that is no file, or none that can be looked at
 */
export function recordingAt(address: string): Blob {
  const bad = (why: string) => new BadAddress(`${FALCO.setting} ${JSON.stringify(address)}: ${why}`);
  const path = address.slice(FILE_SCHEME.length);
  if (!path.startsWith("/") || path.includes("\0"))
    throw bad("a recording's path begins with a slash; expected file:///path/to/events.jsonl");
  let isFile: boolean;
  try {
    isFile = statSync(path).isFile();
  } catch (error) {
    throw bad(fileTrouble(error));
  }
  if (!isFile) throw bad("it is no file; expected one with an event of an engine on each line");
  if (!isCompressed(path)) return Bun.file(path);
  try {
    return new Blob([readRecording(path, UNPACKED_MAX)]);
  } catch (error) {
    throw bad(errorMessage(error));
  }
}

export interface RecordingOptions {
  /** Bytes of a line beyond which an event is cut down. */
  readonly maxEventBytes: number;
  /** Where an earlier reader of it stood: the greatest `hash` of the fingerprints that were told. */
  readonly place?: number;
  /** Resolves when more may be told; the event loop has its turn before that. */
  readonly room?: () => Promise<void>;
  /**
   * Lets a line wait for its turn, until what it returns resolves.
   * @param timeNano when its event was, ns since 1970; 0 where it does not say it
   */
  readonly pace?: (timeNano: bigint) => Promise<void> | undefined;
  /** Where the line that is read leaves its trace. */
  readonly trace?: Trace;
}

/** The `hash` of an event's fingerprint is its place here: where its line ends, bytes from the beginning. */
export class Recording implements Source {
  readonly forgets = false;
  readonly origin = "capture";
  readonly #reader: EventReader;
  readonly #lines: LineSplitter;
  readonly #trace: Trace;
  /** What is told of, and where it begins. */
  #piece: Buffer = NEWLINE;
  #pieceAt = 0;
  #at: number;
  #began = 0n;
  /** The time of the last event. */
  #last = 0n;
  #closed = false;
  #bytes = new Blob();

  /** @param find finds what is to be read, when it is opened */
  constructor(
    readonly find: () => Blob,
    readonly sink: SourceSink,
    readonly options: RecordingOptions,
  ) {
    const { maxEventBytes, place = 0, trace = NO_TRACE } = options;
    this.#at = place;
    this.#trace = trace;
    this.#reader = new EventReader(maxEventBytes, (why, head) => sink.malformed(why, head));
    this.#lines = new LineSplitter(
      LINE_MAX,
      (line) => this.#line(hashLine(line), line, bytesOf(line), line, () => this.#reader.read(line)),
      (head, tail, length) => {
        const read = () => this.#reader.readLong(head, tail, length);
        this.#line(hashLongLine(head, tail, length), lineOf(tail), length, undefined, read);
      },
    );
  }

  /** The time of the first event that it has; 0 until one was read. */
  get began(): bigint {
    return this.#began;
  }

  get progress(): number {
    return this.#bytes.size === 0 ? 1 : Math.min(1, this.#at / this.#bytes.size);
  }

  /**
   * Begins to tell, and goes on by itself.
   * @throws where it cannot be found or read
   */
  async open(): Promise<void> {
    this.#bytes = this.find();
    const first = await this.#read();
    if (this.#closed) return;
    this.sink.opened();
    void this.#tellAll(first);
  }

  /** Where it cannot be read any more, that is told of as a loss, and it ends. */
  reopen(): void {
    this.open().catch((error) => this.#fail(error));
  }

  close(): void {
    this.#closed = true;
  }

  async #read(): Promise<Buffer> {
    return Buffer.from(await this.#bytes.slice(this.#at, this.#at + PIECE_BYTES).arrayBuffer());
  }

  async #tellAll(first: Buffer): Promise<void> {
    const { room = () => Bun.sleep(0) } = this.options;
    for (let piece = first; piece.length > 0; ) {
      await this.#tellPaced(piece);
      await room();
      if (this.#closed) return;
      try {
        piece = await this.#read();
      } catch (error) {
        return this.#fail(error);
      }
    }
    if (this.#closed) return;
    if (this.#at < this.#bytes.size) return this.#fail("it became shorter");
    // The last line may have no newline.
    this.#tell(NEWLINE);
    await room();
    if (!this.#closed) this.sink.ended();
  }

  /** Tells of a piece line by line, where lines have a pace. */
  async #tellPaced(piece: Buffer): Promise<void> {
    const { pace } = this.options;
    if (pace === undefined) return this.#tell(piece);
    for (let start = 0; start < piece.length; ) {
      const newline = piece.indexOf(NEWLINE, start);
      const end = newline < 0 ? piece.length : newline + 1;
      await pace(timeOfPayload({ buffer: piece, start, end }));
      if (this.#closed) return;
      this.#tell(piece.subarray(start, end));
      start = end;
    }
  }

  #tell(piece: Buffer): void {
    this.#piece = piece;
    this.#pieceAt = this.#at;
    this.#at += piece.length;
    this.#lines.push(piece);
    this.sink.flush();
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    const reason = `the recording cannot be read on: ${errorMessage(error)}`;
    this.sink.lost({ reason, since: this.#last, until: this.#last });
    this.sink.flush();
    this.sink.ended();
  }

  /**
   * Tells of a line.
   * @param hash of what it says
   * @param end of it, where its time stands
   * @param read what it says
   */
  #line(hash: bigint, end: Line, bytes: number, whole: Line | undefined, read: () => Told | undefined): void {
    // One that lies in two pieces ends with the first newline of the second.
    const at = whole?.buffer === this.#piece ? whole.end : this.#piece.indexOf(NEWLINE);
    const place = BigInt(this.#pieceAt + at + 1);
    if (this.#trace.begin(hash)) this.#told(read(), place, bytes);
    else this.#passOver(timeOfPayload(end) || this.#last, place);
    this.#trace.end();
  }

  /** A line that ended two processes. */
  #passOver(timeNano: bigint, place: bigint): void {
    this.sink.lost(passedOver(timeNano), { timeNano, hash: place });
  }

  #told(told: Told | undefined, place: bigint, bytes: number): void {
    if (told === undefined) return;
    const { event, line, cut } = told;
    const fingerprint = { timeNano: event.timeNano, hash: place };
    this.#began ||= event.timeNano;
    this.#last = event.timeNano;
    if (line === undefined) this.sink.lost(unreadable(bytes, event.timeNano), fingerprint);
    else this.sink.event(event, engineLine(line, told), fingerprint, cut);
  }
}
