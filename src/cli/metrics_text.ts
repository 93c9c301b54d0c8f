/**
 * The plugin's metrics in what Falco tells of itself: Prometheus' text, or lines of JSON (falco 0.44: userspace/falco,
 * falco_metrics.cpp, stats_writer.cpp; libs 0.25: userspace/libsinsp/metrics_collector.cpp).
 */
import { isMap } from "../base/lenient.ts";
import { info } from "../plugin/info.ts";
import { metrics, namesInPrometheus } from "../plugin/metrics.ts";

/** A metric's name and value, as Prometheus' text has them; a time may follow. */
const LINE = /^([a-zA-Z_:][\w:]*)(?:\{[^}]*\})?\s+([-+.\deE]+)(?:\s|$)/;
const forms = metrics.flatMap(({ name }) => namesInPrometheus(name).map((form) => [form, name] as const));
/** Of the longest form first, so that none is taken for the end of another. */
const byForm = forms.toSorted(([a], [b]) => b.length - a.length);

export type Found = ReadonlyMap<string, number>;

/** Falco tells of a plugin once for each source of events; those where it has nothing open say 0. */
function put(found: Map<string, number>, name: string, value: number): void {
  found.set(name, Math.max(value, found.get(name) ?? value));
}

/** The metrics in Prometheus' text: `falcosecurity_plugins_docker_NAME_total`. */
export function metricsIn(text: string): Found {
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, full = "", value = ""] = LINE.exec(line) ?? [];
    const name = byForm.find(([form]) => full === form || full.endsWith(`_${form}`))?.[1];
    if (name !== undefined) put(found, name, Number(value));
  }
  return found;
}

const PREFIX = `plugins.${info.name}.`;

/** The metrics of a line of JSON, which Falco writes as a file of metrics or as an alert: `plugins.docker.NAME`. */
function metricsOf(line: string): Found {
  const found = new Map<string, number>();
  if (!line.includes(PREFIX)) return found;
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return found;
  }
  const fields = isMap(json) && isMap(json.output_fields) ? json.output_fields : {};
  for (const { name } of metrics) {
    const value = fields[`${PREFIX}${name}`];
    if (typeof value === "number") found.set(name, value);
  }
  // Falco leaves out what is 0 unless metrics.include_empty_values is set.
  if (found.size > 0) for (const { name } of metrics) if (!found.has(name)) found.set(name, 0);
  return found;
}

/** The metrics that the last of Falco's lines of JSON tells which has some. */
export function lastMetricsIn(text: string): Found {
  const lines = text.split("\n");
  for (let i = lines.length - 1; i >= 0; i--) {
    const found = metricsOf(lines[i] ?? "");
    if (found.size > 0) return found;
  }
  return new Map();
}
