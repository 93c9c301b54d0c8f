/**
 * A recording of events, a line each: a source that ends. A line is what Falco gets as an event's payload: the engine's
 * line, and in its last key `falco` what was found out about it then, where something was. Whoever wrote the file is
 * believed in that, as a capture file is. When an event came is not written down: it is its own time that says it.
 */
import { type Line, lineOf, textOf } from "../base/line.ts";
import type { Told } from "../docker/stream/reader.ts";
import type { Source, SourceSink } from "./source.ts";
import { LinesTold } from "./told.ts";

/** So much is told of before others have their turn, bytes. */
const PIECE_BYTES = 256 * 1024;

const NEWLINE = 10;
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
    try {
      JSON.parse(text.slice(at + ADDED.length, text.lastIndexOf("}")));
      return lineOf(`${text.slice(0, at)}}`);
    } catch {
      // Not the last key of the whole: what stands here is something else's.
    }
  }
  return line;
}

const engineLine = (line: Line, { event }: Told): Line => ("falco" in event ? withoutAddition(line) : line);

/**
 * Asked before lines are told of. A recording waits for what it returns.
 * @param timeNano when the next line's event was, ns since 1970; undefined where that is not looked at
 */
export type Pace = (timeNano: bigint | undefined) => Promise<void> | undefined;

export interface RecordingOptions {
  /** Asked before each line (`line`), or before each piece of many of them. */
  readonly pace?: Pace;
  readonly paced?: "line" | "piece";
}

export class Recording implements Source {
  readonly forgets = false;
  readonly origin = "capture";
  readonly #told: LinesTold;
  #at = 0;
  #closed = false;

  /** @param maxEventBytes bytes of a line beyond which an event is cut down */
  constructor(
    readonly bytes: Buffer,
    readonly sink: SourceSink,
    maxEventBytes: number,
    readonly options: RecordingOptions = {},
  ) {
    this.#told = new LinesTold(sink, maxEventBytes, engineLine);
  }

  /** The time of its first event; 0 where its first line is none. */
  get began(): bigint {
    return timeOfPayload({ buffer: this.bytes, start: 0, end: this.#lineEnd(0) });
  }

  get progress(): number {
    return this.bytes.length === 0 ? 1 : this.#at / this.bytes.length;
  }

  async open(): Promise<void> {
    const { pace = () => undefined, paced } = this.options;
    this.sink.opened();
    while (this.#at < this.bytes.length) {
      const start = this.#at;
      const end = paced === "line" ? this.#lineEnd(start) + 1 : start + PIECE_BYTES;
      const piece = this.bytes.subarray(start, end);
      const wait = pace(paced === "line" ? timeOfPayload({ buffer: this.bytes, start, end: end - 1 }) : undefined);
      await (wait ?? Bun.sleep(0));
      if (this.#closed) return;
      this.#at += piece.length;
      this.#told.push(piece);
    }
    this.#told.end();
  }

  reopen(): void {
    void this.open();
  }

  close(): void {
    this.#closed = true;
  }

  /** Where the line that begins at `start` ends. */
  #lineEnd(start: number): number {
    const end = this.bytes.indexOf(NEWLINE, start);
    return end < 0 ? this.bytes.length : end;
  }
}
