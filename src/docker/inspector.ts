/**
 * What the engine says of the container and the exec behind an event: asked for as soon as the event is read, and kept,
 * so that what follows has it too, when the container itself is gone already.
 */
import { LRUCache } from "lru-cache";
import type { Engine, EngineError } from "./client.ts";
import type { DockerEvent } from "./event.ts";
import { containerIdOf, execIdOf } from "./facts.ts";
import type { ExecPart, FalcoPart } from "./falco.ts";
import { inspectContainer, inspectExec, sensitiveMount, shortened } from "./inspect.ts";
import { fingerprintOf } from "./trace.ts";

/** What is kept, in entries and in characters of their JSON. */
const CONTAINERS_MAX = 4096;
const EXECS_MAX = 4096;
const CHARS_MAX = 16 * 1024 * 1024;
/** Questions under way at once; beyond, an event goes without. The connections they share are the engine client's. */
const QUESTIONS_MAX = 256;
/** How long an answer is good for something, ms: an event does not wait that long, those that follow want it too. */
const ANSWER_MAX_MS = 2_000;

/** An id as moby and podman make them; nothing else gets into a request's path, as labels can pose as ids. */
const ID = /^[0-9a-f]{64}$/;

/** After these the container is another than it was. */
const CHANGES: ReadonlySet<string> = new Set(["create", "start", "update", "rename"]);
/** After these it is gone; podman says remove. */
const ENDS: ReadonlySet<string> = new Set(["destroy", "remove"]);

const NOT_INSPECTED: FalcoPart = { inspected: false };

/** The containers of one engine, as far as its events need them. */
export class Inspector {
  readonly #containers = new LRUCache<string, FalcoPart>({ max: CONTAINERS_MAX, maxSize: CHARS_MAX });
  readonly #execs = new LRUCache<string, ExecPart & { containerId?: string }>({ max: EXECS_MAX, maxSize: CHARS_MAX });
  readonly #questions = new Map<string, Promise<void>>();
  #asked = 0;

  /** @param sensitive paths of the host that are sensitive beside the documented ones */
  constructor(
    readonly engine: Engine,
    readonly sensitive: readonly string[],
  ) {}

  /** Asks what is to be known for an event. Returns what that waits for; undefined where `describe` knows all there is. */
  ask(event: DockerEvent): Promise<unknown> | undefined {
    const id = containerIdOf(event);
    if (id === undefined || !ID.test(id)) return undefined;
    const container = this.#askContainer(event, id);
    const exec = this.#askExec(event);
    return container !== undefined && exec !== undefined ? Promise.all([container, exec]) : (container ?? exec);
  }

  /** What is known of an event's container and exec; undefined where the event is about none. */
  describe(event: DockerEvent): FalcoPart | undefined {
    const id = containerIdOf(event);
    if (id === undefined) return undefined;
    const known = this.#containers.get(id) ?? NOT_INSPECTED;
    if (event.Type === "container" && ENDS.has(event.Action)) this.#containers.delete(id);
    const execId = execIdOf(event);
    const exec = execId === undefined ? undefined : this.#execs.get(execId);
    // A label can pose as the id of an exec, of another container's too.
    if (exec === undefined || exec.containerId !== id) return known;
    const { containerId: _, ...part } = exec;
    return { ...known, exec: part };
  }

  /**
   * Asks for a container, and keeps the answer. Returns the answer itself.
   * @throws EngineError
   */
  async inspect(id: string): Promise<unknown> {
    const path = `/containers/${id}/json`;
    const json = await this.engine.getJson(path, ANSWER_MAX_MS);
    this.engine.trace.begin(fingerprintOf(path));
    this.#learn(id, json);
    this.engine.trace.end();
    return json;
  }

  #learn(id: string, json: unknown): void {
    const inspected = inspectContainer(json);
    if (inspected === undefined) return;
    const sensitive = inspected.mounts === undefined ? false : sensitiveMount(inspected.mounts, this.sensitive);
    const part: FalcoPart = { inspected: true, container: { ...shortened(inspected), sensitiveMount: sensitive } };
    this.#containers.set(id, part, { size: JSON.stringify(part).length });
  }

  #askContainer(event: DockerEvent, id: string): Promise<void> | undefined {
    const isContainer = event.Type === "container";
    const changes = isContainer && CHANGES.has(event.Action);
    if (!changes && this.#containers.has(id)) return undefined;
    const path = `container ${id}`;
    if (!changes && this.#questions.has(path)) return this.#questions.get(path);
    if (isContainer && ENDS.has(event.Action)) return undefined;
    return this.#question(path, async () => {
      try {
        await this.inspect(id);
      } catch (error) {
        // What is gone will not come back: those that follow need not ask again.
        if ((error as EngineError).status === 404 && !this.#containers.has(id))
          this.#containers.set(id, NOT_INSPECTED, { size: 1 });
      }
    });
  }

  #askExec(event: DockerEvent): Promise<void> | undefined {
    const id = execIdOf(event);
    if (id === undefined || !ID.test(id) || this.#execs.has(id)) return undefined;
    const path = `exec ${id}`;
    return (
      this.#questions.get(path) ??
      this.#question(path, async () => {
        try {
          const exec = inspectExec(await this.engine.getJson(`/exec/${id}/json`, ANSWER_MAX_MS));
          if (exec === undefined) return;
          const part = shortened(exec);
          this.#execs.set(id, part, { size: JSON.stringify(part).length });
        } catch {
          // The event says of itself what it is about; what it lacks is absent.
        }
      })
    );
  }

  #question(name: string, ask: () => Promise<void>): Promise<void> | undefined {
    if (this.#asked === QUESTIONS_MAX) return undefined;
    this.#asked++;
    const question = ask().finally(() => {
      this.#asked--;
      if (this.#questions.get(name) === question) this.#questions.delete(name);
    });
    this.#questions.set(name, question);
    return question;
  }
}
