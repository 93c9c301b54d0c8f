/** `--dump`: events as lines. */
import type { Line } from "../base/line.ts";
import type { EnrichedEvent } from "../sensor/enrichment.ts";
import type { Given } from "./args.ts";
import { EXIT } from "./commands.ts";
import { type Taker, watch } from "./events/watch.ts";
import { type Form, formOf } from "./forms/form.ts";
import { Progress } from "./progress.ts";
import { note } from "./say.ts";
import { Out } from "./text/out.ts";
import { type View, Viewer } from "./view.ts";

/** How often a person is told of what was not drawn, ms: the terminal is busy enough. */
const MISSED_EVERY_MS = 1_000;

/** Writes events to standard output, as fast as that takes them; what it does not take is counted, and told. */
export class Printer {
  readonly out = new Out(1);
  readonly #form: Form;
  #missed = 0;
  #tellMissed: Timer | undefined;

  /** @throws BadUsage where a form is not there */
  constructor(
    given: Given,
    readonly say: (text: string) => void,
  ) {
    this.#form = formOf(given, this.out);
    const header = this.#form.header?.();
    if (header !== undefined) this.out.write(`${header}\n`);
  }

  print(view: View): void {
    if (!this.out.hasRoom) {
      this.#missed++;
      this.#tellMissed ??= setTimeout(() => this.#tell(), MISSED_EVERY_MS);
      return;
    }
    const line = this.#form.line(view);
    if (typeof line === "string") this.out.write(`${line}\n`);
    else if (line !== undefined) {
      this.out.writeBytes(line);
      this.out.write("\n");
    }
  }

  /** Writes the rest. @throws Error where it cannot be written */
  async end(): Promise<void> {
    clearTimeout(this.#tellMissed);
    this.#tell();
    await this.out.end();
    if (this.out.error !== undefined) throw this.out.error;
  }

  #tell(): void {
    this.#tellMissed = undefined;
    if (this.#missed === 0) return;
    const slow = this.out.isTerminal ? "the terminal" : "what reads them";
    const text = `${this.#missed} events were not ${this.out.isTerminal ? "drawn" : "written"}: ${slow} is slower than they come`;
    this.#missed = 0;
    this.say(text);
  }
}

/** Prints the events that were asked for. Returns the exit code. @throws BadUsage, BadAddress, EngineError, BadRecording */
export async function dump(given: Given): Promise<number> {
  const progress = new Progress("replaying");
  const say = (text: string) => {
    progress.hide();
    note(text);
  };
  const printer = new Printer(given, say);
  const viewer = new Viewer();
  const taker: Taker = {
    event: (event: EnrichedEvent, line: Line, isOwn) => printer.print(viewer.view(event, line, isOwn)),
    flush: () => {
      progress.hide();
      printer.out.flush();
    },
    room: () => printer.out.wait(),
    note: say,
    progress: (share) => progress.show(share),
  };
  try {
    await watch(given, taker, printer.out.gone);
  } finally {
    progress.hide();
    await printer.end();
  }
  return EXIT.done;
}
