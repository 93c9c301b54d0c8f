/**
 * What we add to an event: the `falco` object that is inserted before the last `}` of the engine's line. A capture
 * file carries it, so that a replayed event has the fields that the live one had.
 */
import * as v from "valibot";
import { bool, compact, isMap, type Parts, part, text, texts } from "../base/lenient.ts";
import { type DockerEvent, parseEvent } from "../docker/event.ts";
import { containerInspection } from "../docker/inspect/container.ts";
import { daemonInspection } from "../docker/inspect/daemon.ts";
import { execInspection } from "../docker/inspect/exec.ts";
import { exitFacts } from "../docker/inspect/exit.ts";
import { imageInspection } from "../docker/inspect/image.ts";
import { labels } from "../docker/inspect/labels.ts";
import { networkInspection } from "../docker/inspect/network.ts";
import { pluginInspection } from "../docker/inspect/plugin.ts";
import { serviceInspection } from "../docker/inspect/service.ts";
import { volumeInspection } from "../docker/inspect/volume.ts";
import type { Truncation } from "../docker/stream/truncation.ts";
import { containerIdOf } from "../docker/subject.ts";

/** What is read of an object; without what is missing, and undefined where it is no object. */
function compacted<E extends v.ObjectEntries>(entries: E) {
  const schema = v.object(entries);
  return v.pipe(
    schema,
    v.transform((parts) => compact<v.InferOutput<typeof schema>>(parts as Parts<v.InferOutput<typeof schema>>)),
  );
}

/** Which engine an event is from, where there could be a doubt. */
const engineIdentity = compacted({
  /** The address, as in `open_params`. */
  host: text,
  /** The name of the engine's machine. */
  name: text,
  /** The engine's own id, which it keeps for life. */
  id: text,
  /** The version of the engine, `28.5.2`. */
  version: text,
});

export type EngineIdentity = Readonly<v.InferOutput<typeof engineIdentity>>;

const containerPart = compacted({
  ...containerInspection.entries,
  /**
   * Whether it was given a sensitive path of the host, by the list and the setting of the day; absent where nobody knows
   * where one of its volumes leads, and nothing else is sensitive.
   */
  sensitiveMount: bool,
  /** By the path in the container: the device of a volume that leads elsewhere than to the engine's own folder. */
  volumeDevices: part(v.array(v.tuple([v.string(), v.string()]))),
  /** The kinds of what it was given; of SENSITIVE_KINDS. */
  sensitiveMounts: texts,
  /** Which of the members do not hold all that the engine told, by their names. */
  cut: texts,
});

export type ContainerPart = Readonly<v.InferOutput<typeof containerPart>>;

const execPart = compacted(v.omit(execInspection, ["containerId"]).entries);

export type ExecPart = Readonly<v.InferOutput<typeof execPart>>;

/**
 * Why a container's facts are not there. `late`: no answer came in time; `refused`: the engine, or a proxy before it,
 * turned the question down, or the id is none that may be asked for; `gone`: there is no such container any more;
 * `huge`: the answer is larger than is read. That nobody asked (`off`) an event says by having no `inspected`.
 */
export const UNINSPECTED = ["late", "refused", "gone", "huge"] as const;
export type Uninspected = (typeof UNINSPECTED)[number];

const truncation = v.object({
  bytes: v.number(),
  attributes: v.pipe(v.array(v.string()), v.readonly()),
  count: v.optional(v.number()),
}) satisfies v.GenericSchema<unknown, Truncation>;

