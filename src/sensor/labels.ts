/** What an event's addition says of its container's labels: those that the event itself does not show. */
import type { DockerEvent } from "../docker/event.ts";
import { hiddenLabels, namedAsEngines, showsAll } from "../docker/labels.ts";
import type { Enrichment } from "./enrichment.ts";

/** What the events of a container add that show all its labels: one object for all of them. */
const usual = new WeakMap<Enrichment, Enrichment>();

/** @param known what is known of the event's container, with all its labels */
export function withHiddenLabels(known: Enrichment, event: DockerEvent): Enrichment {
  const { labels } = known;
  if (labels === undefined) return known;
  if (!showsAll(event, labels)) return { ...known, labels: hiddenLabels(event, labels) };
  let part = usual.get(known);
  if (part === undefined) {
    part = { ...known, labels: namedAsEngines(labels) };
    usual.set(known, part);
  }
  return part;
}
