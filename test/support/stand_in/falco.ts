/**
 * Stands in for Falco in a container where its image cannot be had: libsinsp with the plugin, by the files that are mounted
 * where Falco looks for them, and as far as these say. Of the rules it knows one, since libsinsp takes one filter.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { itemsOf, writtenOut } from "../../../build/rules/file.ts";

/** The rule that it knows. */
const RULE = "Volume Destroyed";
/** What Falco does with a folder of configuration (falco 0.44: userspace/engine/yaml_helper.h). */
const FOLDER = "/etc/falco/config.d";
const PLUGINS = "/usr/share/falco/plugins";

interface Config {
  plugins?: { name: string; library_path: string; init_config: unknown; open_params: string }[];
  load_plugins?: string[];
  rules_files?: string[];
  json_output?: boolean;
  webserver?: { enabled: boolean; listen_port: number; listen_address: string; k8s_healthz_endpoint: string };
  http_output?: { enabled: boolean; url: string };
}

/** A value with what stands for variables of the environment filled in. */
const filled = (_key: string, value: unknown): unknown =>
  typeof value === "string" ? value.replace(/\$\{(\w+)\}/g, (_all, name: string) => Bun.env[name] ?? "") : value;

/** Lists are added to, and the rest takes the place of what is there. */
function read(): Config {
  const config: Record<string, unknown> = {};
  for (const name of readdirSync(FOLDER).sort()) {
    const part = JSON.parse(JSON.stringify(Bun.YAML.parse(readFileSync(join(FOLDER, name), "utf8"))), filled);
    for (const [key, value] of Object.entries(part))
      config[key] = Array.isArray(value) ? [...((config[key] as unknown[]) ?? []), ...value] : value;
  }
  return config;
}

const config = read();
const plugin = config.plugins?.find(({ name }) => config.load_plugins?.includes(name));
const rules = (config.rules_files ?? []).flatMap((file) => itemsOf(readFileSync(file, "utf8")) ?? []);
const rule = writtenOut(rules).find(({ rule }) => rule === RULE);
const { webserver, http_output: http } = config;
if (plugin === undefined || rule === undefined || webserver?.enabled !== true)
  throw new Error("no plugin, rule or server");

Bun.serve({
  port: webserver.listen_port,
  hostname: webserver.listen_address,
  routes: { [webserver.k8s_healthz_endpoint]: new Response('{"status": "ok"}') },
});

const libsinsp = Bun.spawn(
  [
    "/opt/sysdig/sysdig",
    ...["-H", `${join(PLUGINS, plugin.library_path)}:${JSON.stringify(plugin.init_config ?? {})}`],
    ...["-I", `docker:${plugin.open_params}`, "-p", `*${rule.output}`, rule.condition],
  ],
  { stdio: ["ignore", "pipe", "inherit"] },
);
process.on("SIGTERM", () => libsinsp.kill("SIGINT"));
console.log(JSON.stringify({ stands: "in for Falco", hostname: Bun.env.FALCO_HOSTNAME, config }));

const decoder = new TextDecoder();
let text = "";
for await (const chunk of libsinsp.stdout) {
  text += decoder.decode(chunk, { stream: true });
  const lines = text.split("\n");
  text = lines.pop() ?? "";
  for (const output of lines) {
    const { priority, source, tags } = rule;
    const alert = JSON.stringify({ hostname: Bun.env.FALCO_HOSTNAME, rule: RULE, priority, source, tags, output });
    console.log(alert);
    if (http?.enabled !== true) continue;
    await fetch(http.url, { method: "POST", body: alert }).catch((error) => console.log(`${http.url}: ${error}`));
  }
}
process.exit(await libsinsp.exited);
