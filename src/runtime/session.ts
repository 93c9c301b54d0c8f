/** An open instance: from the addresses of engines to their events in its ring. */
import { Budget } from "../docker/budget.ts";
import { FALCO, resolveEngines } from "../docker/endpoint.ts";
import { EngineError } from "../docker/engine_error.ts";
import type { Bridge } from "../ipc/bridge.ts";
import { RingProducer } from "../ipc/ring.ts";
import { type Config, reachOptions } from "../plugin/config.ts";
import { SEQUENCER_BYTES } from "../sensor/sequencer.ts";
import { shareFiles } from "./open_files.ts";
import { spoolRoom } from "./spool.ts";
import { Watch } from "./watch.ts";
import { EventWriter } from "./writer.ts";

/** How long open waits for a first connection to each engine where it need not have one, ms. */
const OPEN_PATIENCE_MS = 2_000;

/** How long open takes at most where it needs a connection, ms; the host waits for 10 s. */
const OPEN_MAX_MS = 9_000;

/** What `promise` comes to, or `error` where that takes more than `ms`. */
function within<T>(ms: number, promise: Promise<T>, error: Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const bound = setTimeout(() => reject(error), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(bound));
  });
}

/** One open instance: its engines, and the one ring that their events come together in, in the order they arrive. */
export class Session {
  readonly #watches: readonly Watch[];
  readonly #ring: RingProducer;
  readonly #writer: EventWriter;
  /** Open has succeeded: from now on no engine that is refused ends it. */
  #isOpen = false;

  /**
   * @param params `open_params`: addresses of engines, or empty
   * @param openFor for how long the instance was open in runtimes that are gone, s; 0: it is opened now
   * @param isOneOfSeveral whether engines of others are open beside those of this one
   * @throws BadAddress
   */
  constructor(
    readonly bridge: Bridge,
    readonly config: Config,
    instance: number,
    params: string,
    openFor: number,
    isOneOfSeveral: () => boolean,
  ) {
    const wanted = resolveEngines(params, process.env, FALCO, reachOptions(config));
    const addresses = wanted.map(({ endpoint }) => endpoint.address);
    this.#ring = new RingProducer(bridge, instance, addresses);
    this.#writer = new EventWriter(bridge, this.#ring, config.queuebytes);
    const { questions, warning } = shareFiles(wanted.map(({ endpoint }) => endpoint));
    if (warning !== undefined) bridge.log("warning", warning);
    const shared = {
      ...{ bridge, config, ring: this.#ring, writer: this.#writer, engines: wanted.length, questions, openFor },
      waiting: new Budget(SEQUENCER_BYTES),
      isOneOfSeveral: () => wanted.length > 1 || isOneOfSeveral(),
    };
    this.#watches = this.#ring.journals.map((journal, place) => {
      const engine = wanted[place] as (typeof wanted)[number];
      return new Watch(shared, engine, journal);
    });
  }

  /**
   * Subscribes to the engines' events. Each that is not there yet is waited for, unless the setting `waitforengine` is
   * false and none is there.
   * @param again the instance was open in a runtime that is gone: keep trying where an engine is not there
   * @throws EngineError, also where one engine refuses in a way that only a person can mend
   */
  async open(again: boolean): Promise<void> {
    if (again) {
      this.#isOpen = true;
      for (const watch of this.#watches) watch.reopen();
      return;
    }
    const attempts = this.#watches.map((watch) => watch.open());
    // The host gives a runtime up that does not answer in time, and with it all other streams.
    if (!this.config.waitforengine) await within(OPEN_MAX_MS, oneOf(attempts), this.#silent());
    const settled = attempts.map((attempt, place) =>
      attempt.catch((error: EngineError) => {
        if (error.permanent && !this.#isOpen) throw error;
        this.#watches[place]?.waitFor(error);
      }),
    );
    const patience = Bun.sleep(OPEN_PATIENCE_MS).then(() => {
      this.#isOpen = true;
    });
    await Promise.race([Promise.all(settled), patience]);
    this.#isOpen = true;
  }

  /** Ends what could not be opened: what the next open needs is where it was. */
  abandon(): void {
    // An attempt that a close ends is nothing to wait for.
    this.#isOpen = true;
    for (const watch of this.#watches) watch.end();
    this.#writer.close();
  }

  /** Ends the streams, and keeps what a next open of the same engines needs to go on. */
  close(): void {
    this.#isOpen = true;
    for (const watch of this.#watches) watch.end();
    const room = spoolRoom();
    const inRing = this.#writer.close();
    // Who has little is kept first: one that floods takes what is left of the room.
    const left = this.#watches
      .map((watch) => ({ watch, undelivered: watch.undelivered(inRing, room) }))
      .sort((a, b) => a.undelivered.count - b.undelivered.count);
    for (const { watch, undelivered } of left) watch.keep(undelivered);
  }

  #silent(): EngineError {
    const [only, ...others] = this.#watches.map(({ address }) => address);
    return new EngineError(
      others.length === 0 ? `the engine at ${only} does not answer` : "none of the engines has answered in time",
    );
  }
}

/** The first attempt that succeeds. @throws EngineError where all fail: the one that only a person can mend, or what all say */
async function oneOf(attempts: readonly Promise<void>[]): Promise<void> {
  try {
    await Promise.any(attempts);
  } catch (error) {
    const errors = (error as AggregateError).errors as EngineError[];
    const [first, ...others] = errors;
    const permanent = errors.find((each) => each.permanent);
    if (permanent !== undefined || (first !== undefined && others.length === 0)) throw permanent ?? first;
    throw new EngineError(`none of the engines is there: ${errors.map(({ message }) => message).join("; ")}`);
  }
}
