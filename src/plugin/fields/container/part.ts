import { added, of, shared } from "../field.ts";

export const containerPart = shared(added(({ container }) => container));

export const container = of(containerPart);

/** Where the value is from, in words. */
export const INSPECT = "`GET /containers/{id}/json`: ";
