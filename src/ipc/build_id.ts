/** By what the two halves of the plugin know that they belong together. */
import { fields } from "../plugin/fields.ts";
import { info } from "../plugin/info.ts";
import { metrics } from "../plugin/metrics.ts";
import { severities } from "../plugin/severities.ts";
import { layout } from "./layout.ts";
import { callbacks, symbols } from "./symbols.ts";

/**
 * The version, and a hash of all that `docker-plugin` and `libdocker.so` must agree on: what the C header is generated
 * from, and the functions between them. The host compares it with its own before it believes a runtime.
 */
export const buildId = `${info.version}+${Bun.hash(
  JSON.stringify([layout, severities, metrics, symbols, callbacks, fields.map((f) => [f.name, f.type, f.list, f.key])]),
).toString(16)}`;
