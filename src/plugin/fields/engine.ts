/** Fields of the engine that an event comes from. */
import type { EnrichedEvent } from "../../sensor/enrichment.ts";
import { about, type Field, of, shared } from "./field.ts";

const engine = of(shared((event: EnrichedEvent) => event.falco?.engine));

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
];
