/** `--through`: events as Falco gets them, through the ABI of libdocker.so, beside the direct way. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { lineOf, textOf } from "../../base/line.ts";
import { DEBUG_TOOL, resolveEndpoint } from "../../docker/endpoint.ts";
import { info } from "../../plugin/info.ts";
import { isToldAnew } from "../../sensor/snapshot.ts";
import type { Given } from "../args.ts";
import { EXIT } from "../commands.ts";
import { Printer } from "../dump.ts";
import { untilEnough } from "../events/enough.ts";
import { Live } from "../events/live.ts";
import { watch } from "../events/watch.ts";
import { note } from "../say.ts";
import { Viewer } from "../view.ts";
import { AbiError, foreignEvent, Library } from "./abi.ts";
import { type Through, ThroughReader } from "./abi_view.ts";
import { Beside } from "./beside.ts";

/** A real Falco's state is left alone. */
const CONFIG = JSON.stringify({ statefile: "" });
/** Of an event so much names it, characters. */
const NAMED = 120;

class Comparison {
  readonly beside = new Beside();
  differences = 0;
  count = 0;

  tell(line: string, difference: string): void {
    this.differences++;
    note(`difference: ${difference}; of ${line.slice(0, NAMED)}${line.length > NAMED ? "…" : ""}`);
  }

  read({ line, differences }: Through): void {
    this.count++;
    for (const difference of differences) this.tell(line, difference);
  }

  /** @param patience how long the other way has had at least, ms */
  alone(patience?: number): void {
    for (const { way, line } of this.beside.alone(performance.now(), patience))
      this.tell(line, way === "abi" ? "it came through the ABI alone" : "it came by the direct way alone");
  }

  /** Says what came of it. Returns the exit code. */
  end(): number {
    const found =
      this.differences === 0
        ? "nothing differs from the direct way"
        : `${this.differences} differences, which are bugs`;
    note(`${this.count} events came through the ABI; ${found}`);
    return this.differences === 0 ? EXIT.done : EXIT.failed;
  }
}

/** A recording's events, as libsinsp hands over those of a capture file. */
async function recorded(given: Given, library: Library, printer: Printer): Promise<number> {
  const comparison = new Comparison();
  const reader = new ThroughReader(library);
  const viewer = new Viewer();
  await watch(
    given,
    {
      event: (event, line, isOwn) => {
        const { timeNano, payload } = viewer.view(event, line, isOwn);
        const through = reader.read(foreignEvent(timeNano, Buffer.from(payload)));
        if (through.line !== textOf(line)) comparison.tell(textOf(line), "the payload is another one");
        comparison.read(through);
        printer.print(through.view);
      },
      flush: () => printer.out.flush(),
      room: () => printer.out.wait(),
      note,
      progress: () => {},
    },
    printer.out.gone,
  );
  return comparison.end();
}

/** A live engine's events, by both ways at once. */
async function live(given: Given, library: Library, printer: Printer): Promise<number> {
  const comparison = new Comparison();
  const { beside } = comparison;
  const reader = new ThroughReader(library);
  const host = given.one("host") ?? "";
  const { address } = resolveEndpoint(host, process.env, DEBUG_TOOL);
  const left = given.count("count") ?? Number.POSITIVE_INFINITY;
  const nothing = () => {};
  const direct = new Live(
    host,
    { filters: {}, since: undefined, until: undefined, isOneOfSeveral: false, snapshot: false },
    {
      event: (_event, line, fingerprint) => {
        if (fingerprint !== undefined) beside.came("direct", textOf(line));
      },
      lost: ({ reason }) => note(`direct: events may have been lost: ${reason}`),
      connection: (error) => note(`direct: ${error?.message ?? "connected again"}`),
      malformed: nothing,
      flush: nothing,
      opened: nothing,
      known: nothing,
      skipped: nothing,
      snapshotTaken: nothing,
      ended: nothing,
      warning: nothing,
    },
  );
  let isOver = false;
  const enough = untilEnough(printer.out.gone, { pause: () => direct.pause(), resume: () => direct.resume() });
  void enough.then(() => {
    isOver = true;
  });
  const take = () => {
    for (const event of library.nextBatch() ?? []) {
      const through = reader.read(event);
      // What the plugin adds at its beginning the direct way does not tell of here.
      if (!isToldAnew(undefined, lineOf(through.line))) beside.came("abi", through.line);
      if (comparison.count >= left) continue;
      comparison.read(through);
      printer.print(through.view);
    }
    printer.out.flush();
  };
  try {
    await direct.open();
    library.open(address);
    note(`connected to ${address}, directly and through ${library.path}; Ctrl-C ends`);
    beside.stand();
    while (!isOver && comparison.count < left) {
      take();
      comparison.alone();
      // The direct way has its turn: a batch waits for 100 ms at most.
      await Bun.sleep(0);
    }
    // What is on its way by one of them may still come.
    const until = performance.now() + LAST_MS;
    while (!beside.isEven && performance.now() < until) {
      take();
      await Bun.sleep(0);
    }
    comparison.alone(0);
  } finally {
    direct.close();
  }
  return comparison.end();
}

/** How long the last events of one way may be behind those of the other, ms. */
const LAST_MS = 2_000;

/** Prints events as they come through the ABI. Returns the exit code. @throws as `watch`, and AbiError */
export async function through(given: Given): Promise<number> {
  const path = resolve(given.value ?? join(dirname(process.execPath), `lib${info.name}.so`));
  if (!existsSync(path)) throw new AbiError(`there is no ${path}; name the library: --through FILE`);
  const printer = new Printer(given, note);
  const library = new Library(path, CONFIG, (text) => note(`libdocker.so: ${text}`));
  try {
    const { missing } = library;
    if (missing.length > 0) note(`libdocker.so ${library.version} has no fields ${missing.join(", ")}`);
    const isRecording = given.has("demo") || given.has("replay");
    return await (isRecording ? recorded : live)(given, library, printer);
  } finally {
    library.close();
    await printer.end();
  }
}
