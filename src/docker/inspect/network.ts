/** What inspecting a network tells (moby: api/types/network/inspect_response.go). */
import * as v from "valibot";
import { bool, compact, isMap, map, part, text } from "../../base/lenient.ts";

/** What `GET /networks/{id}` (API 1.21) tells, made small. */
export const networkInspection = v.object({
  /** `bridge`, `overlay`, `macvlan`, `ipvlan`, `host`, `null`, or a plugin's name. */
  driver: text,
  /** Whether nothing outside can be reached from it. */
  internal: bool,
  /** Whether an overlay encrypts what goes from node to node. */
  encrypted: bool,
});

export type NetworkInspection = Readonly<v.InferOutput<typeof networkInspection>>;

const networkAnswer = v.object({ Driver: text, Internal: bool, Options: part(map) });

/** Reads the parsed JSON of `GET /networks/{id}`; undefined where it is no object. */
export function inspectNetwork(json: unknown): NetworkInspection | undefined {
  if (!isMap(json)) return undefined;
  const { Driver, Internal, Options } = v.parse(networkAnswer, json);
  return compact<NetworkInspection>({
    driver: Driver,
    internal: Internal,
    // Only overlays know the option, and that it is there is what counts (moby: drivers/overlay/ov_network.go).
    encrypted: Driver === undefined ? undefined : Driver === "overlay" && Object.hasOwn(Options ?? {}, "encrypted"),
  });
}
