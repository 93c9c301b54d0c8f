/**
 * What the engine says of what an event is about: asked for as soon as the event is read, and kept, so that what follows
 * has it too, when the container itself is gone already.
 */
import type { Engine } from "../docker/client.ts";
import type { DockerEvent } from "../docker/event.ts";
import { containerIdOf } from "../docker/subject.ts";
import { Containers, changesContainer, type Hidden } from "./containers.ts";
import { Daemon } from "./daemon.ts";
import { type Enrichment, withMore } from "./enrichment.ts";
import { Execs } from "./execs.ts";
import { changesVolume, Objects } from "./objects.ts";
import { Questions } from "./questions.ts";

/** Whether what was learnt of a container, or of a volume that it may have, is not true any more, or is of no use. */
export const changesFacts = (event: DockerEvent): boolean => changesContainer(event) || changesVolume(event);

/** What is asked of an event, one after the other and together, for the time that the event waits. */
export class Inspector {
  readonly daemon: Daemon;
  readonly #questions: Questions;
  readonly #containers: Containers;
  readonly #execs: Execs;
  readonly #objects: Objects;

  /**
   * @param sensitive paths of the host that are sensitive beside the documented ones
   * @param say takes what a person should know
   * @param hidden what no event may tell of
   * @param engines how many engines share the memory for what is kept
   */
  constructor(
    engine: Engine,
    sensitive: readonly string[],
    say: (text: string) => void,
    hidden: Hidden = {},
    engines = 1,
  ) {
    this.#questions = new Questions(engine, say, engines);
    this.daemon = new Daemon(this.#questions);
    this.#objects = new Objects(this.#questions, sensitive);
    this.#containers = new Containers(this.#questions, this.#objects, this.daemon, sensitive, hidden);
    this.#execs = new Execs(this.#questions);
  }

  /** A connection stands: behind it there may be another engine than before. */
  begin(): void {
    this.#questions.begin();
    this.daemon.begin();
  }

  close(): void {
    this.#execs.close();
  }

  /** Asks what is to be known for an event. Returns what that waits for; undefined where `describe` knows all there is. */
  ask(event: DockerEvent): Promise<unknown> | undefined {
    if (event.Type === "daemon") return this.daemon.ask();
    const object = this.#objects.ask(event);
    const id = containerIdOf(event);
    if (id === undefined) return object;
    const { ready } = this.daemon;
    const container = ready?.then(() => this.#containers.ask(event, id)) ?? this.#containers.ask(event, id);
    const exec = this.#execs.ask(event);
    // Most events wait for nothing.
    if (object === undefined && container === undefined && exec === undefined) return undefined;
    return Promise.all([object, container, exec]);
  }

  /** Takes an event that is not told of, and changes facts. */
  note(event: DockerEvent): void {
    void this.ask(event);
    if (changesVolume(event)) this.#objects.describe(event);
  }

  /** What is known of what an event is about; undefined where that is nothing. */
  describe(event: DockerEvent): Enrichment | undefined {
    if (event.Type === "daemon") {
      const daemon = this.daemon.partOf(event);
      return daemon && { daemon };
    }
    const object = this.#objects.describe(event);
    const id = containerIdOf(event);
    if (id === undefined) return object;
    const container = this.#containers.describe(event, id);
    const exec = this.#execs.describe(event, id);
    const exit = this.#containers.exitOf(event);
    if (object === undefined && exec === undefined && exit === undefined) return container;
    const more = { ...object, ...(exec === undefined ? {} : { exec }), ...(exit === undefined ? {} : { exit }) };
    return withMore(container, more);
  }

  /** Asks for a container and all that belongs to it. Returns the engine's own answer; undefined where there is none. */
  inspect(id: string): Promise<unknown> {
    return this.#containers.inspect(id);
  }
}