const enrichment = compacted({
  engine: part(engineIdentity),
  /** Whether the container's facts are here: false where they should be and could not be had in time. */
  inspected: bool,
  /** Why they are not; absent where they are. */
  uninspected: part(v.picklist(UNINSPECTED)),
  container: part(containerPart),
  /**
   * The container's labels that the event does not show: there even where there are none, as then all of them are
   * known. An event of the container shows its labels among its attributes, but for those that have an engine's name.
   */
  labels,
  exec: part(execPart),
  /** How the container ended, where the event tells of that. */
  exit: part(compacted(exitFacts.entries)),
  /** The image that the event is about, or that its container runs. */
  image: part(compacted(imageInspection.entries)),
  /** What the event itself is about. */
  volume: part(compacted(volumeInspection.entries)),
  network: part(compacted(networkInspection.entries)),
  service: part(compacted({ ...serviceInspection.entries, sensitiveMounts: texts })),
  plugin: part(compacted(pluginInspection.entries)),
  daemon: part(compacted(daemonInspection.entries)),
  /** What is missing in an event that was too long. */
  cut: part(truncation),
});

/** What we add to an event. */
export type Enrichment = Readonly<v.InferOutput<typeof enrichment>>;

/** Reads the `falco` object of a payload; undefined where it is none. What is wrong in it is absent. */
export function readEnrichment(json: unknown): Enrichment | undefined {
  return isMap(json) ? v.parse(enrichment, json) : undefined;
}

/** The JSON of what many events have, and of what was made of that. */
const additions = new WeakMap<Enrichment, string>();

/** The JSON text of what is added to an event, as it goes into the payload. */
export const additionOf = (falco: Enrichment): string => additions.get(falco) ?? JSON.stringify(falco);

/**
 * Keeps the JSON of what many events will have, which must not change any more.
 * @returns its characters
 */
export function keepAddition(falco: Enrichment): number {
  const addition = JSON.stringify(falco);
  additions.set(falco, addition);
  return addition.length;
}

/** Whether many events have it, as `keepAddition` was told. */
export const isKept = (falco: Enrichment): boolean => additions.has(falco);

/** What many events have (`known`), and what this one has beside that: only the JSON of the latter is still to be made. */
export function withMore(known: Enrichment | undefined, more: Enrichment): Enrichment {
  if (known === undefined) return more;
  const falco = { ...known, ...more };
  const [before, behind] = [additions.get(known), additionOf(more)];
  // Neither of both is empty, or the comma would be wrong.
  if (before !== undefined && before.length > 2 && behind.length > 2)
    additions.set(falco, `${before.slice(0, -1)},${behind.slice(1)}`);
  return falco;
}

/** An event with what we found out about it. */
export interface EnrichedEvent extends DockerEvent {
  /** What we add; its JSON is what `RecordWriter.write` takes as the addition. */
  falco?: Enrichment;
  /** The engine's line has a key `falco` of its own, which nobody believes: ours must come after it. */
  readonly forgedFalco?: true;
}

/** The keys of an enriched event that no line may set. */
interface Ours {
  falco?: unknown;
  forgedFalco?: unknown;
}

/** Who wrote a line: the engine, or a capture file, whose payloads carry what we added. */
export type Origin = "engine" | "capture";

/** Takes (a capture's) or refuses (an engine's) what the line of an event says in the keys that are ours. */
export function claim(event: DockerEvent, origin: Origin): EnrichedEvent {
  const ours = event as Ours;
  const { falco } = ours;
  if (falco === undefined && ours.forgedFalco === undefined) return event;
  delete ours.falco;
  delete ours.forgedFalco;
  if (origin === "engine") {
    ours.forgedFalco = true;
  } else {
    const part = readEnrichment(falco);
    if (part !== undefined) ours.falco = part;
  }
  return event;
}

/**
 * Parses one line of an engine's event stream, or a captured payload of ours.
 * @throws NotAnEvent where it is not JSON or not an event
 */
export const parseEnriched = (text: string, origin: Origin): EnrichedEvent => claim(parseEvent(text), origin);

/** Why the facts of an event's container are not known; `off` where nobody asked, as the event has nothing of it. */
export function uninspectedOf(event: EnrichedEvent): string | undefined {
  const { inspected, uninspected } = event.falco ?? {};
  if (inspected !== undefined) return uninspected;
  return containerIdOf(event) === undefined ? undefined : "off";
}
