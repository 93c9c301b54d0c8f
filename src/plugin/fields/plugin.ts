/** Fields of the engine's plugin that an event is about. */
import { about, added, type Field, of } from "./field.ts";

const plugin = of(added(({ plugin }) => plugin));

export const pluginFields: readonly Field[] = [
  plugin.texts(
    about(
      "docker.plugin.privileges",
      "What of the host a plugin is granted: network=…, ipc=host, pid=host, mount=PATH, device=PATH, device=all, CAP_…",
      "`GET /plugins/{name}/json`: `Config`, `Settings`",
      "(network=host,mount=/var/run,CAP_SYS_ADMIN)",
      "1.25",
    ),
    (plugin) => plugin.privileges,
  ),
];
