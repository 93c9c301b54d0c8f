/**
 * What inspecting an image tells (moby 29.7.2: api/types/image/image_inspect.go; checked against dockerd 20.10.24
 * and podman 4.3.1).
 */
import * as v from "valibot";
import { compact, isMap, map, nanosecondsText, part, text, texts } from "../../base/lenient.ts";
import { nanoseconds } from "../../base/time.ts";

/** Name and value; not an object, as the list has a bound. */
const label = v.tuple([v.string(), v.string()]);

/** What `GET /images/{id}/json` (API 1.24) tells, made small. Environment variables are never taken. */
export const imageInspection = v.object({
  /** `sha256:…`, each once: what registries know it by. None for an image that was built here and never pushed. */
  digests: texts,
  labels: part(v.array(label)),
  /** By who made it, ns since 1970 in decimal digits: many tools write 0 or a fixed day. */
  created: nanosecondsText,
});

export type ImageInspection = Readonly<v.InferOutput<typeof imageInspection>>;

const imageAnswer = v.object({
  Id: text,
  RepoDigests: texts,
  Created: text,
  Config: part(v.object({ Labels: part(map) })),
});

/** The id of an image as a container's inspection writes it; podman leaves `sha256:` out everywhere. */
export const imageIdOf = (json: unknown): string | undefined =>
  isMap(json) ? v.parse(imageAnswer, json).Id : undefined;

/** podman's name of an image that is of no registry, to which it gives a digest all the same. */
const LOCAL = "localhost/";

/** What stands behind the `@` of `repository@sha256:…`. */
const digestOf = (named: string): string => named.slice(named.lastIndexOf("@") + 1);

/** Reads the parsed JSON of `GET /images/{id}/json`; undefined where it is no object. */
export function inspectImage(json: unknown): ImageInspection | undefined {
  if (!isMap(json)) return undefined;
  const { RepoDigests, Created, Config } = v.parse(imageAnswer, json);
  const labels = Object.entries(Config?.Labels ?? {}).filter(
    (each): each is [string, string] => typeof each[1] === "string",
  );
  return compact<ImageInspection>({
    digests: RepoDigests && [
      ...new Set(RepoDigests.filter((named) => named.includes("@") && !named.startsWith(LOCAL)).map(digestOf)),
    ],
    labels,
    created: Created === undefined ? undefined : nanoseconds(Created),
  });
}
