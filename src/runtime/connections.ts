/** Which engines are connected, as metrics: they have no labels, so they are counts over all that is open. */
import type { Bridge } from "../ipc/bridge.ts";

/** Whether each engine that is watched is connected, by who watches it. */
const connections = new Map<object, boolean>();

/** Says that an engine is connected or not; undefined: that nobody watches it any more. */
export function showConnected(bridge: Bridge, watch: object, is: boolean | undefined): void {
  if (is === undefined) connections.delete(watch);
  else connections.set(watch, is);
  const standing = [...connections.values()].filter(Boolean).length;
  bridge.gauge("engines", connections.size);
  bridge.gauge("engines_connected", standing);
  bridge.gauge("connected", connections.size > 0 && standing === connections.size ? 1 : 0);
}
