/** A recording of an engine's stream, its lines as the engine wrote them: a source that ends. */
import { bytesOf, type Line, lineOf } from "../base/line.ts";
import { LINE_MAX, LineSplitter } from "../docker/stream/lines.ts";
import { EventReader, type Told, unreadable } from "../docker/stream/reader.ts";
import { hashLine, hashLongLine, timeOfLine } from "../docker/stream/resume.ts";
import type { Source, SourceSink } from "./source.ts";

/** So much is told of before others have their turn, bytes. */
const PIECE_BYTES = 256 * 1024;

const NEWLINE = Buffer.from("\n");

export class Recording implements Source {
  readonly forgets = false;
  readonly #reader: EventReader;
  readonly #lines: LineSplitter;
  #at = 0;
  #closed = false;

  /** @param maxEventBytes bytes of a line beyond which an event is cut down */
  constructor(
    readonly bytes: Buffer,
    readonly sink: SourceSink,
    maxEventBytes: number,
  ) {
    this.#reader = new EventReader(maxEventBytes, (why, head) => sink.malformed(why, head));
    this.#lines = new LineSplitter(
      LINE_MAX,
      (line) => this.#tell(this.#reader.read(line), hashLine(line), line, bytesOf(line)),
      (head, tail, length) => {
        const hash = hashLongLine(head, tail, length);
        this.#tell(this.#reader.readLong(head, tail, length), hash, lineOf(tail), length);
      },
    );
  }

  /** The time of its first event; 0 where its first line is none. */
  get began(): bigint {
    const end = this.bytes.indexOf(NEWLINE);
    return timeOfLine({ buffer: this.bytes, start: 0, end: end < 0 ? this.bytes.length : end });
  }

  get progress(): number {
    return this.bytes.length === 0 ? 1 : this.#at / this.bytes.length;
  }

  async open(): Promise<void> {
    this.sink.opened();
    while (this.#at < this.bytes.length) {
      const piece = this.bytes.subarray(this.#at, this.#at + PIECE_BYTES);
      this.#at += piece.length;
      this.#lines.push(piece);
      this.sink.flush();
      await Bun.sleep(0);
      if (this.#closed) return;
    }
    // The last line may have no newline.
    this.#lines.push(NEWLINE);
    this.sink.flush();
    this.sink.ended();
  }

  reopen(): void {
    void this.open();
  }

  close(): void {
    this.#closed = true;
  }

  /** @param end of the line, where its time is looked for if it is no event */
  #tell(told: Told | undefined, hash: bigint, end: Line, bytes: number): void {
    if (told === undefined) {
      this.sink.known({ timeNano: timeOfLine(end), hash });
      return;
    }
    const { event, line, cut } = told;
    if (line === undefined) this.sink.lost(unreadable(bytes, event.timeNano));
    else this.sink.event(event, line, { timeNano: event.timeNano, hash }, cut);
  }
}
