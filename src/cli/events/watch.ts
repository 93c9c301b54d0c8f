/** The events that a person asked for, from engines or from a recording, until they are over or enough. */
import type { Line } from "../../base/line.ts";
import { printable } from "../../base/text.ts";
import { feedOptions, readDefaults } from "../../plugin/config.ts";
import type { EnrichedEvent } from "../../sensor/enrichment.ts";
import { connectionText, Feed, type FeedSink } from "../../sensor/feed.ts";
import { lossText } from "../../sensor/loss.ts";
import { Recording } from "../../sensor/recording.ts";
import { BadRecording, readRecording } from "../../sensor/recording_file.ts";
import type { Given } from "../args.ts";
import demo from "../demo.jsonl" with { type: "text" };
import { untilEnough } from "./enough.ts";
import { filtersAsked, oddTypes } from "./filters_asked.ts";
import { Live } from "./live.ts";
import { paceOf, speedAsked } from "./pace.ts";
import { timeAsked } from "./times_asked.ts";

/** Who takes the events. */
export interface Taker {
  /** @param isOwn whether it is the engine's own, and not one that the plugin adds */
  event(event: EnrichedEvent, line: Line, isOwn: boolean): void;
  /** What came in one piece has been handed over. */
  flush(): void;
  /** Settles when there is room for more: recordings wait for it, engines do not. */
  room(): Promise<void>;
  /** Something that a person should know. */
  note(text: string): void;
  /** How far a recording is, 0 to 1. */
  progress(share: number): void;
}

/** How it ended: of itself, or as nobody wanted more. */
export type Ending = "over" | "enough";

/** Lets no more than `count` events pass. */
class Counted {
  readonly #reached = Promise.withResolvers<void>();
  #left: number;

  constructor(count: number | undefined) {
    this.#left = count ?? Number.POSITIVE_INFINITY;
  }

  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  /** Whether one more is wanted. */
  takes(): boolean {
    if (this.#left <= 0) return false;
    if (--this.#left === 0) this.#reached.resolve();
    return true;
  }
}

function sinkOf(taker: Taker, counted: Counted, address: () => string): FeedSink {
  return {
    event: (event, line, fingerprint) => {
      if (counted.takes()) taker.event(event, line, fingerprint !== undefined);
    },
    malformed: (why, head) => taker.note(`a line is no event (${printable(why)}): ${printable(head.toString())}`),
    lost: (loss) => taker.note(lossText(loss)),
    flush: () => taker.flush(),
    connection: (error, kept) => taker.note(connectionText(address(), error, kept)),
    opened: () => {},
    known: () => {},
    skipped: () => {},
    snapshotTaken: () => {},
    ended: () => {},
    warning: (text) => taker.note(text),
  };
}

const BRACE = "{".charCodeAt(0);

/** What a file holds that begins as a recording does. @throws BadRecording */
function recordingIn(file: string): Buffer {
  const bytes = readRecording(file);
  const first = bytes.find((byte) => byte > 0x20);
  if (first !== undefined && first !== BRACE)
    throw new BadRecording(`${file}: it is no recording: expected an event as JSON on each line`);
  return bytes;
}

/**
 * Takes a recording to its end.
 * @throws BadUsage, BadRecording
 */
async function watchRecording(given: Given, taker: Taker, gone: Promise<void>): Promise<Ending> {
  const file = given.one("replay");
  const speed = speedAsked(given.one("speed"));
  // Read before anything is told, so that what is wrong with it is said alone.
  const bytes = new Blob([file === undefined ? demo : recordingIn(file)]);
  const options = feedOptions(readDefaults());
  const counted = new Counted(given.count("count"));
  let isOver = false;
  const room = async () => {
    taker.progress(feed.progress ?? 0);
    await taker.room();
    await Bun.sleep(0);
  };
  const paced = speed === undefined ? undefined : paceOf(speed, () => isOver);
  const pace = (timeNano: bigint) => {
    taker.progress(feed.progress ?? 0);
    return paced?.(timeNano);
  };
  const ended = Promise.withResolvers<void>();
  const sink = { ...sinkOf(taker, counted, () => ""), ended: () => ended.resolve() };
  const feed: Feed = new Feed(
    (sink) => new Recording(() => bytes, sink, { ...options, room, ...(paced === undefined ? {} : { pace }) }),
    undefined,
    sink,
    { ...options, identified: () => false },
  );
  const enough = Promise.race([untilEnough(gone, { pause: () => {}, resume: () => {} }), counted.reached]);
  const all = Promise.all([feed.open(), ended.promise]).then((): Ending => "over");
  const ending = await Promise.race([all, enough.then((): Ending => "enough")]);
  isOver = true;
  feed.close();
  return ending;
}

/**
 * Takes what happens at engines.
 * @throws BadUsage, BadAddress, EngineError
 */
async function watchEngines(given: Given, taker: Taker, gone: Promise<void>): Promise<Ending> {
  const hosts = given.has("host") ? [...new Set(given.all("host"))] : [""];
  const counted = new Counted(given.count("count"));
  const wanted = {
    filters: filtersAsked(given),
    since: given.one("since"),
    until: given.one("until"),
    isOneOfSeveral: hosts.length > 1,
  };
  // What is wrong is said before an engine is looked for.
  for (const name of ["since", "until"] as const) {
    const text = wanted[name];
    if (text !== undefined) timeAsked(name, text, () => 0n);
  }
  for (const odd of oddTypes(wanted.filters)) taker.note(odd);
  const lives = hosts.map((host) => {
    const live: Live = new Live(
      host,
      wanted,
      sinkOf(taker, counted, () => live.address),
    );
    return live;
  });
  const enough = untilEnough(gone, {
    pause: () => {
      for (const live of lives) live.pause();
    },
    resume: () => {
      for (const live of lives) live.resume();
    },
  });
  const stop = Promise.race([enough, counted.reached]).then((): Ending => "enough");
  const ends = wanted.until !== undefined;
  const opened = Promise.all(
    lives.map(async (live) => {
      for (const warning of live.warnings) taker.note(warning);
      await live.open();
      if (!ends) taker.note(`connected to ${live.address}; Ctrl-C ends`);
    }),
  );
  try {
    const first = await Promise.race([opened.then((): Ending => "over"), stop]);
    return ends ? first : await stop;
  } finally {
    for (const live of lives) live.close();
    // One that was still on its way has nobody to tell.
    opened.catch(() => {});
  }
}

/**
 * Takes the events that were asked for.
 * @param gone settles when nobody takes them any more
 * @throws BadUsage, BadAddress, EngineError, BadRecording
 */
export const watch = (given: Given, taker: Taker, gone: Promise<void>): Promise<Ending> =>
  given.has("demo") || given.has("replay") ? watchRecording(given, taker, gone) : watchEngines(given, taker, gone);
