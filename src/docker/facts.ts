/** What an event is about, beyond what stands in it by name: its image, its exec, its container. */
import type { DockerEvent } from "./event.ts";
import { type ImageReference, parseReference } from "./reference.ts";

/** The id of the container that an event is about, where it is about one. */
export function containerIdOf(event: DockerEvent): string | undefined {
  if (event.Type === "container") return event.Actor.ID || undefined;
  // A network's connects, a volume's mounts.
  return event.Actor.Attributes.container;
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

export function execOf(event: DockerEvent): Exec | undefined {
  if (!isExec(event)) return undefined;
  const { execID, exitCode, containerExitCode } = event.Actor.Attributes;
  // A program without arguments is followed by a space all the same (moby: daemon/exec.go).
  const command = argumentOf(event.Action)?.replace(/ $/, "") ?? event.falco?.exec?.command?.join(" ");
  const code = exitCode ?? containerExitCode;
  return { command, id: execID, exitCode: code !== undefined && EXIT_CODE.test(code) ? BigInt(code) : undefined };
}

/** `healthy`, `unhealthy` …: in moby's Action, in a key of podman's. */
export function healthOf(event: DockerEvent): string | undefined {
  if (event.Type !== "container" || !event.Action.startsWith("health_status")) return undefined;
  return argumentOf(event.Action) ?? (typeof event.HealthStatus === "string" ? event.HealthStatus : undefined);
}
