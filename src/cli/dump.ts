import { bytesOf, type Line, textOf, viewOf } from "../base/line.ts";
import { printable } from "../base/text.ts";
import { Engine } from "../docker/client.ts";
import { DEBUG_TOOL, resolveEndpoint } from "../docker/endpoint.ts";
import { NotAnEvent } from "../docker/event.ts";
import { LINE_MAX } from "../docker/stream/connection.ts";
import { LineSplitter } from "../docker/stream/lines.ts";
import type { Loss } from "../docker/stream/reader.ts";
import { RecordReader, RecordWriter, recordBound } from "../ipc/record.ts";
import { feedOptions, readDefaults } from "../plugin/config.ts";
import { additionOf, type EnrichedEvent, parseEnriched } from "../sensor/enrichment.ts";
import { connectionText, Feed } from "../sensor/feed.ts";
import demo from "./demo.jsonl" with { type: "text" };
import { type OutputFormat, timeOfDay } from "./output.ts";

/** Turns events into lines by way of the record that Falco would get. */
class Printer {
  #memory = new ArrayBuffer(1 << 20);
  #writer = new RecordWriter(this.#memory);
  #reader = new RecordReader(this.#memory);

  /** @param format undefined: the payload itself */
  constructor(readonly format: OutputFormat | undefined) {}

  event(event: EnrichedEvent, line: Line): void {
    const addition = event.falco === undefined ? "" : additionOf(event.falco);
    const bound = recordBound(bytesOf(line), event, addition);
    if (bound > this.#memory.byteLength) {
      this.#memory = new ArrayBuffer(bound);
      this.#writer = new RecordWriter(this.#memory);
      this.#reader = new RecordReader(this.#memory);
    }
    this.#writer.write(0, line, event, addition);
    if (this.format === undefined) process.stdout.write(`${this.#reader.payload(0)}\n`);
    else process.stdout.write(`${timeOfDay(event.timeNano)}: Debug ${this.format.line(this.#reader, 0)}\n`);
  }

  malformed(why: string, head: Buffer): void {
    process.stderr.write(`docker-plugin: a line is no event (${printable(why)}): ${printable(head.toString())}\n`);
  }
}

/** Resolves when the person has seen enough: Ctrl-C, an end from outside, or a pipe that nobody reads any more. */
function enough(): Promise<void> {
  return new Promise((resolve, reject) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
    process.once("SIGHUP", resolve);
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") resolve();
      else reject(error);
    });
  });
}

/** Prints the bundled recording. */
export async function dumpDemo(format: OutputFormat | undefined): Promise<number> {
  const printer = new Printer(format);
  const lines = new LineSplitter(
    LINE_MAX,
    (line) => {
      try {
        printer.event(parseEnriched(textOf(line), "engine"), line);
      } catch (error) {
        if (!(error instanceof NotAnEvent)) throw error;
        printer.malformed(error.message, viewOf(line));
      }
    },
    (head, _tail, bytes) => printer.malformed(`${bytes} bytes`, head.subarray(0, 256)),
  );
  const stop = enough();
  lines.push(Buffer.from(demo));
  await Promise.race([stop, new Promise((resolve) => process.stdout.write("", resolve))]);
  return 0;
}

/**
 * Prints a live engine's events until the person has seen enough.
 * @throws BadAddress, EngineError
 */
export async function dumpEngine(host: string, format: OutputFormat | undefined): Promise<number> {
  const engine = new Engine(resolveEndpoint(host, process.env.DOCKER_HOST, DEBUG_TOOL));
  const printer = new Printer(format);
  const note = (text: string) => process.stderr.write(`docker-plugin: ${text}\n`);
  const feed = new Feed(
    engine,
    {
      event: (event, line) => printer.event(event, line),
      malformed: (why, head) => printer.malformed(why, head),
      lost: ({ reason }: Loss) => note(`events may have been lost: ${reason}`),
      flush: () => {},
      opened: () => {},
      known: () => {},
      connection: (error, kept) => note(connectionText(engine.address, error, kept)),
      snapshotTaken: () => {},
      warning: note,
    },
    { ...feedOptions(readDefaults()), identified: () => engine.endpoint.isRemote },
  );
  const stop = enough();
  await feed.open();
  note(`connected to ${engine.address}; Ctrl-C ends`);
  await stop;
  feed.close();
  return 0;
}
