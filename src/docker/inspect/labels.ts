/** A container's labels, from the engine's answer, with bounds: a container may have megabytes of them. */
import * as v from "valibot";
import { isMap, map, part } from "../../base/lenient.ts";
import { type Labels, namedAsEngines } from "../labels.ts";
import { shortened } from "./bounds.ts";

/** Labels by their names; what is no text is left out. Not v.record, which leaves out `constructor` and `prototype`. */
export const labels = part(
  v.pipe(
    map,
    v.transform(
      (all) => Object.fromEntries(Object.entries(all).filter(([, value]) => typeof value === "string")) as Labels,
    ),
  ),
);

/** Characters of all labels of a container, as JSON. */
const LABELS_CHARS_MAX = 32 * 1024;

/** Characters up to which no label is too long, nor are all together. */
const SHORT_CHARS = 4 * 1024;

const containerAnswer = v.object({ Config: part(v.object({ Labels: labels })) });

/** Those that tell most stand first: the ones that pose as the engine's words, then compose's and swarm's. */
const rankOf = (key: string, posing: Labels): number =>
  Object.hasOwn(posing, key) ? 0 : /^(?:com|io)\.(?:docker|podman)\./.test(key) ? 1 : 2;

/**
 * Reads the labels of the parsed JSON of `GET /containers/{id}/json`, none where it has none; undefined where it is no
 * container. Each has at most 4 Ki characters (a longer one ends in `…`), and there are as many as fit into 32 Ki.
 */
export function inspectLabels(json: unknown): Labels | undefined {
  if (!isMap(json)) return undefined;
  const { Config } = v.parse(containerAnswer, json);
  if (Config === undefined) return undefined;
  const all = Config.Labels ?? {};
  if (JSON.stringify(all).length <= SHORT_CHARS) return all;
  const posing = namedAsEngines(all);
  const entries = Object.entries(all).sort(([a], [b]) => rankOf(a, posing) - rankOf(b, posing));
  let left = LABELS_CHARS_MAX;
  const kept: [string, string][] = [];
  for (const [key, whole] of entries) {
    const { value } = shortened({ value: whole });
    left -= key.length + value.length + 6;
    if (left < 0) break;
    kept.push([key, value]);
  }
  return Object.fromEntries(kept);
}
