/**
 * A container's labels apart from what the engine says of an event. moby mixes them: an event's attributes are its own
 * with the labels copied over them, so that a label can replace what the engine says; only `image` and `name` are
 * written after the labels (moby 28.5.2: daemon/events.go, LogContainerEventWithAttributes). podman writes its own after
 * the labels (podman 5.8: pkg/domain/entities/events.go), but never the id of an exec, which a label can pose as.
 */

import type { DockerEvent } from "./event.ts";
import { isShortened } from "./inspect/bounds.ts";

export type Labels = Readonly<Record<string, string>>;

/**
 * What the engine sets in the events of a container, by Action without its argument (moby 28.5.2, package daemon:
 * commit.go, exec.go, health.go, kill.go, monitor.go, rename.go, resize.go; `execType`: moby pull request 53682).
 */
const SET_BY_ACTION: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    commit: ["comment", "imageID", "imageRef"],
    die: ["exitCode", "execDuration"],
    exec_create: ["execID", "execType"],
    exec_start: ["execID", "execType"],
    exec_detach: ["execID", "execType"],
    exec_die: ["execID", "execType", "exitCode"],
    kill: ["signal"],
    rename: ["oldName"],
    resize: ["height", "width"],
    // podman's: attributes that it does not set, and that are read where moby does.
    exec: ["execID"],
    exec_died: ["execID"],
  }),
);

/** What no label can replace: moby's, and podman's own. */
const SET_LAST = ["image", "name", "container", "containerExitCode", "podId", "network", "oomKilled", "error"];

const SET_BY_ENGINE: ReadonlySet<string> = new Set([...[...SET_BY_ACTION.values()].flat(), ...SET_LAST]);

const NONE: readonly string[] = [];

/** What the engine sets in an event of its kind and a label can replace. */
export function replaceableIn({ Type, Action }: DockerEvent): readonly string[] {
  if (Type !== "container") return NONE;
  const colon = Action.indexOf(":");
  return SET_BY_ACTION.get(colon < 0 ? Action : Action.slice(0, colon)) ?? NONE;
}

function select(labels: Labels, isWanted: (key: string, value: string) => boolean): Labels {
  const wanted: [string, string][] = [];
  for (const key in labels) if (isWanted(key, labels[key] as string)) wanted.push([key, labels[key] as string]);
  // Not by assignment, as a label may be called `__proto__`.
  return Object.fromEntries(wanted);
}

/** The labels that never show in an event's attributes as labels, as the engine sets attributes of these names. */
export const namedAsEngines = (labels: Labels): Labels => select(labels, (key) => SET_BY_ENGINE.has(key));

/** Whether an event's attributes show a label. */
function shows({ Attributes }: DockerEvent["Actor"], key: string, value: string): boolean {
  const shown = Attributes[key];
  return shown === value || (isShortened(value) && shown?.startsWith(value.slice(0, -1)) === true);
}

/** Whether an event's attributes show all labels but those that have a name of the engine's. */
export function showsAll({ Type, Actor }: DockerEvent, labels: Labels): boolean {
  if (Type !== "container") return false;
  for (const key in labels) if (!SET_BY_ENGINE.has(key) && !shows(Actor, key, labels[key] as string)) return false;
  return true;
}

/** The labels that an event's attributes do not show, or not as labels. */
export function hiddenLabels({ Type, Actor }: DockerEvent, labels: Labels): Labels {
  return select(labels, (key, value) => Type !== "container" || SET_BY_ENGINE.has(key) || !shows(Actor, key, value));
}

/** Whether an attribute of an event is a label of its container; of one that has a name of the engine's nobody knows. */
export const isLabel = ({ Type }: DockerEvent, key: string): boolean => Type === "container" && !SET_BY_ENGINE.has(key);

/** The names of labels that stand where the engine says something of this very event. @param hidden as above */
export function forgeriesIn(event: DockerEvent, hidden: Labels): readonly string[] {
  const replaceable = replaceableIn(event);
  if (replaceable.length === 0) return replaceable;
  const { Attributes } = event.Actor;
  // What differs was not replaced, unless it is the beginning of what was, as the event was cut down.
  return replaceable.filter((key) => {
    const label = hidden[key];
    return typeof label === "string" && (isShortened(label) || label.startsWith(Attributes[key] ?? ""));
  });
}
