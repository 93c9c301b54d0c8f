/**
 * What inspecting an engine's plugin tells (moby 29.7.2: api/types/plugin/plugin.go): what of the host it was granted. Never
 * its environment.
 */
import * as v from "valibot";
import { bool, compact, isMap, listOf, part, text, texts } from "../../base/lenient.ts";
import { capability } from "./capability.ts";

/** What `GET /plugins/{name}/json` (API 1.25) tells, made small. */
export const pluginInspection = v.object({
  /**
   * `network=host`, `ipc=host`, `pid=host`, `mount=/var/run`, `device=/dev/fuse`, `device=all`, `CAP_SYS_ADMIN`: what
   * who installs it is asked to grant (moby 29.7.2: daemon/pkg/plugin/backend_linux.go, computePrivileges).
   */
  privileges: texts,
});

export type PluginInspection = Readonly<v.InferOutput<typeof pluginInspection>>;

const pluginAnswer = v.object({
  // What was set, where that may be set; else what it comes with.
  Settings: part(v.object({ Mounts: listOf(v.object({ Source: text })), Devices: listOf(v.object({ Path: text })) })),
  Config: part(
    v.object({
      Network: part(v.object({ Type: text })),
      IpcHost: bool,
      PidHost: bool,
      Mounts: listOf(v.object({ Source: text })),
      Linux: part(v.object({ AllowAllDevices: bool, Capabilities: texts, Devices: listOf(v.object({ Path: text })) })),
    }),
  ),
});

/** Networks that are no privilege. */
const PLAIN_NETWORKS: ReadonlySet<string> = new Set(["", "null", "none", "bridge"]);

/** Reads the parsed JSON of `GET /plugins/{name}/json`; undefined where it is no object. */
export function inspectPlugin(json: unknown): PluginInspection | undefined {
  if (!isMap(json)) return undefined;
  const { Settings: settings, Config: config } = v.parse(pluginAnswer, json);
  const network = config?.Network?.Type ?? "";
  const named = (name: string, values: readonly (string | undefined)[]): string[] =>
    values.filter((value) => value !== undefined && value !== "").map((value) => `${name}=${value}`);
  const mounts = (settings?.Mounts ?? config?.Mounts ?? []).map(({ Source }) => Source);
  const devices = (settings?.Devices ?? config?.Linux?.Devices ?? []).map(({ Path }) => Path);
  return compact<PluginInspection>({
    privileges: [
      ...(PLAIN_NETWORKS.has(network) ? [] : [`network=${network}`]),
      ...(config?.IpcHost === true ? ["ipc=host"] : []),
      ...(config?.PidHost === true ? ["pid=host"] : []),
      ...named("mount", mounts),
      ...named("device", [...devices, config?.Linux?.AllowAllDevices === true ? "all" : undefined]),
      ...(config?.Linux?.Capabilities ?? []).map(capability),
    ],
  });
}
