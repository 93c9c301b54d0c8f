/** `docker-plugin --dump`: events as lines, by the way that Falco's events take. */
import { bytesOf, type Line } from "../base/line.ts";
import { printable } from "../base/text.ts";
import { Engine } from "../docker/client.ts";
import { DEBUG_TOOL, resolveEndpoint } from "../docker/endpoint.ts";
import { RecordWriter } from "../ipc/record.ts";
import { recordBound } from "../ipc/record_bound.ts";
import { RecordReader } from "../ipc/record_reader.ts";
import { feedOptions, readDefaults } from "../plugin/config.ts";
import { additionOf, type EnrichedEvent } from "../sensor/enrichment.ts";
import { connectionText, Feed, type FeedSink } from "../sensor/feed.ts";
import { Recording } from "../sensor/recording.ts";
import { engineSource } from "../sensor/source.ts";
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
    const bound = recordBound(bytesOf(line), event, addition, this.#memory.byteLength);
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

const note = (text: string) => process.stderr.write(`docker-plugin: ${text}\n`);

/** Prints what a feed tells. */
function sinkOf(format: OutputFormat | undefined, more: Pick<FeedSink, "connection" | "ended">): FeedSink {
  const printer = new Printer(format);
  return {
    event: (event, line) => printer.event(event, line),
    malformed: (why, head) => printer.malformed(why, head),
    lost: ({ reason }) => note(`events may have been lost: ${reason}`),
    flush: () => {},
    opened: () => {},
    known: () => {},
    skipped: () => {},
    snapshotTaken: () => {},
    warning: note,
    ...more,
  };
}

/** Prints the bundled recording. */
export async function dumpDemo(format: OutputFormat | undefined): Promise<number> {
  const { promise: all, resolve: ended } = Promise.withResolvers<void>();
  const options = feedOptions(readDefaults());
  const feed = new Feed(
    (sink) => new Recording(() => new Blob([demo]), sink, options),
    undefined,
    sinkOf(format, { connection: () => {}, ended: () => process.stdout.write("", () => ended()) }),
    { ...options, identified: () => false },
  );
  const stop = enough();
  await Promise.race([stop, Promise.all([feed.open(), all])]);
  feed.close();
  return 0;
}

/**
 * Prints a live engine's events until the person has seen enough.
 * @throws BadAddress, EngineError
 */
export async function dumpEngine(host: string, format: OutputFormat | undefined): Promise<number> {
  const engine = new Engine(resolveEndpoint(host, process.env, DEBUG_TOOL));
  for (const warning of engine.endpoint.warnings) note(warning);
  const options = feedOptions(readDefaults());
  const feed = new Feed(
    engineSource(engine, options),
    engine,
    sinkOf(format, {
      connection: (error, kept) => note(connectionText(engine.address, error, kept)),
      ended: () => {},
    }),
    { ...options, identified: () => engine.endpoint.isRemote },
  );
  const stop = enough();
  await feed.open();
  note(`connected to ${engine.address}; Ctrl-C ends`);
  await stop;
  feed.close();
  return 0;
}
