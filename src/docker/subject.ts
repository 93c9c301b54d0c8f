/** What an event is about, beyond what stands in it by name: its image, its exec, its container. */
import type { DockerEvent } from "./event.ts";
import { type ImageReference, parseReference } from "./reference.ts";

/** Whether a container's networks change, which no event of its own tells. */
export const changesNetworks = ({ Type, Action }: DockerEvent): boolean =>
  Type === "network" && (Action === "connect" || Action === "disconnect");

/** The id of the container that an event is about, where it is about one. */
export function containerIdOf(event: DockerEvent): string | undefined {
  const { ID, Attributes } = event.Actor;
  if (event.Type === "container") return ID || undefined;
  // A network's connects, a volume's mounts.
  if (Attributes.container !== undefined) return Attributes.container;
  // podman tells a network's connects as the container's: only version 5 says which network, in an attribute `network`.
  return changesNetworks(event) ? ID || undefined : undefined;
}

/**
 * The image that an event is about. A container's is the attribute `image`, which a label cannot replace; an image's is
 * the Actor's id where that is a reference (pull, push), else its name, which is an id for all but a tag.
 */
export function imageOf(event: DockerEvent): ImageReference | undefined {
  const { ID, Attributes } = event.Actor;
  if (event.Type === "container") return Attributes.image === undefined ? undefined : parseReference(Attributes.image);
  if (event.Type !== "image") return undefined;
  return parseReference(ID) ?? (Attributes.name === undefined ? undefined : parseReference(Attributes.name));
}

/** What an event says of an exec. */
export interface Exec {
  /** Program and arguments with one space between them; the engine keeps no quotes. */
  readonly command: string | undefined;
  /** What its words are in: program and arguments apart, or where an event says another text all of that. */
  readonly line: readonly string[] | undefined;
  readonly id: string | undefined;
  /** 0 to 2^64-1. */
  readonly exitCode: bigint | undefined;
}

const EXIT_CODE = /^\d{1,19}$/;

/** Whether an event is about an exec: moby's `exec_create: …`, `exec_start: …`, `exec_die`, podman's `exec`, `exec_died`. */
export const isExec = ({ Type, Action }: DockerEvent): boolean =>
  Type === "container" && Action.startsWith("exec") && (Action.length === 4 || Action.charCodeAt(4) === 95);

/** The id of the exec that an event is about, as the event says it: a label can pose as one. */
export const execIdOf = (event: DockerEvent): string | undefined =>
  isExec(event) ? event.Actor.Attributes.execID : undefined;

/** What stands behind `name: ` in an Action. */
function argumentOf(action: string): string | undefined {
  const colon = action.indexOf(": ");
  return colon < 0 ? undefined : action.slice(colon + 2);
}

/** The command of an exec as its event says it; podman's do not. */
export const saidCommandOf = ({ Action }: DockerEvent): string | undefined => argumentOf(Action);

/**
 * What an exec runs. A program without arguments is followed by a space all the same (moby 28.5.2: daemon/exec.go), and a last
 * argument may end in one: the inspection tells which, and without it another space means that there are arguments.
 */
function commandOf(said: string | undefined, inspected: readonly string[] | undefined): string | undefined {
  if (said === undefined || isSaid(said, inspected)) return inspected?.join(" ");
  const bare = said.endsWith(" ") ? said.slice(0, -1) : said;
  return bare.includes(" ") ? said : bare;
}

/** Whether an event says the command that an inspection tells. */
function isSaid(said: string, inspected: readonly string[] | undefined): boolean {
  const known = inspected?.join(" ");
  return said === (inspected?.length === 1 ? `${known} ` : known);
}

/** The attribute that an exec's end has its code in, by Action; podman 4 has it in each event of a container. */
const EXIT_CODES: Readonly<Record<string, string>> = { exec_die: "exitCode", exec_died: "containerExitCode" };

/**
 * What an event says of an exec; undefined where it is about none.
 * @param inspected program and arguments as the exec's inspection tells them, where that is known
 */
export function execOf(event: DockerEvent, inspected?: readonly string[]): Exec | undefined {
  if (!isExec(event)) return undefined;
  const { Action, Actor } = event;
  const key = EXIT_CODES[Action];
  const code = key === undefined ? undefined : Actor.Attributes[key];
  const said = argumentOf(Action);
  return {
    command: commandOf(said, inspected),
    line: said === undefined || isSaid(said, inspected) ? inspected : [said],
    id: Actor.Attributes.execID,
    exitCode: code !== undefined && EXIT_CODE.test(code) ? BigInt(code) : undefined,
  };
}

/** `healthy`, `unhealthy` …: in moby's Action, in a key of podman's. */
export function healthOf(event: DockerEvent): string | undefined {
  if (event.Type !== "container" || !event.Action.startsWith("health_status")) return undefined;
  return argumentOf(event.Action) ?? (typeof event.HealthStatus === "string" ? event.HealthStatus : undefined);
}
