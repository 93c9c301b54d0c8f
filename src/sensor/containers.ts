/**
 * The containers of one engine, as far as their events need them: what the engine says of each, and of the image and the
 * volumes that it is made of.
 */
import { LRUCache } from "lru-cache";
import type { Json } from "../base/lenient.ts";
import type { DockerEvent } from "../docker/event.ts";
import { shortened } from "../docker/inspect/bounds.ts";
import { type ContainerInspection, inspectContainer } from "../docker/inspect/container.ts";
import { type ExitFacts, exitOf } from "../docker/inspect/exit.ts";
import type { ImageInspection } from "../docker/inspect/image.ts";
import { inspectLabels } from "../docker/inspect/labels.ts";
import { type ContainerState, inspectState } from "../docker/inspect/state.ts";
import { localVolumesOf, type Volume, type VolumeMount } from "../docker/inspect/volume.ts";
import type { Labels } from "../docker/labels.ts";
import { changesNetworks } from "../docker/subject.ts";
import type { Daemon } from "./daemon.ts";
import { type ContainerPart, type Enrichment, keepAddition, type Uninspected } from "./enrichment.ts";
import { keepLabels, withHiddenLabels } from "./labels.ts";
import { Lookup } from "./lookup.ts";
import { isImageId, isVolumeName, type Objects } from "./objects.ts";
import type { Kind, Questions } from "./questions.ts";
import { SENSITIVE_KINDS, type SensitiveKind, sensitiveKinds, sensitiveMounts } from "./sensitive_paths.ts";

/** An id as moby and podman make them; nothing else gets into a request's path, as labels can pose as ids. */
const ID = /^[0-9a-f]{64}$/;

/** Characters that are kept of them. */
const CHARS_MAX = 16 * 1024 * 1024;
/** Of so many the first start is known from a later one. */
const CREATED_MAX = 4096;

/** After these the container is another than it was; after its start, too. */
const CHANGES: ReadonlySet<string> = new Set(["create", "update", "rename"]);
/** These tell of an end; podman says died. */
const EXITS: ReadonlySet<string> = new Set(["die", "died", "stop", "oom"]);
/** After these it is gone; podman says remove. */
const ENDS: ReadonlySet<string> = new Set(["destroy", "remove"]);

const without = (uninspected: Uninspected): Enrichment => ({ inspected: false, uninspected });
const NOT_INSPECTED = {
  late: without("late"),
  refused: without("refused"),
  gone: without("gone"),
  huge: without("huge"),
} as const satisfies Record<Uninspected, Enrichment>;

/** Volumes of one container that are asked about. */
const VOLUMES_MAX = 256;

/** What is known of a container. */
interface Container {
  readonly inspected: ReturnType<typeof shortened<ContainerInspection>>;
  /** Of what its bind mounts give, of all of them. */
  readonly sensitive: readonly SensitiveKind[];
  readonly state: ContainerState;
  readonly imageId: string | undefined;
  readonly labels: Labels | undefined;
  readonly mounted: readonly VolumeMount[];
  /** Whether it has more volumes than are asked about, or such as cannot be. */
  readonly hasOthers: boolean;
  /** What belongs to it, as far as that is known; what it was when it was there, once it is gone. */
  readonly image?: ImageInspection | undefined;
  readonly volumes?: readonly (Volume | undefined)[];
}

const KIND: Kind = {
  name: "containers",
  fields: "docker.container.privileged and what else is asked of one (docker.container.uninspected says so)",
};
const pathOf = (id: string): string => `/containers/${id}/json`;

const isContainer = (event: DockerEvent): boolean => event.Type === "container";
const ends = (event: DockerEvent): boolean => isContainer(event) && ENDS.has(event.Action);

/** Whether what was learnt of a container is not true any more, or is of no use. */
export const changesContainer = (event: DockerEvent): boolean =>
  changesNetworks(event) ||
  (isContainer(event) && (event.Action === "start" || CHANGES.has(event.Action) || ENDS.has(event.Action)));

/** What no event may tell of, as the engine is asked for others. */
export interface Hidden {
  /** Changes of containers: then each event of one asks anew. */
  readonly changes?: boolean;
  /** Changes of volumes: then each container that is made or started asks anew. */
  readonly volumes?: boolean;
}

/** What settles when all of them have; undefined where there are none. */
function allOf(promises: readonly (Promise<unknown> | undefined)[]): Promise<unknown> | undefined {
  const some = promises.filter((each) => each !== undefined);
  return some.length > 1 ? Promise.all(some) : some[0];
}

export class Containers {
  readonly #containers: Lookup<Container>;
  /** One object for all events of a container, so that its JSON is made once. */
  readonly #made = new WeakMap<Container, Enrichment>();
  /** Those that are new, until their first start. */
  readonly #created = new LRUCache<string, true>({ max: CREATED_MAX });
  readonly #exits = new WeakMap<DockerEvent, ExitFacts>();

