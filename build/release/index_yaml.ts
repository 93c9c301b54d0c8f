/** The index that `falcoctl index add` reads (falcoctl 0.13: pkg/index/index/index.go). */
import { info } from "../../src/plugin/info.ts";

/** Where a release is published. */
export interface Place {
  /** The host of an OCI registry. */
  readonly registry: string;
  /** A path there; the artifacts lie below it, in `plugin/docker` and `ruleset/docker`. */
  readonly repository: string;
  /** The address of the project at its host, whose release workflow signs; undefined: nothing is signed. */
  readonly source?: string | undefined;
}

/** By what falcoctl knows that the release workflow of this project, run for a tag, has signed an artifact. */
const signature = (source: string): object => ({
  cosign: {
    "certificate-oidc-issuer": "https://token.actions.githubusercontent.com",
    "certificate-identity-regexp": `^${source.replaceAll(".", "\\.")}/\\.github/workflows/release\\.yml@refs/tags/v`,
  },
});

/** JSON, which is YAML. */
export function indexYaml({ registry, repository, source }: Place): string {
  const entry = (type: "plugin" | "rulesfile", name: string, path: string, description: string) => ({
    name,
    type,
    registry,
    repository: `${repository}/${path}`,
    description,
    home: info.contact,
    keywords: ["docker", "docker-events", "swarm", "podman"],
    license: "Apache-2.0",
    sources: [source ?? info.contact],
    ...(source === undefined ? {} : { signature: signature(source) }),
  });
  const { name, description } = info;
  const entries = [
    entry("plugin", name, `plugin/${name}`, description),
    entry("rulesfile", `${name}-rules`, `ruleset/${name}`, `Rules for ${description}`),
  ];
  return `${JSON.stringify(entries, null, 2)}\n`;
}
