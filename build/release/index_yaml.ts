/** The index that `falcoctl index add` reads (falcoctl 0.11: pkg/index/index/types.go). */
import { info } from "../../src/plugin/info.ts";

/** Where a release is published. */
export interface Place {
  /** The host of an OCI registry. */
  readonly registry: string;
  /** A path there; the artifacts lie below it, in `plugin/docker` and `ruleset/docker`. */
  readonly repository: string;
}

/** JSON, which is YAML. */
export function indexYaml({ registry, repository }: Place): string {
  const entry = (type: "plugin" | "rulesfile", name: string, path: string, description: string) => ({
    name,
    type,
    registry,
    repository: `${repository}/${path}`,
    description,
    home: info.contact,
    keywords: ["docker", "docker-events", "swarm", "podman"],
    license: "Apache-2.0",
    sources: [info.contact],
  });
  const { name, description } = info;
  const entries = [
    entry("plugin", name, `plugin/${name}`, description),
    entry("rulesfile", `${name}-rules`, `ruleset/${name}`, `Rules for ${description}`),
  ];
  return `${JSON.stringify(entries, null, 2)}\n`;
}
