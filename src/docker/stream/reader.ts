/** From a line of an engine to its event: as it is, cut down where it is long, or why there is none. */
import { bytesOf, type Line, lineOf, textOf, viewOf } from "../../base/line.ts";
import { type DockerEvent, NotAnEvent, parseEvent } from "../event.ts";
import { rejoin, type Truncation, truncate } from "./truncation.ts";

/** How much of a line that is no event is shown. */
const HEAD_SHOWN_BYTES = 256;

/** What was lost, as far as it can be known. */
export interface Loss {
  readonly reason: string;
  /** Between which times of the engine, ns since 1970. */
  readonly since: bigint;
  readonly until: bigint;
  /** How many events; undefined where nobody knows. */
  readonly count?: number;
}

/** The loss of an event whose line is too long to be read, and has a form that cannot be cut. */
export const unreadable = (bytes: number, at: bigint): Loss => ({
  reason: `a line of ${bytes} bytes could not be read`,
  since: at,
  until: at,
  count: 1,
});

/** The loss of an event whose line ended two processes. */
export const passedOver = (at: bigint): Loss => ({
  reason: "a line of the engine ended the runtime twice and is passed over",
  since: at,
  until: at,
  count: 1,
});

/** What a line says. */
export interface Told {
  readonly event: DockerEvent;
  /** Its line, ours where something is cut out; undefined where it is too long and cannot be cut. */
  readonly line: Line | undefined;
  /** What is missing in it. */
  readonly cut: Truncation | undefined;
}

export class EventReader {
  /**
   * @param maxEventBytes bytes of a line beyond which an event is cut down
   * @param malformed told of each line that is no event, with its first bytes
   */
  constructor(
    readonly maxEventBytes: number,
    readonly malformed: (why: string, head: Buffer) => void,
  ) {}

  /** Reads a line; undefined where it is no event. */
  read(line: Line): Told | undefined {
    const whole = bytesOf(line) <= this.maxEventBytes;
    // Cut before it is parsed: to parse megabytes of labels would stop everything else for a second.
    const short = whole ? undefined : truncate(viewOf(line), this.maxEventBytes);
    const event = this.#parse(short?.line.toString() ?? textOf(line), line);
    if (event === undefined) return undefined;
    if (short !== undefined) return { event, line: lineOf(short.line), cut: short.cut };
    return { event, line: whole ? line : undefined, cut: undefined };
  }

  /** Reads a line beyond all bounds, of `bytes` bytes: its event goes on without attributes. */
  readLong(head: Buffer, tail: Buffer, bytes: number): Told | undefined {
    const text = rejoin(head, tail) ?? "";
    const event = this.#parse(text, lineOf(head));
    return event && { event, line: lineOf(text), cut: { bytes, attributes: [] } };
  }

  #parse(text: string, { buffer, start, end }: Line): DockerEvent | undefined {
    try {
      return parseEvent(text);
    } catch (error) {
      if (!(error instanceof NotAnEvent)) throw error;
      this.malformed(error.message, buffer.subarray(start, Math.min(end, start + HEAD_SHOWN_BYTES)));
      return undefined;
    }
  }
}
