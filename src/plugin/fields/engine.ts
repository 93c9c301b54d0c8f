/** Fields of the engine that an event comes from. */
import { about, added, type Field, of, shared } from "./field.ts";

const engine = of(shared(added(({ engine }) => engine)));
/** One engine adds nothing to other events: what it says of itself is in those that are about it. */
const daemon = of(added(({ daemon }) => daemon));

const OF_DAEMON = "of events of type daemon (its `reload`, and our own `existing` at open)";

export const engineFields: readonly Field[] = [
  engine.text(
    about("docker.engine.host", "Address of the engine", "our own, where the payload says it", "tcp://10.0.0.5:2375"),
    (engine) => engine.host,
  ),
  engine.text(
    about(
      "docker.engine.name",
      "Name of the engine's machine",
      "`GET /info`: `Name`, where the payload says it",
      "node-1",
    ),
    (engine) => engine.name,
  ),
  engine.text(
    about(
      "docker.engine.id",
      "Id of the engine, which it keeps for life",
      "`GET /info`: `ID`, where the payload says it",
      "3f1b3f0c-5b5d-4e0e-af7b-1f7a4f9d1c2b",
    ),
    (engine) => engine.id,
  ),
  engine.text(
    about("docker.engine.version", "Version of the engine", "`GET /version`, where the payload says it", "28.5.2"),
    (engine) => engine.version,
  ),
  daemon.texts(
    about(
      "docker.engine.warnings",
      `What the engine warns of, ${OF_DAEMON}`,
      "`GET /info`: `Warnings`",
      "(WARNING: API is accessible on http://0.0.0.0:2375 without encryption. …)",
      "1.39",
    ),
    (daemon) => daemon.warnings,
  ),
  daemon.texts(
    about(
      "docker.engine.securityoptions",
      `What the engine protects all containers with, ${OF_DAEMON}`,
      "`GET /info`: `SecurityOptions`",
      '("name=seccomp,profile=default")',
      "1.25",
    ),
    (daemon) => daemon.securityOptions,
  ),
  daemon.texts(
    about(
      "docker.engine.authorization",
      `Plugins that the engine asks whether a request is allowed, ${OF_DAEMON}`,
      "`GET /info`: `Plugins.Authorization`",
      "(opa)",
    ),
    (daemon) => daemon.authorization,
  ),
  daemon.flag(
    about(
      "docker.engine.rootless",
      `Whether the engine runs without root's rights, ${OF_DAEMON}`,
      "`GET /info`: `SecurityOptions` (podman: `Rootless`)",
      "false",
      "1.40",
    ),
    (daemon) => daemon.rootless,
  ),
  daemon.text(
    about(
      "docker.engine.swarm",
      `State of the node in its swarm: inactive, pending, active, error, locked, ${OF_DAEMON}`,
      "`GET /info`: `Swarm.LocalNodeState`",
      "inactive",
    ),
    (daemon) => daemon.swarm,
  ),
  daemon.flag(
    about(
      "docker.engine.insecure",
      `Whether a TCP port of the engine's API lets everybody in, without TLS or without a look at the client's certificate, ${OF_DAEMON}`,
      "`GET /info`: `Warnings`",
      "true",
      "1.39",
    ),
    (daemon) => daemon.insecure,
  ),
];
