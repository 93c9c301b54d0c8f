/** What inspecting a network tells (moby 29.7.2: api/types/network/network.go). */
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
  // A swarm tells of a network before it has given it a driver.
  const driver = Driver === "" ? undefined : Driver;
  // Only overlays know the option, and that it is there is what counts (moby 29.7.2: daemon/libnetwork/drivers/overlay,
  // ov_network.go).
  const isSealed = Object.hasOwn(Options ?? {}, "encrypted");
  return compact<NetworkInspection>({
    driver,
    internal: Internal,
    encrypted: driver === undefined ? undefined : driver === "overlay" && isSealed,
  });
}
