/**
 * OCI layouts of what falcoctl installs: folders that `oras cp --from-oci-layout` or `skopeo copy` bring to a registry.
 * The media types and the shapes are falcoctl's (falcoctl 0.11: pkg/oci/types.go, pkg/oci/pusher).
 */
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

/** What falcoctl reads of an artifact before it installs it. */
export interface ArtifactConfig {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: readonly { readonly name: string; readonly version: string }[];
  readonly requirements: readonly { readonly name: string; readonly version: string }[];
}

export interface Artifact {
  readonly kind: "plugin" | "rulesfile";
  readonly config: ArtifactConfig;
  /** A `.tar.gz` for each architecture of a plugin, as Go names it; one without for rules. */
  readonly archives: readonly { readonly file: string; readonly architecture?: "amd64" | "arm64" }[];
}

/** Writes the layout of an artifact into a folder, tagged with its version. */
export async function writeLayout(folder: string, { kind, config, archives }: Artifact): Promise<void> {
  mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
  const blob = async (mediaType: string, bytes: Uint8Array): Promise<Descriptor> => {
    const hash = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    await Bun.write(join(folder, "blobs/sha256", hash), bytes);
    return { mediaType, digest: `sha256:${hash}`, size: bytes.length };
  };
  const json = (mediaType: string, value: unknown) => blob(mediaType, Buffer.from(JSON.stringify(value)));

  const manifests: Descriptor[] = [];
  for (const { file, architecture } of archives) {
    const layer = await blob(`application/vnd.cncf.falco.${kind}.layer.v1+tar.gz`, await Bun.file(file).bytes());
    const manifest = await json(MANIFEST, {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: await json(`application/vnd.cncf.falco.${kind}.config.v1+json`, config),
      layers: [{ ...layer, annotations: { "org.opencontainers.image.title": basename(file) } }],
    });
    manifests.push(architecture === undefined ? manifest : { ...manifest, platform: { os: "linux", architecture } });
  }
  const [only] = manifests;
  const root =
    kind === "plugin" || only === undefined
      ? await json(INDEX, { schemaVersion: 2, mediaType: INDEX, manifests })
      : only;
  const annotations = { "org.opencontainers.image.ref.name": config.version };
  await Bun.write(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await Bun.write(
    join(folder, "index.json"),
    JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [{ ...root, annotations }] }),
  );
}
