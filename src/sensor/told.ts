/** What is told of the lines of a source that ends: a period of a stream. */
import { bytesOf, type Line, lineOf } from "../base/line.ts";
import { LINE_MAX, LineSplitter } from "../docker/stream/lines.ts";
import { EventReader, type Told, unreadable } from "../docker/stream/reader.ts";
import { hashLine, hashLongLine, timeOfLine } from "../docker/stream/resume.ts";
import type { SourceSink } from "./source.ts";

const NEWLINE = Buffer.from("\n");

/** Tells a source's sink of the events in bytes that come one after the other. */
export class LinesTold {
  readonly #reader: EventReader;
  readonly #lines: LineSplitter;

  /** @param maxEventBytes bytes of a line beyond which an event is cut down */
  constructor(
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

  /** Takes bytes, split anywhere. */
  push(bytes: Buffer): void {
    this.#lines.push(bytes);
    this.sink.flush();
  }

  /** All bytes have come: the last line may have no newline. */
  end(): void {
    this.push(NEWLINE);
    this.sink.ended();
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
