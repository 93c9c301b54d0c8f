/** What is neither container nor exec: images, volumes, networks, services, plugins, asked for at their own events. */
import type { DockerEvent } from "../docker/event.ts";
import { shortened } from "../docker/inspect/bounds.ts";
import { imageIdOf, inspectImage } from "../docker/inspect/image.ts";
import { inspectNetwork } from "../docker/inspect/network.ts";
import { inspectPlugin } from "../docker/inspect/plugin.ts";
import { inspectService } from "../docker/inspect/service.ts";
import { inspectVolume, type Volume } from "../docker/inspect/volume.ts";
import { parseReference } from "../docker/reference.ts";
import { changesNetworks } from "../docker/subject.ts";
import { type Enrichment, keepAddition } from "./enrichment.ts";
import { Lookup, type LookupKind } from "./lookup.ts";
import type { Questions } from "./questions.ts";
import { sensitiveMounts } from "./sensitive_paths.ts";

/** Characters that are kept of each kind. */
const CHARS_MAX = 4 * 1024 * 1024;

/** Nothing else gets into a request's path. */
const HASH = /^[0-9a-f]{64}$/;
const IMAGE_ID = /^(?:sha256:)?[0-9a-f]{64}$/;
/** As swarm makes them (moby 29.7.2: vendor/github.com/moby/swarmkit/v2/identity). */
const SWARM_ID = /^[0-9a-z]{25}$/;
/** Of a volume (moby 29.7.2: daemon/names, RestrictedNamePattern), and of podman's networks. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/;

export const isImageId = (text: string): boolean => IMAGE_ID.test(text);
export const isVolumeName = (text: string): boolean => NAME.test(text);

/** An image's id, or the reference that a pull or a push names. */
function imageKey({ Actor: { ID } }: DockerEvent): string | undefined {
  return isImageId(ID) || parseReference(ID) !== undefined ? ID : undefined;
}

/** podman has a volume's name in an attribute. Another driver than the local one may be slow, and its options are its own. */
function volumeKey({ Actor: { ID, Attributes } }: DockerEvent): string | undefined {
  const name = ID || Attributes.name;
  const { driver = "local" } = Attributes;
  return name !== undefined && isVolumeName(name) && driver === "local" ? name : undefined;
}

/** podman 5 has a network's name in an attribute where the event's subject is a container. */
function networkKey(event: DockerEvent): string | undefined {
  const { ID, Attributes } = event.Actor;
  const { container, network, name } = Attributes;
  const key = changesNetworks(event) && container === undefined ? network : ID || name;
  return key !== undefined && (HASH.test(key) || SWARM_ID.test(key) || NAME.test(key)) ? key : undefined;
}

function serviceKey({ Actor: { ID } }: DockerEvent): string | undefined {
  return SWARM_ID.test(ID) ? ID : undefined;
}

/** A plugin's id, or the reference that a pull names. */
function pluginKey({ Actor: { ID } }: DockerEvent): string | undefined {
  return HASH.test(ID) || parseReference(ID) !== undefined ? ID : undefined;
}

/** Which events are about the objects of a kind. */
interface Subject {
  readonly keyOf: (event: DockerEvent) => string | undefined;
  /** Whether the object is another from this event on. */
  readonly changes: (event: DockerEvent) => boolean;
  /** What of an answer goes into the payload. */
  readonly part: (key: string, since: number | undefined) => Enrichment | undefined;
  readonly lookup: Pick<Lookup<object>, "ask" | "askAgain" | "forget" | "number" | "pending">;
  /** Takes an answer to more than the key that it was asked for. */
  readonly also?: (json: unknown) => void;
}

const among =
  (...actions: string[]) =>
  ({ Action }: DockerEvent): boolean =>
    actions.includes(Action);

/** After these an object is gone; podman says remove. */
const ENDS: ReadonlySet<string> = new Set(["destroy", "remove", "delete"]);

/** Whether a volume is another from this event on, or gone. */
export const changesVolume = ({ Type, Action }: DockerEvent): boolean =>
  Type === "volume" && (Action === "create" || ENDS.has(Action));

/** Reads an answer and bounds it. */
const reading =
  <T extends object>(inspect: (json: unknown) => T | undefined) =>
  (json: unknown): T | undefined => {
    const inspected = inspect(json);
    return inspected && shortened(inspected);
  };

const readImage = reading(inspectImage);

export class Objects {
  readonly images;
  readonly volumes;
  readonly #subjects: ReadonlyMap<string, Subject>;
  /** The questions of events after which an object is another: what was known before is not told at them. */
  readonly #since = new WeakMap<DockerEvent, number>();

