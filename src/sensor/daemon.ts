/** What the engine says of itself: asked for at each connection and whenever it tells that its settings were read anew. */
import type { DockerEvent } from "../docker/event.ts";
import { shortened } from "../docker/inspect/bounds.ts";
import { type DaemonInspection, daemonIdentityOf, engineDefaultsOf, inspectDaemon } from "../docker/inspect/daemon.ts";
import type { EngineDefaults } from "../docker/inspect/isolation.ts";
import type { Kind, Questions } from "./questions.ts";

const KIND: Kind = { name: "the engine itself", fields: "docker.engine.warnings and what else it says of itself" };

/** Of our own event. */
const EXISTING = "existing";

/** How long containers are not asked about until it is known what the engine gives all of them, ms. */
const READY_MAX_MS = 100;

export class Daemon {
  #identity: ReturnType<typeof daemonIdentityOf>;
  #known: DaemonInspection | undefined;
  #defaults: EngineDefaults | undefined;
  #isCurrent = false;
  #pending: Promise<void> | undefined;
  #ready: Promise<void> | undefined;

  constructor(readonly questions: Questions) {}

  /** What it gives containers that ask for nothing else, as it said last. */
  get defaults(): EngineDefaults | undefined {
    return this.#defaults;
  }

  /** What is told at an event of it: at its `reload` nothing that it said before. */
  partOf({ Action }: DockerEvent): DaemonInspection | undefined {
    return Action === EXISTING || this.#isCurrent ? this.#known : undefined;
  }

  /** What settles soon after a connection stands, when it has answered for the first time; undefined from then on. */
  get ready(): Promise<void> | undefined {
    return this.#ready;
  }

  /** What settles when the question that is under way does. */
  get pending(): Promise<void> | undefined {
    return this.#pending;
  }

  /** A connection stands. */
  begin(): void {
    this.#identity = undefined;
    this.#known = undefined;
    this.#defaults = undefined;
    const settled = this.ask();
    if (settled === undefined) return;
    const ready = Promise.race([settled, Bun.sleep(READY_MAX_MS)]).then(() => {
      if (this.#ready === ready) this.#ready = undefined;
    });
    this.#ready = ready;
  }

  /** Asks, as its settings may be others than they were. Returns what settles when that is over. */
  ask(): Promise<void> | undefined {
    this.#isCurrent = false;
    const answer = this.questions.ask(KIND, "/info", (json) => {
      const inspected = inspectDaemon(json);
      // Of two answers the later one is the newer, as both come over the same few connections.
      this.#known = inspected && shortened(inspected);
      this.#defaults = engineDefaultsOf(json, this.questions.engine.info);
      this.#isCurrent = true;
      this.#identity = daemonIdentityOf(json);
    });
    if (typeof answer === "string") return undefined;
    const settled = answer
      .catch(() => {})
      .finally(() => {
        if (this.#pending === settled) this.#pending = undefined;
      });
    this.#pending = settled;
    return settled;
  }

  /**
   * The event that tells of an engine that runs already, in the form of its `reload`; undefined where it has not said who
   * it is.
   * @param timeNano the engine's clock, ns since 1970
   */
  existing(timeNano: bigint): DockerEvent | undefined {
    if (this.#identity === undefined || this.#known === undefined) return undefined;
    const { id, name } = this.#identity;
    return {
      Type: "daemon",
      Action: EXISTING,
      Actor: { ID: id, Attributes: { name } },
      scope: "local",
      time: Number(timeNano / 1_000_000_000n),
      timeNano,
    };
  }
}
