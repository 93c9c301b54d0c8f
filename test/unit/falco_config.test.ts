/** What of deploy/ Falco reads: it knows each key, and the plugin takes what it is configured with. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAddress, splitAddresses } from "../../src/docker/address.ts";
import { readConfig } from "../../src/plugin/config.ts";
import { type FalcoConfig, falcoConfig, falcoConfigFaults } from "../support/falco_config.ts";

const root = join(import.meta.dir, "../..");
const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A configuration of Falco's in a file: the file itself, or what the chart's values have under `falco`. */
function configIn(text: string): unknown {
  const content = Bun.YAML.parse(text);
  if (!isMap(content)) return undefined;
  if (isMap(content.falco)) return content.falco;
  return Object.keys(content).some((key) => Object.hasOwn(falcoConfig.entries, key)) ? content : undefined;
}

const configs = [...new Bun.Glob("deploy/**/*.{yml,yaml}").scanSync(root)]
  .sort()
  .map((file) => [file, configIn(readFileSync(join(root, file), "utf8"))] as const)
  .filter(([, config]) => config !== undefined);

test("what a person deploys is among them", () => {
  const files = configs.map(([file]) => file);
  expect(files).toContain("deploy/falco.d/docker.yaml");
  expect(files).toContain("deploy/helm/values.yaml");
});

describe.each(configs)("%s", (_file, config) => {
  test("Falco knows each key, and takes each value", () => {
    expect(falcoConfigFaults(config)).toEqual([]);
  });

  test("the plugin takes its settings, and is loaded", () => {
    const { plugins = [], load_plugins: loaded = [] } = config as FalcoConfig;
    for (const { name, init_config: settings, open_params: params = "" } of plugins) {
      const result = readConfig(typeof settings === "string" ? settings : JSON.stringify(settings ?? {}));
      expect(result).not.toHaveProperty("error");
      expect(result).toMatchObject({ warnings: [] });
      for (const address of splitAddresses(params)) expect(() => parseAddress(address)).not.toThrow();
      expect(loaded).toContain(name);
    }
  });
});

test.each([
  ["a key that Falco does not know", { grpc: { enabled: true } }, /^grpc: /],
  ["one a level below", { metrics: { enabled: true, plugin_metrics: true } }, /^metrics.plugin_metrics: /],
  ["a plugin without its library", { plugins: [{ name: "docker" }] }, /^plugins.0.library_path: /],
  ["a number as text", { webserver: { listen_port: "8765" } }, /^webserver.listen_port: /],
])("found: %s", (_what, config, fault) => {
  const faults = falcoConfigFaults(config);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toMatch(fault);
});
