/** Who the plugin is. */
import manifest from "../../package.json" with { type: "json" };

/** What Falco is told about the plugin. The C constants are generated from this (see build.ts). */
export const info = {
  name: "docker",
  description: "Docker Events",
  contact: "https://github.com/falcosecurity/plugins",
  version: manifest.version,
  /** The number of the plugin in Falco's public registry of plugins. */
  id: 5,
  eventSource: "docker",
  /** The first plugin API whose init input carries the log function (Falco 0.38). */
  requiredApiVersion: "3.4.0",
} as const;
