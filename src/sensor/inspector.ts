/**
 * What the engine says of the container and the exec behind an event: asked for as soon as the event is read, and kept,
 * so that what follows has it too, when the container itself is gone already.
 */
import { LRUCache } from "lru-cache";
import { type Engine, type EngineError, UnreadableAnswer } from "../docker/client.ts";
import type { DockerEvent } from "../docker/event.ts";
import { shortened } from "../docker/inspect/bounds.ts";
import { inspectContainer } from "../docker/inspect/container.ts";
import { type ExecInspection, inspectExec } from "../docker/inspect/exec.ts";
import { inspectLabels } from "../docker/inspect/labels.ts";
import type { Labels } from "../docker/labels.ts";
import { changesNetworks, containerIdOf, execIdOf } from "../docker/subject.ts";
import { hashOf } from "../docker/trace.ts";
import { type Enrichment, keepAddition, type Uninspected, withMore } from "./enrichment.ts";
import { keepLabels, labelsOf, withHiddenLabels } from "./labels.ts";
import { sensitiveMounts } from "./sensitive_paths.ts";

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

/** Whether what was learnt of a container is not true any more, or is of no use. */
export const changesFacts = (event: DockerEvent): boolean =>
  changesNetworks(event) || (event.Type === "container" && (CHANGES.has(event.Action) || ENDS.has(event.Action)));

const without = (uninspected: Uninspected): Enrichment => ({ inspected: false, uninspected });
const NOT_INSPECTED = {
  late: without("late"),
  refused: without("refused"),
  gone: without("gone"),
  huge: without("huge"),
} as const satisfies Record<Uninspected, Enrichment>;

/** Why a question brought nothing. */
function reasonOf(error: EngineError): Uninspected {
  if (error.huge) return "huge";
  if (error.status === 404) return "gone";
  return error.status === undefined && !(error instanceof UnreadableAnswer) ? "late" : "refused";
}

const nothing = (): void => {};

/** Whether asking once more would bring nothing else, as long as the container has not changed. */
const isFinal = ({ inspected, uninspected }: Enrichment): boolean =>
  inspected === true || uninspected === "gone" || uninspected === "huge";

/** The containers of one engine, as far as its events need them. */
export class Inspector {
  readonly #containers = new LRUCache<string, Enrichment>({ max: CONTAINERS_MAX, maxSize: CHARS_MAX });
  readonly #execs = new LRUCache<string, ExecInspection>({ max: EXECS_MAX, maxSize: CHARS_MAX });
  readonly #questions = new Map<string, Promise<void>>();
  #asked = 0;

  /**
   * @param sensitive paths of the host that are sensitive beside the documented ones
   * @param isBlind whether no event may tell that a container has changed: then each one asks anew
   */
  constructor(
    readonly engine: Engine,
    readonly sensitive: readonly string[],
    readonly isBlind = false,
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
  describe(event: DockerEvent): Enrichment | undefined {
    const id = containerIdOf(event);
    if (id === undefined) return undefined;
    const ends = event.Type === "container" && ENDS.has(event.Action);
    const known = withHiddenLabels(
      this.#containers.get(id) ?? NOT_INSPECTED[!ID.test(id) ? "refused" : ends ? "gone" : "late"],
      event,
    );
    if (ends) this.#containers.delete(id);
    const execId = execIdOf(event);
    const exec = execId === undefined ? undefined : this.#execs.get(execId);
    // It tells of itself no more: health checks must not push out what is known of a shell that stays open.
    if (execId !== undefined && event.Action === "exec_die") this.#execs.delete(execId);
    // A label can pose as the id of an exec, of another container's too.
    if (exec === undefined || exec.containerId !== id) return known;
    const { containerId: _, ...part } = exec;
    return withMore(known, { exec: part });
  }

  /**
   * Asks for a container, and keeps the answer, or why there is none. Returns the answer itself.
   * @throws EngineError
   */
  async inspect(id: string): Promise<unknown> {
    const path = `/containers/${id}/json`;
    try {
      const json = await this.engine.getJson(path, ANSWER_MAX_MS);
      this.engine.trace.begin(hashOf(path));
      this.#learn(id, json);
      this.engine.trace.end();
      return json;
    } catch (error) {
      this.#failed(id, reasonOf(error as EngineError));
      throw error;
    }
  }

  #learn(id: string, json: unknown): void {
    const inspected = inspectContainer(json);
    if (inspected === undefined) {
      this.#failed(id, "refused");
      return;
    }
    const kinds = sensitiveMounts(inspected.mounts ?? [], this.sensitive);
    const sensitive = kinds.length > 0 ? { sensitiveMount: true, sensitiveMounts: kinds } : { sensitiveMount: false };
    this.#keep(id, { inspected: true, container: { ...shortened(inspected), ...sensitive } }, inspectLabels(json));
  }

  /** What was learnt before stays: it is the best that is known of a container that is gone. */
  #failed(id: string, why: Uninspected): void {
    if (why !== "late" && this.#containers.get(id)?.inspected !== true) this.#keep(id, NOT_INSPECTED[why]);
  }

  #keep(id: string, part: Enrichment, labels?: Labels): void {
    const size = keepAddition(part) + (labels === undefined ? 0 : keepLabels(part, labels));
    this.#containers.set(id, part, { size });
  }

  #askContainer(event: DockerEvent, id: string): Promise<void> | undefined {
    const isContainer = event.Type === "container";
    const known = this.#containers.get(id);
    if (known?.inspected === true && changesNetworks(event)) return this.#askNetworks(event, id, known);
    const changes = isContainer && (this.isBlind || CHANGES.has(event.Action));
    if (!changes && known !== undefined && isFinal(known)) return undefined;
    const path = `container ${id}`;
    if (!changes && this.#questions.has(path)) return this.#questions.get(path);
    if (isContainer && ENDS.has(event.Action)) return undefined;
    return this.#question(path, () => this.inspect(id).then(nothing, nothing));
  }

  /**
   * Only the networks are taken from the answer: a container that is being stopped has lost its ports already. At a
   * start nothing is asked, as a container has its networks from its creation on.
   */
  #askNetworks(event: DockerEvent, id: string, known: Enrichment): Promise<void> | undefined {
    // In podman's events `name` is the container's.
    const { container, name, network } = event.Actor.Attributes;
    const which = container === undefined ? network : name;
    const isThere = which !== undefined && known.container?.networks?.includes(which) === true;
    if (which !== undefined && isThere === (event.Action === "connect")) return undefined;
    return this.#question(`container ${id}`, async () => {
      try {
        const inspected = inspectContainer(await this.engine.getJson(`/containers/${id}/json`, ANSWER_MAX_MS));
        const now = this.#containers.get(id);
        if (inspected === undefined || now?.container === undefined) return;
        const { networks: _, ...others } = now.container;
        const { networks } = shortened(inspected);
        const container = { ...others, ...(networks === undefined ? {} : { networks }) };
        this.#keep(id, { inspected: true, container }, labelsOf(now));
      } catch {
        // It is gone, or late: what was known stays.
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
