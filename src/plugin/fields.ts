import type { DockerEvent } from "../docker/event.ts";

/** Falco's number of a value's type (falcosecurity/libs, ppm_events_public.h: PT_*). */
export const fieldTypes = { uint64: 8, string: 9, abstime: 21, bool: 25 } as const;

/** Where a field's value comes from: one attribute of the event, or something worked out from the whole event. */
type Source = { readonly attribute: string } | { readonly value: (event: DockerEvent) => string | undefined };

/** A field that rules can use. `undefined` is absent in Falco (`<NA>`); an empty string is present and empty. */
export interface Field {
  readonly name: string;
  readonly type: keyof typeof fieldTypes;
  readonly desc: string;
  /** For readers: what of the event the value is. */
  readonly from: string;
  readonly source: Source;
}

const isContainer = (event: DockerEvent): boolean => event.Type === "container";

/** Whether the event had `status` and `id` before API 1.52 took them away (moby: api/types/events, Message). */
const hadStatus = (event: DockerEvent): boolean => event.Type === "container" || event.Type === "image";

function attribute(name: string, key: string, desc: string): Field {
  return { name, type: "string", desc, from: `attribute \`${key}\``, source: { attribute: key } };
}

function value(name: string, desc: string, from: string, value: (event: DockerEvent) => string | undefined): Field {
  return { name, type: "string", desc, from, source: { value } };
}

/**
 * All fields; a field's id is its place here.
 *
 * The engine mixes a container's labels into the attributes of its events, so a label named `exitCode` or `signal`
 * replaces the engine's own value there (moby: daemon/events.go, copyAttributes). The fields keep the raw value.
 */
export const fields: readonly Field[] = [
  value(
    "docker.status",
    "Status of the event",
    "`status`; where missing, `Action` for container and image events",
    (event) => event.status ?? (hadStatus(event) ? event.Action : undefined),
  ),
  value(
    "docker.id",
    "ID of the event",
    "`id`; where missing, `Actor.ID` for container and image events",
    (event) => event.id ?? (hadStatus(event) ? event.Actor.ID : undefined),
  ),
  value(
    "docker.from",
    "From of the event (deprecated)",
    "`from`; where missing, the attribute `image` for container events",
    (event) => event.from ?? (isContainer(event) ? event.Actor.Attributes.image : undefined),
  ),
  value("docker.type", "Type of the event", "`Type`", (event) => event.Type),
  value("docker.action", "Action of the event", "`Action`", (event) => event.Action),
  attribute("docker.stack.namespace", "com.docker.stack.namespace", "Stack Namespace"),
  attribute("docker.node.id", "com.docker.swarm.node.id", "Swarm Node ID"),
  attribute("docker.swarm.task", "com.docker.swarm.task", "Swarm Task"),
  attribute("docker.swarm.taskid", "com.docker.swarm.task.id", "Swarm Task ID"),
  attribute("docker.swarm.taskname", "com.docker.swarm.task.name", "Swarm Task Name"),
  attribute("docker.swarm.servicename", "com.docker.swarm.service.name", "Swarm Service Name"),
  attribute("docker.node.statenew", "state.new", "Node New State"),
  attribute("docker.node.stateold", "state.old", "Node Old State"),
  attribute("docker.attributes.container", "container", "Attribute Container"),
  attribute("docker.attributes.image", "image", "Attribute Image"),
  attribute("docker.attributes.name", "name", "Attribute Name"),
  attribute("docker.attributes.type", "type", "Attribute Type"),
  attribute("docker.attributes.exitcode", "exitCode", "Attribute Exit Code"),
  attribute("docker.attributes.signal", "signal", "Attribute Signal"),
  value("docker.scope", "Scope", "`scope`", (event) => event.scope),
];
