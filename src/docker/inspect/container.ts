/**
 * What inspecting a container tells: from the engine's answer to a compact object. Pure functions; nothing here asks an
 * engine. Environment variables are never taken, nor are options of log drivers and volumes: they hold secrets.
 *
 * The shapes are moby's (29.7.2: api/types/container), a file here a concept.
 */
import * as v from "valibot";
import { compact, isMap, type Json, nanosecondsText, text } from "../../base/lenient.ts";
import { nanoseconds } from "../../base/time.ts";
import { deviceFacts, deviceFactsOf } from "./devices.ts";
import { type EngineDefaults, isolationFacts, isolationFactsOf } from "./isolation.ts";
import { limitFacts, limitFactsOf } from "./limits.ts";
import { mountFacts, mountFactsOf } from "./mounts.ts";
import { networkFacts, networkFactsOf } from "./networking.ts";
import { processFacts, processFactsOf } from "./process.ts";
import { stateFacts, stateFactsOf } from "./state.ts";

const identityFacts = {
  /** Without the engine's leading slash. */
  name: text,
  /** Nanoseconds since 1970 in decimal digits, exact: 0 to 2^64-1. */
  created: nanosecondsText,
  /** The image's id as the engine writes it: `sha256:` and 64 hex digits; podman leaves `sha256:` out. */
  imageId: text,
} as const;

const identityFactsSchema = v.object(identityFacts);

type IdentityFacts = Readonly<v.InferOutput<typeof identityFactsSchema>>;

/**
 * What `GET /containers/{id}/json` tells, made small. A text is empty where the engine gives it so (mostly: its
 * default); a member is absent where the engine gives none or one of a wrong type. A list is never empty: Falco cannot
 * tell an empty list from an absent one.
 */
export const containerInspection = v.object({
  ...identityFacts,
  ...processFacts,
  ...stateFacts,
  ...isolationFacts,
  ...deviceFacts,
  ...mountFacts,
  ...networkFacts,
  ...limitFacts,
});

export type ContainerInspection = Readonly<v.InferOutput<typeof containerInspection>>;

const identityAnswer = v.object({ Name: text, Created: text, Image: text });

function identityFactsOf(json: Json): IdentityFacts {
  const { Name, Created, Image } = v.parse(identityAnswer, json);
  return compact<IdentityFacts>({
    name: Name?.replace(/^\//, ""),
    created: Created === undefined ? undefined : nanoseconds(Created),
    imageId: Image,
  });
}

/**
 * Reads the parsed JSON of `GET /containers/{id}/json`; undefined where it is no object.
 * @param defaults what the engine gives a container that asks for nothing else; undefined where that is not known
 */
export function inspectContainer(json: unknown, defaults?: EngineDefaults): ContainerInspection | undefined {
  if (!isMap(json)) return undefined;
  return {
    ...identityFactsOf(json),
    ...processFactsOf(json),
    ...stateFactsOf(json),
    ...isolationFactsOf(json, defaults),
    ...deviceFactsOf(json),
    ...mountFactsOf(json),
    ...networkFactsOf(json),
    ...limitFactsOf(json),
  };
}
