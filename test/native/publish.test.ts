/** What a release pushes to a registry: a real client of registries reads the layouts, and the registry keeps them. */
import { beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archive } from "../../build/release/archive.ts";
import { writeLayout } from "../../build/release/oci.ts";
import { has } from "../support/needs.ts";
import { Registry } from "../support/registry.ts";
import { temporaryFolder } from "../support/temporary.ts";

const root = join(import.meta.dir, "../..");
const pushes = test.skipIf(!has("pushing a release to a registry", "skopeo"));
const release = temporaryFolder();
const VERSION = "1.2.3";

interface Manifest {
  readonly mediaType: string;
  readonly config: { readonly mediaType: string; readonly digest: string };
  readonly layers: readonly { readonly mediaType: string; readonly digest: string }[];
  readonly manifests: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[];
}

const archiveOf = (name: string) => join(release, `${name}.tar.gz`);

beforeAll(async () => {
  for (const name of ["amd64", "arm64", "rules"]) {
    mkdirSync(join(release, name));
    writeFileSync(join(release, name, "file"), name);
    await archive(archiveOf(name), join(release, name), ["file"]);
  }
  for (const version of [VERSION, "1.3.0-rc.1"]) {
    const config = { name: "docker", version, requirements: [] };
    const folder = join(release, version, "oci");
    await writeLayout(join(folder, "plugin"), {
      kind: "plugin",
      config,
      archives: [
        { file: archiveOf("amd64"), architecture: "amd64" },
        { file: archiveOf("arm64"), architecture: "arm64" },
      ],
    });
    await writeLayout(join(folder, "rules"), { kind: "rulesfile", config, archives: [{ file: archiveOf("rules") }] });
  }
});

/** Runs the script; returns the lines that it prints, or why it failed. */
async function publish(...args: string[]): Promise<string[]> {
  const script = Bun.spawn([join(root, ".ci/publish"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [code, stdout, stderr] = await Promise.all([
    script.exited,
    new Response(script.stdout).text(),
    new Response(script.stderr).text(),
  ]);
  return code === 0 ? stdout.trim().split("\n") : [`${code}: ${stderr.trim()}`];
}

const hashOf = (bytes: Uint8Array): string => `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;

pushes("each artifact comes under all tags of its version, whole, and as falcoctl asks for it", async () => {
  using registry = await Registry.start();
  const get = async (path: string): Promise<Uint8Array> => {
    const answer = await fetch(`http://${registry.name}/v2/team/falco/${path}`);
    expect(answer.status).toBe(200);
    return await answer.bytes();
  };
  const manifest = async (path: string) => JSON.parse(Buffer.from(await get(path)).toString()) as Manifest;
  const place = `${registry.name}/team/falco`;
  const plain = "--dest-tls-verify=false";
  const [plugin = "", rules = ""] = await publish(VERSION, join(release, VERSION), place, plain);

  for (const tag of [VERSION, "1.2", "1", "latest"]) {
    expect(`${place}/plugin/docker@${hashOf(await get(`plugin/docker/manifests/${tag}`))}`).toBe(plugin);
    expect(`${place}/ruleset/docker@${hashOf(await get(`ruleset/docker/manifests/${tag}`))}`).toBe(rules);
  }
  const index = await manifest("plugin/docker/manifests/latest");
  expect(index.mediaType).toBe("application/vnd.oci.image.index.v1+json");
  expect(index.manifests.map(({ platform }) => platform.architecture)).toEqual(["amd64", "arm64"]);
  for (const { digest, platform } of index.manifests) {
    const { layers, config } = await manifest(`plugin/docker/manifests/${digest}`);
    expect(layers.map(({ mediaType }) => mediaType)).toEqual(["application/vnd.cncf.falco.plugin.layer.v1+tar.gz"]);
    const layer = await get(`plugin/docker/blobs/${layers[0]?.digest}`);
    expect(Buffer.from(layer).equals(readFileSync(archiveOf(platform.architecture)))).toBe(true);
    expect(JSON.parse(Buffer.from(await get(`plugin/docker/blobs/${config.digest}`)).toString())).toMatchObject({
      name: "docker",
      version: VERSION,
    });
  }
  const { config, layers } = await manifest("ruleset/docker/manifests/1.2");
  expect(config.mediaType).toBe("application/vnd.cncf.falco.rulesfile.config.v1+json");
  expect(
    Buffer.from(await get(`ruleset/docker/blobs/${layers[0]?.digest}`)).equals(readFileSync(archiveOf("rules"))),
  ).toBe(true);

  // What is not final yet is nobody's latest.
  await publish("1.3.0-rc.1", join(release, "1.3.0-rc.1"), place, plain);
  expect(`${place}/plugin/docker@${hashOf(await get("plugin/docker/manifests/latest"))}`).toBe(plugin);
  expect(hashOf(await get("plugin/docker/manifests/1.3.0-rc.1"))).not.toBe(plugin.replace(/.*@/, ""));
});

pushes("what is no version, and a release that is not there, are refused", async () => {
  expect(await publish("main", release, "127.0.0.1:1/x")).toEqual(["2: publish: main is no version: X.Y.Z"]);
  expect(await publish("1.2.3")).toEqual(["2: publish: expected VERSION RELEASE PLACE, got 1 arguments"]);
  expect((await publish("1.2.3", join(release, "none"), "127.0.0.1:1/x"))[0]).toContain("none/oci/plugin");
});
