/** Fields of any event: what it is, when it was, what it is about. */
import { healthOf } from "../../docker/subject.ts";
import type { EnrichedEvent } from "../../sensor/enrichment.ts";
import { about, attribute, type Field, field, of, whole } from "./field.ts";

const isContainer = (event: EnrichedEvent): boolean => event.Type === "container";

/** Whether the event had `status` and `id` before API 1.52 took them away (moby 29.7.2: api/types/events, Message). */
const hadStatus = (event: EnrichedEvent): boolean => event.Type === "container" || event.Type === "image";

const event = of(whole);

const SWARM = "1.24";
const ID = "2b8e2040fe1c…";

/**
 * The engine mixes a container's labels into the attributes of its events, so a label named `exitCode`, `signal` or
 * `execID` replaces the engine's own value there (moby 28.5.2: daemon/events.go, copyAttributes). The fields keep what the
 * event says.
 */
export const eventFields: readonly Field[] = [
  event.text(
    about(
      "docker.status",
      "Status of the event",
      "`status`; where missing, `Action` for container and image events",
      "start",
    ),
    (event) => event.status ?? (hadStatus(event) ? event.Action : undefined),
  ),
  event.text(
    about("docker.id", "ID of the event", "`id`; where missing, `Actor.ID` for container and image events", ID),
    (event) => event.id ?? (hadStatus(event) ? event.Actor.ID : undefined),
  ),
  event.text(
    about(
      "docker.from",
      "From of the event (deprecated)",
      "`from`; where missing, the attribute `image` for container events",
      "alpine:3.18",
    ),
    (event) => event.from ?? (isContainer(event) ? event.Actor.Attributes.image : undefined),
    ["docker.attributes.image"],
  ),
  event.text(about("docker.type", "Type of the event", "`Type`", "container"), (event) => event.Type),
  event.text(about("docker.action", "Action of the event", "`Action`", "start"), (event) => event.Action, [
    "docker.status",
  ]),
  attribute("docker.stack.namespace", "com.docker.stack.namespace", "Stack Namespace", "shop", SWARM),
  attribute("docker.node.id", "com.docker.swarm.node.id", "Swarm Node ID", "d4bnbn967bmxae69jct6aglsc", SWARM),
  attribute("docker.swarm.task", "com.docker.swarm.task", "Swarm Task", "", SWARM),
  attribute("docker.swarm.taskid", "com.docker.swarm.task.id", "Swarm Task ID", "y0kw2b2cw2qqdpc8v9oxp5nmx", SWARM),
  attribute("docker.swarm.taskname", "com.docker.swarm.task.name", "Swarm Task Name", "shop_web.1.y0kw2b2cw2qq", SWARM),
  attribute("docker.swarm.servicename", "com.docker.swarm.service.name", "Swarm Service Name", "shop_web", SWARM),
  attribute("docker.node.statenew", "state.new", "Node New State", "down", "1.30"),
  attribute("docker.node.stateold", "state.old", "Node Old State", "ready", "1.30"),
  attribute("docker.attributes.container", "container", "Attribute Container", ID),
  attribute("docker.attributes.image", "image", "Attribute Image", "alpine:3.18"),
  attribute("docker.attributes.name", "name", "Attribute Name", "pensive_haibt"),
  attribute("docker.attributes.type", "type", "Attribute Type", "bridge"),
  attribute("docker.attributes.exitcode", "exitCode", "Attribute Exit Code", "137"),
  attribute("docker.attributes.signal", "signal", "Attribute Signal", "9"),
  event.text(about("docker.scope", "Scope", "`scope`", "local", "1.30"), (event) => event.scope),
  event.text(about("docker.actor.id", "ID of what the event is about", "`Actor.ID`", ID), (event) => event.Actor.ID, [
    "docker.id",
  ]),
  field(about("docker.time", "Time of the event", "`timeNano`", "1795427240090068681"), "abstime", {
    kind: "timestamp",
  }),
  field(
    about(
      "docker.attributes",
      "An attribute of the event by its name, the container's labels among them",
      "`Actor.Attributes`",
      "web",
    ),
    "string",
    { kind: "attributes" },
    { key: "KEY", exampleKey: "tier" },
  ),
  event.text(
    about(
      "docker.health.status",
      "Result of a health check",
      "`Action` behind `health_status: ` (podman: `HealthStatus`)",
      "unhealthy",
    ),
    healthOf,
  ),
];
