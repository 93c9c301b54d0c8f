/** What is mounted into a container (moby 29.7.2: api/types/container/container.go, MountPoint; checked against 20.10.24). */
import * as v from "valibot";
import { bool, compact, type Json, listOf, text, texts } from "../../base/lenient.ts";

/** A mount of a container. A text that the engine does not give is empty. */
export const containerMount = v.object({
  /** The path on the engine's host; for a volume where it is stored, for a tmpfs empty. */
  source: v.string(),
  /** The path in the container. */
  destination: v.string(),
  /** `ro` or `rw`; where the engine does not say which, the options it lists instead (`z,ro`). */
  mode: v.string(),
  /** `bind`, `volume`, `tmpfs`, `npipe`, `cluster` or `image` (api/types/mount). */
  type: v.string(),
  /** `rprivate`, `rslave`, `rshared`, `private`, `slave`, `shared`; absent where the engine says none. */
  propagation: text,
});

export type ContainerMount = Readonly<v.InferOutput<typeof containerMount>>;

export const mountFacts = {
  /** By destination. */
  mounts: listOf(containerMount),
  /** The containers whose mounts it has, each `NAME` or `NAME:ro`, as they were asked for; those are in `mounts`. */
  volumesFrom: texts,
} as const;

const mountFactsSchema = v.object(mountFacts);

export type MountFacts = Readonly<v.InferOutput<typeof mountFactsSchema>>;

const mountsAnswer = v.object({
  Mounts: listOf(
    v.object({
      Type: text,
      Source: text,
      Destination: v.string(),
      Mode: text,
      RW: bool,
      Propagation: text,
    }),
  ),
});

const volumesFromAnswer = v.object({ HostConfig: v.fallback(v.object({ VolumesFrom: texts }), {}) });

type MountPoint = NonNullable<v.InferOutput<typeof mountsAnswer>["Mounts"]>[number];

function mountOf({ Type = "", Source = "", Destination, Mode = "", RW, Propagation = "" }: MountPoint): ContainerMount {
  // RW decides: `--mount …,readonly` leaves Mode empty, and Mode may hold anything else (`z`, `rslave`).
  const mode = RW === undefined ? Mode : RW ? "rw" : "ro";
  const mount = { source: Source, destination: Destination, mode, type: Type };
  return Propagation === "" ? mount : { ...mount, propagation: Propagation };
}

/** By code units, the same on each machine. */
function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Reads the mounts of the parsed JSON of `GET /containers/{id}/json`. */
export function mountFactsOf(json: Json): MountFacts {
  const { Mounts: points = [] } = v.parse(mountsAnswer, json);
  return compact<MountFacts>({
    // The engine keeps mounts in a Go map and lists them in another order each time.
    mounts: points.map(mountOf).sort((a, b) => compareTexts(a.destination, b.destination)),
    volumesFrom: v.parse(volumesFromAnswer, json).HostConfig.VolumesFrom,
  });
}
