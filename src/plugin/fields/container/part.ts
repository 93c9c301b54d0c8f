/** The part of an event that the fields of its container are taken from: what the engine was asked. */
import { added, of, shared } from "../field.ts";

export const containerPart = shared(added(({ container }) => container));

export const container = of(containerPart);

/** Where the value is from, in words. */
export const INSPECT = "`GET /containers/{id}/json`: ";
