import { fields } from "../plugin/fields.ts";
import { info } from "../plugin/info.ts";
import { metrics } from "../plugin/metrics.ts";
import { layout } from "./layout.ts";

/**
 * The version, and a fingerprint of all that `docker-plugin` and `libdocker.so` must agree on. The host compares it
 * with its own before it believes a runtime.
 */
export const buildId = `${info.version}+${Bun.hash(
  JSON.stringify([layout, metrics.map((m) => m.name), fields.map((f) => [f.name, f.type])]),
).toString(16)}`;
