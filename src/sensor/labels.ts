/** What an event's addition says of its container's labels: those that the event itself does not show. */
import type { DockerEvent } from "../docker/event.ts";
import { hiddenLabels, type Labels, namedAsEngines, showsAll } from "../docker/labels.ts";
import { type Enrichment, withMore } from "./enrichment.ts";

/** All labels of a container, by what is known of it beside them. */
const labelsOfKnown = new WeakMap<Enrichment, Labels>();
/** What the events of a container add that show all its labels: one object for all of them. */
const usual = new WeakMap<Enrichment, Enrichment>();

export const labelsOf = (known: Enrichment): Labels | undefined => labelsOfKnown.get(known);

/** Keeps the labels of a container with what is known of it; returns their characters. */
export function keepLabels(known: Enrichment, labels: Labels): number {
  labelsOfKnown.set(known, labels);
  return JSON.stringify(labels).length;
}

/** What an event adds: what is known of its container, and its labels as far as the event does not show them. */
export function withHiddenLabels(known: Enrichment, event: DockerEvent): Enrichment {
  const labels = labelsOf(known);
  if (labels === undefined) return known;
  if (!showsAll(event, labels)) return withMore(known, { labels: hiddenLabels(event, labels) });
  let part = usual.get(known);
  if (part === undefined) {
    part = withMore(known, { labels: namedAsEngines(labels) });
    usual.set(known, part);
  }
  return part;
}
