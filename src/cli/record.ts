/** `--record FILE`: the events into a file. */
import { statSync } from "node:fs";
import { RecordingWriter } from "../sensor/recording_writer.ts";
import { BadUsage, type Given } from "./args.ts";
import { EXIT } from "./commands.ts";
import { watch } from "./events/watch.ts";
import { draw, isSeen, note } from "./say.ts";
import { Viewer } from "./view.ts";

/** How often a person is shown how many there are, ms. */
const SHOWN_EVERY_MS = 500;
const ERASE = "\r\x1b[K";

/** Says on a terminal how many events were recorded, in a line of its own. */
class Count {
  count = 0;
  #timer: Timer | undefined;
  readonly #isOn = isSeen();

  start(): void {
    const show = () => draw(`${ERASE}${this.count} events`);
    if (this.#isOn) this.#timer = setInterval(show, SHOWN_EVERY_MS);
  }

  hide(): void {
    if (this.#isOn) draw(ERASE);
  }

  end(): void {
    clearInterval(this.#timer);
    this.hide();
  }
}

/** Whether both paths lead to one file that is there. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false, bigint: true }));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

/** Records the events that were asked for. Returns the exit code. @throws BadUsage, BadAddress, EngineError, BadRecording */
export async function record(given: Given): Promise<number> {
  const file = given.value ?? "";
  const from = given.one("replay");
  if (from !== undefined && isSame(file, from))
    throw new BadUsage(`--record and --replay name one and the same file: ${file}`);
  const failed = Promise.withResolvers<void>();
  let failure: Error | undefined;
  const writer = new RecordingWriter(file, (error) => {
    failure ??= error;
    failed.resolve();
  });
  const shown = new Count();
  const say = (text: string) => {
    shown.hide();
    note(text);
  };
  if (writer.torn > 0) say(`${writer.path}: ${writer.torn} bytes of an event that was never written whole are cut off`);
  if (writer.goesOn) say(`${writer.path} exists: events are appended to it`);
  const viewer = new Viewer();
  shown.start();
  try {
    await watch(
      given,
      {
        event: (event, line, isOwn) => {
          writer.write(viewer.view(event, line, isOwn).payload);
          shown.count++;
        },
        flush: () => writer.flush(),
        room: () => Promise.resolve(),
        note: say,
        progress: () => {},
      },
      failed.promise,
    );
  } finally {
    shown.end();
    writer.close();
  }
  if (failure !== undefined) throw failure;
  note(`${shown.count} events are in ${writer.path}`);
  return EXIT.done;
}
