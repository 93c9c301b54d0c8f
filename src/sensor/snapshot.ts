/** What runs already, the engine itself and its containers: no event tells of it, so each becomes one of our own. */
import * as v from "valibot";
import { isMap, listOf, map, part, text } from "../base/lenient.ts";
import type { Line } from "../base/line.ts";
import { nanoseconds } from "../base/time.ts";
import type { Engine } from "../docker/client.ts";
import type { DockerEvent } from "../docker/event.ts";
import type { Inspector } from "./inspector.ts";

/** How long the list may take, ms. */
const LIST_MAX_MS = 4_000;
/** Containers that are asked about at once. */
const AT_ONCE = 8;

const labels = part(map);

/** What is read of `GET /containers/json` (moby 28.5.2: api/types/container, Summary). */
const listed = listOf(v.object({ Id: v.string(), Names: listOf(v.string()), Image: text, Labels: labels }));

/** What is read of `GET /containers/{id}/json` to make the attributes that the container's `start` had. */
const running = v.object({
  Name: text,
  Config: part(v.object({ Image: text, Labels: labels })),
  State: part(v.object({ StartedAt: text })),
});

interface Existing {
  readonly id: string;
  name: string;
  image: string;
  labels: Readonly<Record<string, unknown>>;
  /** Ns since 1970, 0 where it is not known. */
  started: bigint;
}

const withoutSlash = (name: string): string => name.replace(/^\//, "");

/** The event that tells of a container, in the form of its `start` (moby 28.5.2: daemon/events.go). */
function existing({ id, name, image, labels }: Existing, timeNano: bigint): DockerEvent {
  const own = Object.entries(labels).filter((label): label is [string, string] => typeof label[1] === "string");
  // Entries and not an object literal: a label may be called __proto__.
  const attributes = Object.fromEntries([...own, ["image", image], ["name", name]]);
  return {
    status: "existing",
    id,
    from: image,
    Type: "container",
    Action: "existing",
    Actor: { ID: id, Attributes: attributes },
    scope: "local",
    time: Number(timeNano / 1_000_000_000n),
    timeNano,
  };
}

/** How our own events of what runs already begin: each open tells of them anew. */
const EXISTING = ['{"status":"existing"', '{"Type":"daemon","Action":"existing"'].map((text) => Buffer.from(text));

/**
 * Whether an event need not be kept, as the next open makes it again.
 * @param hash of an engine's line; undefined for an event of ours
 */
export const isToldAnew = (hash: bigint | undefined, { buffer, start, end }: Line): boolean =>
  hash === undefined &&
  EXISTING.some((begin) => begin.compare(buffer, start, Math.min(end, start + begin.length)) === 0);

/** Asks an engine for the containers that run, and about each of them. */
export class Snapshot {
  /** Settles when all has been asked. @throws EngineError where the engine refuses the list */
  readonly ready: Promise<void>;
  #existing: Existing[] | undefined;
  readonly #started = new Set<string>();

  /** @param startedBefore by the engine's clock, ns since 1970: the starts from then on are events of the stream, and not told of here */
  constructor(
    readonly engine: Engine,
    readonly inspector: Inspector,
    readonly startedBefore: bigint,
  ) {
    this.ready = this.#take();
  }

  /** Takes a container whose start is an event of the stream: that tells of it. */
  started(id: string): void {
    this.#started.add(id);
  }

  /**
   * The events of the containers, with what is known by now; undefined where the engine has not answered with a list.
   * @param now the engine's clock, ns since 1970
   */
  events(now: bigint): DockerEvent[] | undefined {
    return this.#existing
      ?.filter(({ id, started }) => started < this.startedBefore && !this.#started.has(id))
      .map((container, i) => existing(container, now + BigInt(i)));
  }

  async #take(): Promise<void> {
    const list = this.engine.getJson("/containers/json", LIST_MAX_MS);
    // What the engine gives all containers goes into what is known of each.
    const [json] = await Promise.all([list, this.inspector.daemon.pending]);
    const answer = v.parse(listed, json) ?? [];
    this.#existing = answer.map(({ Id, Names, Image, Labels }) => ({
      id: Id,
      name: withoutSlash(Names?.[0] ?? ""),
      image: Image ?? "",
      labels: Labels ?? {},
      started: 0n,
    }));
    const left = this.#existing.values();
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.#inspect(left)));
  }

  async #inspect(left: Iterable<Existing>): Promise<void> {
    for (const container of left) {
      try {
        const json = await this.inspector.inspect(container.id);
        if (!isMap(json)) continue;
        const { Name, Config, State } = v.parse(running, json);
        container.name = withoutSlash(Name ?? container.name);
        // The list shows an id where the image's name has gone to another one since.
        container.image = Config?.Image ?? container.image;
        container.labels = Config?.Labels ?? container.labels;
        container.started = BigInt(nanoseconds(State?.StartedAt ?? "") ?? 0);
      } catch {
        // It is told of all the same, with what the list said.
      }
    }
  }
}
