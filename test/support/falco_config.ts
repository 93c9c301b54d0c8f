/**
 * What Falco takes in its configuration: names and types of its keys, as far as what ships may use them, from its JSON Schema
 * (falco 0.44.1: userspace/falco/config_json_schema.h). Falco warns of any other key, and then passes over it.
 */
import * as v from "valibot";

const flag = v.boolean();
const text = v.string();
const number = v.pipe(v.number(), v.integer());
const texts = v.array(text);

/** A map with these keys and no other, none of which must be there. */
const map = <T extends v.ObjectEntries>(entries: T) => v.partial(v.strictObject(entries));
const flags = <K extends string>(...names: K[]) =>
  Object.fromEntries(names.map((name) => [name, flag])) as Record<K, typeof flag>;

const plugin = v.strictObject({
  name: text,
  library_path: text,
  init_config: v.optional(v.union([v.record(text, v.unknown()), text, v.null()])),
  open_params: v.optional(text),
});

const metrics = map({
  interval: text,
  output_file: text,
  ...flags("enabled", "output_rule", "rules_counters_enabled", "resource_utilization_enabled"),
  ...flags("state_counters_enabled", "kernel_event_counters_enabled", "kernel_event_counters_per_cpu_enabled"),
  ...flags("libbpf_stats_enabled", "plugins_metrics_enabled"),
  ...flags("jemalloc_stats_enabled", "convert_memory_to_mb", "include_empty_values"),
});

const webserver = map({
  threadiness: number,
  listen_port: number,
  ...{ listen_address: text, k8s_healthz_endpoint: text, ssl_certificate: text },
  ...flags("enabled", "prometheus_metrics_enabled", "ssl_enabled"),
});

const httpOutput = map({
  ...{
    url: text,
    user_agent: text,
    ca_cert: text,
    ca_bundle: text,
    ca_path: text,
    client_cert: text,
    client_key: text,
  },
  max_consecutive_timeouts: number,
  ...flags("enabled", "insecure", "mtls", "echo", "compress_uploads", "keep_alive"),
});

const appended = map({
  match: map({ source: text, tags: texts, rule: text }),
  extra_output: text,
  extra_fields: v.array(v.union([v.record(text, text), text])),
  suggested_output: flag,
});

const ofRules = map({ rule: text, tag: text });

export const falcoConfig = map({
  plugins: v.array(plugin),
  load_plugins: texts,
  rules_files: texts,
  rules: v.array(map({ disable: ofRules, enable: ofRules })),
  append_output: v.array(appended),
  ...{ metrics, webserver, http_output: httpOutput },
  ...{ stdout_output: map({ enabled: flag }), syslog_output: map({ enabled: flag }) },
  file_output: map({ enabled: flag, keep_alive: flag, filename: text }),
  outputs_queue: map({ capacity: number }),
  output_timeout: number,
  priority: v.picklist([
    ...(["emergency", "alert", "critical", "error"] as const),
    ...(["warning", "notice", "info", "informational", "debug"] as const),
  ]),
  rule_matching: v.picklist(["first", "all"]),
  log_level: text,
  ...flags("watch_config_files", "plugins_hostinfo", "time_format_iso_8601", "buffered_outputs", "log_stderr"),
  ...flags("log_syslog", "json_output", "json_include_output_property", "json_include_message_property"),
  ...flags("json_include_output_fields_property", "json_include_tags_property"),
});

export type FalcoConfig = v.InferOutput<typeof falcoConfig>;

/** What is wrong in a configuration, each with where. */
export function falcoConfigFaults(config: unknown): string[] {
  const { issues = [] } = v.safeParse(falcoConfig, config);
  return issues.map((issue) => `${v.getDotPath(issue) ?? ""}: ${issue.message}`);
}
