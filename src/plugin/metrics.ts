/** The counters and gauges that Falco shows. */
import { info } from "./info.ts";

/** A counter the plugin shows through `get_metrics`. */
export interface Metric {
  readonly name: string;
  /** A monotonic metric only grows; the others go up and down. */
  readonly monotonic: boolean;
  /** Who moves it: the runtime through the shared page, or the host in its own memory. */
  readonly owner: "runtime" | "host";
  readonly desc: string;
}

/** All metrics, in the order of their places in the shared page. */
export const metrics = [
  { name: "received", monotonic: true, owner: "runtime", desc: "Event lines read from the engine" },
  { name: "delivered", monotonic: true, owner: "host", desc: "Events that Falco went on from" },
  { name: "dropped", monotonic: true, owner: "runtime", desc: "Events lost because Falco was too slow" },
  { name: "malformed", monotonic: true, owner: "runtime", desc: "Lines that were no Docker event" },
  { name: "cut", monotonic: true, owner: "runtime", desc: "Events cut down as they were too long" },
  { name: "forged", monotonic: true, owner: "runtime", desc: "Lines with a key `falco` of their own, not believed" },
  {
    name: "excluded",
    monotonic: true,
    owner: "runtime",
    desc: "Events left out by the setting `exclude`, not among the received",
  },
  {
    name: "uninspected",
    monotonic: true,
    owner: "runtime",
    desc: "Events whose container's facts could not be had in time",
  },
  {
    name: "healthchecks_skipped",
    monotonic: true,
    owner: "runtime",
    desc: "Events of health checks' execs that are left out, as the setting `skiphealthchecks` says",
  },
  { name: "losses", monotonic: true, owner: "runtime", desc: "Gaps in the stream, each announced by an event" },
  { name: "reconnects", monotonic: true, owner: "runtime", desc: "Times the engine's stream was opened again" },
  { name: "runtime_restarts", monotonic: true, owner: "host", desc: "Times the runtime was started anew" },
  { name: "extract_failures", monotonic: true, owner: "host", desc: "Replayed events whose fields could not be had" },
  {
    name: "log_lines_dropped",
    monotonic: true,
    owner: "runtime",
    desc: "Log lines dropped as Falco did not read them",
  },
  {
    name: "connected",
    monotonic: false,
    owner: "runtime",
    desc: "1 where the stream of every open engine stands, else 0",
  },
  { name: "engines", monotonic: false, owner: "runtime", desc: "Engines that are open" },
  {
    name: "engines_connected",
    monotonic: false,
    owner: "runtime",
    desc: "Those of them whose stream stands",
  },
  { name: "lag_ms", monotonic: false, owner: "runtime", desc: "Age of the newest event when it was read, ms" },
  { name: "queue_bytes", monotonic: false, owner: "runtime", desc: "Bytes that wait for room in the ring" },
] as const satisfies readonly Metric[];

export type MetricName = (typeof metrics)[number]["name"];

/** What libsinsp takes for a unit in a metric's name, wherever it stands there, and takes out. */
const UNITS = /_(?:kb|bytes|mb|percentage|perc|ratio|ns|ts|sec|total)/g;

/**
 * What Falco's `/metrics` calls a metric of ours, behind `falcosecurity_plugins_`: the newest Falco's name first. Of a
 * plugin's metrics libsinsp knows no unit, so all of them are counted things, whose name ends in `_total`, gauges too; it
 * takes units out of a name, and did not always do either (falcosecurity/libs 0.17.1 to 0.25.0:
 * userspace/libsinsp/plugin.cpp, metrics_collector.cpp).
 */
export function namesInPrometheus(name: MetricName): readonly [newest: string, ...older: string[]] {
  const full = `${info.name}_${name}`;
  return [`${full.replace(UNITS, "")}_total`, `${full}_total`, full];
}

/** What the newest Falco's `/metrics` calls a metric of ours. */
export const prometheusName = (name: MetricName): string => `falcosecurity_plugins_${namesInPrometheus(name)[0]}`;