  /** @param sensitive paths of the host that are sensitive beside the documented ones */
  constructor(questions: Questions, sensitive: readonly string[]) {
    const lookup = <T extends object>(kind: Omit<LookupKind<T>, "chars">) =>
      new Lookup(questions, { ...kind, chars: CHARS_MAX });
    this.images = lookup({
      name: "images",
      fields: "docker.image.digests, docker.image.label, docker.image.created",
      path: (id) => `/images/${id}/json`,
      read: readImage,
    });
    this.volumes = lookup<Volume>({
      name: "volumes",
      fields:
        "docker.container.volumedevice, docker.volume.device, and what docker.container.sensitivemount says of them",
      path: (name) => `/volumes/${name}`,
      read: reading(inspectVolume),
    });
    const networks = lookup({
      name: "networks",
      fields: "docker.network.internal, docker.network.encrypted",
      path: (id) => `/networks/${id}`,
      read: reading(inspectNetwork),
    });
    const services = lookup({
      name: "services",
      fields: "docker.service.image and what else is asked of one",
      path: (id) => `/services/${id}`,
      read: reading((json) => {
        const service = inspectService(json);
        const kinds = sensitiveMounts(service?.mounts ?? [], sensitive);
        return service && (kinds.length === 0 ? service : { ...service, sensitiveMounts: kinds });
      }),
    });
    const plugins = lookup({
      name: "plugins",
      fields: "docker.plugin.privileges",
      path: (id) => `/plugins/${id}/json`,
      read: reading(inspectPlugin),
    });
    const partOf = <T extends object>(lookup: Lookup<T>, part: (value: T) => Enrichment) => {
      // One object for all events, so that its JSON is made once.
      const parts = new WeakMap<T, Enrichment>();
      return (key: string, since: number | undefined): Enrichment | undefined => {
        const value = lookup.known(key, since);
        if (value === undefined) return undefined;
        let known = parts.get(value);
        if (known === undefined) {
          known = part(value);
          keepAddition(known);
          parts.set(value, known);
        }
        return known;
      };
    };
    this.#subjects = new Map<string, Subject>([
      [
        "image",
        {
          keyOf: imageKey,
          // A reference leads to another image from time to time; an id never does.
          changes: ({ Actor }) => !isImageId(Actor.ID),
          part: partOf(this.images, (image) => ({ image })),
          lookup: this.images,
          // A pull or a push gives an image that is known by its id a digest that it had not.
          also: (json) => {
            const id = imageIdOf(json);
            const image = readImage(json);
            if (id !== undefined && image !== undefined) this.images.keep(id, image);
          },
        },
      ],
      [
        "volume",
        {
          keyOf: volumeKey,
          changes: among("create"),
          part: partOf(this.volumes, ({ said }) => ({ volume: said })),
          lookup: this.volumes,
        },
      ],
      [
        "network",
        {
          keyOf: networkKey,
          changes: among("create", "update"),
          part: partOf(networks, (network) => ({ network })),
          lookup: networks,
        },
      ],
      [
        "service",
        {
          keyOf: serviceKey,
          changes: among("create", "update"),
          part: partOf(services, (service) => ({ service })),
          lookup: services,
        },
      ],
      [
        "plugin",
        {
          keyOf: pluginKey,
          // Its settings change while it is disabled, and no event tells of that.
          changes: among("pull", "create", "enable"),
          part: partOf(plugins, (plugin) => ({ plugin })),
          lookup: plugins,
        },
      ],
    ]);
  }

  /** Asks for what an event is about. Returns what the event waits for. */
  ask(event: DockerEvent): Promise<void> | undefined {
    const subject = this.#subjects.get(event.Type);
    const key = subject?.keyOf(event);
    if (subject === undefined || key === undefined) return undefined;
    if (ENDS.has(event.Action)) return subject.lookup.pending(key);
    if (!subject.changes(event)) return subject.lookup.ask(key);
    const settled = subject.lookup.askAgain(key, subject.also);
    this.#since.set(event, subject.lookup.number);
    return settled;
  }

  /** What is known of what an event is about. */
  describe(event: DockerEvent): Enrichment | undefined {
    const subject = this.#subjects.get(event.Type);
    const key = subject?.keyOf(event);
    if (subject === undefined || key === undefined) return undefined;
    const part = subject.part(key, this.#since.get(event));
    if (ENDS.has(event.Action)) subject.lookup.forget(key);
    return part;
  }
}