  /**
   * @param daemon what the engine gives all containers
   * @param sensitive paths of the host that are sensitive beside the documented ones
   * @param hidden what no event may tell of
   */
  constructor(
    readonly questions: Questions,
    readonly objects: Objects,
    readonly daemon: Daemon,
    readonly sensitive: readonly string[],
    readonly hidden: Hidden,
  ) {
    this.#containers = new Lookup(questions, {
      ...KIND,
      path: pathOf,
      chars: CHARS_MAX,
      read: (json) => this.#read(json),
    });
  }

  /** Asks what is to be known for an event of a container. Returns what that waits for. */
  ask(event: DockerEvent, id: string): Promise<unknown> | undefined {
    if (!ID.test(id)) return undefined;
    const facts = this.#askFacts(event, id);
    const { Action } = event;
    const anew = this.hidden.volumes === true && isContainer(event) && (Action === "create" || Action === "start");
    const rest = facts === undefined ? this.#askParts(id, anew) : facts.then(() => this.#askParts(id, anew));
    return isContainer(event) && EXITS.has(event.Action) ? allOf([rest, this.#askExit(event, id)]) : rest;
  }

  /** What is known of an event's container. */
  describe(event: DockerEvent, id: string): Enrichment {
    const container = this.#joined(id);
    const known = container === undefined ? NOT_INSPECTED[this.#whyNot(event, id)] : this.#enrichmentOf(container);
    if (ends(event)) this.#containers.forget(id);
    return withHiddenLabels(known, event);
  }

  /** How the container of an event ended, where that is the end that the event tells of. */
  exitOf(event: DockerEvent): ExitFacts | undefined {
    return this.#exits.get(event);
  }

  /**
   * Asks for a container and all that belongs to it, and keeps the answers. Returns the engine's own; undefined where
   * there is none.
   */
  async inspect(id: string): Promise<unknown> {
    let answer: unknown;
    await this.#containers.askAgain(id, (json) => {
      answer = json;
    });
    await this.#askParts(id);
    return answer;
  }

  #inspect(json: unknown): ContainerInspection | undefined {
    return inspectContainer(json, this.daemon.defaults);
  }

  #read(json: unknown): Container | undefined {
    const inspected = this.#inspect(json);
    if (inspected === undefined) return undefined;
    const imageId = inspected.imageId !== undefined && isImageId(inspected.imageId) ? inspected.imageId : undefined;
    const volumes = localVolumesOf(json);
    const mounted = volumes.filter(({ name }) => isVolumeName(name)).slice(0, VOLUMES_MAX);
    return {
      inspected: shortened(inspected),
      sensitive: sensitiveMounts(inspected.mounts ?? [], this.sensitive),
      state: inspectState(json as Json),
      imageId,
      // Mostly it is known: many containers run one image.
      image: imageId === undefined ? undefined : this.objects.images.known(imageId),
      labels: inspectLabels(json),
      mounted: mounted.map((mount) => shortened(mount)),
      hasOthers: mounted.length < volumes.length,
    };
  }

  #askFacts(event: DockerEvent, id: string): Promise<void> | undefined {
    if (changesNetworks(event) && this.#containers.known(id) !== undefined) return this.#askNetworks(event, id);
    if (!isContainer(event)) return this.#containers.ask(id);
    if (this.hidden.changes === true && !ENDS.has(event.Action)) return this.#containers.askAgain(id);
    if (event.Action === "create") this.#created.set(id, true);
    if (event.Action === "start") return this.#askStarted(event, id);
    if (CHANGES.has(event.Action)) return this.#containers.askAgain(id);
    if (ENDS.has(event.Action))
      return this.#containers.known(id) === undefined ? this.#containers.pending(id) : undefined;
    return this.#containers.ask(id);
  }

  /**
   * The engine answers what was asked at a container's creation only when its start is over, if that comes at once (moby
   * 29.7.2: daemon/inspect.go and start.go both lock the container). Such an answer tells all that another would.
   */
  #askStarted(event: DockerEvent, id: string): Promise<void> | undefined {
    // Of another start than the first, what is known may be about the one before.
    if (!this.#created.delete(id)) return this.#containers.askAgain(id);
    const isTold = (): boolean => {
      const { running, startedAt, finishedAt } = this.#containers.known(id)?.state ?? {};
      const isFirst = running === true && finishedAt === undefined;
      return isFirst && startedAt !== undefined && BigInt(startedAt) <= event.timeNano;
    };
    if (isTold()) return undefined;
    const pending = this.#containers.pending(id);
    if (pending === undefined) return this.#containers.askAgain(id);
    return pending.then(() => (isTold() ? undefined : this.#containers.askAgain(id)));
  }

  /**
   * Only the networks are taken from the answer, and the address where it still runs: a container that is being stopped
   * has lost its ports and addresses already. At a start nothing is asked, as a container has its networks from its
   * creation on, and its address comes with the start.
   */
  #askNetworks(event: DockerEvent, id: string): Promise<void> | undefined {
    // In podman's events `name` is the container's.
    const { container, name, network } = event.Actor.Attributes;
    const which = container === undefined ? network : name;
    const isThere = which !== undefined && this.#containers.known(id)?.inspected.networks?.includes(which) === true;
    if (which !== undefined && isThere === (event.Action === "connect")) return undefined;
    return this.#askBeside(id, (json) => {
      const inspected = this.#inspect(json);
      const now = this.#containers.known(id);
      if (inspected === undefined || now === undefined) return;
      const { networks: _, ip: before, ...others } = now.inspected;
      const { networks, ip: current, pid } = shortened(inspected);
      const ip = pid === undefined ? before : current;
      this.#containers.enrich(id, {
        ...now,
        inspected: {
          ...others,
          ...(networks === undefined ? {} : { networks }),
          ...(ip === undefined ? {} : { ip }),
        },
      });
    });
  }

  /** Each end has a question of its own: an answer to one that was asked before may be about the end before. */
  #askExit(event: DockerEvent, id: string): Promise<void> | undefined {
    return this.#askBeside(id, (json) => {
      const exit = exitOf(json, event.Action, event.timeNano);
      if (exit !== undefined) this.#exits.set(event, exit);
    });
  }

  /** Asks about a container without forgetting what is known of it. It is gone, or late: what was known stays. */
  #askBeside(id: string, read: (json: unknown) => void): Promise<void> | undefined {
    const answer = this.questions.ask(KIND, pathOf(id), read);
    return typeof answer === "string" ? undefined : answer.catch(() => {});
  }

  /**
   * Asks what belongs to a container that is known.
   * @param anew whether its volumes may be others than they were
   */
  #askParts(id: string, anew = false): Promise<unknown> | undefined {
    const container = this.#containers.known(id);
    if (container === undefined) return undefined;
    const { imageId, mounted } = container;
    const { images, volumes } = this.objects;
    const image = imageId === undefined || container.image !== undefined ? undefined : images.ask(imageId);
    return mounted.length === 0
      ? image
      : allOf([image, ...mounted.map(({ name }) => (anew ? volumes.askAgain(name) : volumes.ask(name)))]);
  }

  #whyNot(event: DockerEvent, id: string): Uninspected {
    if (!ID.test(id)) return "refused";
    const why = this.#containers.why(id) ?? (ends(event) ? "gone" : "late");
    return why === "late" && this.questions.isRefused(KIND) ? "refused" : why;
  }

  /** A container with what of its image and its volumes has become known. */
  #joined(id: string): Container | undefined {
    const container = this.#containers.known(id);
    if (container === undefined) return undefined;
    const { imageId, mounted } = container;
    const { images, volumes: all } = this.objects;
    const image = (imageId === undefined ? undefined : images.known(imageId)) ?? container.image;
    if (mounted.length === 0 && image === container.image) return container;
    const volumes = mounted.map(({ name }, i) => all.known(name) ?? container.volumes?.[i]);
    if (image === container.image && volumes.every((each, i) => each === container.volumes?.[i])) return container;
    const joined = { ...container, image, volumes };
    this.#containers.enrich(id, joined);
    return joined;
  }

  #enrichmentOf(container: Container): Enrichment {
    const made = this.#made.get(container);
    if (made !== undefined) return made;
    const { image } = container;
    const enrichment = {
      inspected: true,
      container: this.#partOf(container),
      ...(image === undefined ? {} : { image }),
    };
    keepAddition(enrichment);
    if (container.labels !== undefined) keepLabels(enrichment, container.labels);
    this.#made.set(container, enrichment);
    return enrichment;
  }

  #partOf({ inspected, sensitive, mounted, hasOthers, volumes: known = [] }: Container): ContainerPart {
    const volumes = mounted.map(({ asked, ...mount }, i) => ({ ...mount, volume: known[i] ?? asked }));
    const kinds = new Set([
      ...sensitive,
      ...volumes.flatMap(({ volume, writable }) =>
        (volume?.paths ?? []).flatMap((path) => sensitiveKinds(path, writable, this.sensitive)),
      ),
    ]);
    const devices = volumes.flatMap(({ destination, volume }): [string, string][] =>
      volume?.said.device === undefined ? [] : [[destination, volume.said.device]],
    );
    const { cut = [], ...led } = shortened({ volumeDevices: devices });
    const allCut = [...(inspected.cut ?? []), ...cut];
    // Where a volume leads nobody knows, that none is sensitive nobody knows either.
    const isSure = kinds.size > 0 || (!hasOthers && mounted.every((_, i) => known[i] !== undefined));
    return {
      ...inspected,
      ...(devices.length === 0 ? {} : led),
      ...(allCut.length === 0 ? {} : { cut: allCut }),
      ...(isSure ? { sensitiveMount: kinds.size > 0 } : {}),
      ...(kinds.size === 0 ? {} : { sensitiveMounts: SENSITIVE_KINDS.filter((kind) => kinds.has(kind)) }),
    };
  }
}
