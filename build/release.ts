/**
 * Makes all that a release consists of, in dist/release: `npm run release`. The same commit gives the same bytes.
 *
 *     docker-X.Y.Z-linux-{x86_64,aarch64}.tar.gz          libdocker.so, which carries its program: what is installed
 *     docker-plugin-X.Y.Z-linux-{x86_64,aarch64}.tar.gz   the tool alone
 *     docker-rules-X.Y.Z.tar.gz                           the rules files
 *     oci/plugin, oci/rules                               the same for a registry, as falcoctl reads it
 *     index.yaml                                          for `falcoctl index add`, with --registry and --repository
 *     sbom.cdx.json, LICENSES.txt                         what is inside
 *     SHA256SUMS
 */
import { cpSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BuildError, build, carrying, compileLibrary, compileProgram, type Processor } from "../build.ts";
import { info } from "../src/plugin/info.ts";
import { archive } from "./release/archive.ts";
import { indexYaml, type Place } from "./release/index_yaml.ts";
import { licenses } from "./release/licenses.ts";
import { writeLayout } from "./release/oci.ts";
import { sbom } from "./release/sbom.ts";

const root = join(import.meta.dir, "..");
const { name, version } = info;

/** The names of processors: Debian's and falcoctl's tarballs, and Go's, which OCI has. */
const PROCESSORS = [
  { processor: "x64", label: "x86_64", architecture: "amd64" },
  { processor: "arm64", label: "aarch64", architecture: "arm64" },
] as const satisfies readonly { processor: Processor; label: string; architecture: string }[];

/** A plugin's archive that is larger than this gets a second look: bytes. */
const ARCHIVE_MAX = 60 * 1024 * 1024;

/** Makes the archives of one processor. Returns the plugin's. */
async function makeBinaries(out: string, { processor, label }: (typeof PROCESSORS)[number]): Promise<string> {
  const folder = join(out, label);
  mkdirSync(folder, { recursive: true });
  const program = join(folder, "docker-plugin");
  await compileProgram(program, processor);
  await compileLibrary(join(folder, "libdocker.so"), await carrying(program), processor);
  const plugin = join(out, `${name}-${version}-linux-${label}.tar.gz`);
  await archive(plugin, folder, ["libdocker.so"]);
  await archive(join(out, `docker-plugin-${version}-linux-${label}.tar.gz`), folder, ["docker-plugin"]);
  const { size } = statSync(plugin);
  if (size > ARCHIVE_MAX) throw new BuildError(`${plugin} has grown to ${size} bytes: look at what is in the program`);
  return plugin;
}

async function writeSums(out: string): Promise<void> {
  const lines: string[] = [];
  for (const file of readdirSync(out).sort()) {
    if (statSync(join(out, file)).isDirectory()) continue;
    const hash = new Bun.CryptoHasher("sha256").update(await Bun.file(join(out, file)).bytes()).digest("hex");
    lines.push(`${hash}  ${file}\n`);
  }
  await Bun.write(join(out, "SHA256SUMS"), lines.join(""));
}

/** Makes a release into a folder, which is emptied first. */
export async function release(out: string, place?: Place): Promise<void> {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await build();

  const archives: { file: string; architecture: "amd64" | "arm64" }[] = [];
  for (const each of PROCESSORS)
    archives.push({ file: await makeBinaries(out, each), architecture: each.architecture });
  await writeLayout(join(out, "oci/plugin"), {
    kind: "plugin",
    config: { name, version, requirements: [{ name: "plugin_api_version", version: info.requiredApiVersion }] },
    archives,
  });

  const rules = readdirSync(join(root, "rules")).sort();
  await archive(join(out, `${name}-rules-${version}.tar.gz`), join(root, "rules"), rules);
  // falcoctl installs a rules artifact of one file.
  const rulesFile = join(out, `${name}_rules.tar.gz`);
  await archive(rulesFile, join(root, "rules"), [`${name}_rules.yaml`]);
  await writeLayout(join(out, "oci/rules"), {
    kind: "rulesfile",
    config: {
      name: `${name}-rules`,
      version,
      dependencies: [{ name, version }],
      requirements: [{ name: "engine_version_semver", version: "0.40.0" }],
    },
    archives: [{ file: rulesFile }],
  });
  rmSync(rulesFile);

  const bill = sbom(root, "docker-plugin");
  await Bun.write(join(out, "sbom.cdx.json"), `${JSON.stringify(bill, null, 2)}\n`);
  await Bun.write(join(out, "LICENSES.txt"), licenses(root, bill));
  if (place !== undefined) await Bun.write(join(out, "index.yaml"), indexYaml(place));
  cpSync(join(root, "LICENSE"), join(out, "LICENSE"));
  await writeSums(out);
}

/** Where it is to be published, as the command line says it. */
function placeOf(args: string[]): Place | undefined {
  const options = { registry: { type: "string" }, repository: { type: "string" } } as const;
  const { registry, repository } = parseArgs({ args, options }).values;
  return registry === undefined || repository === undefined ? undefined : { registry, repository };
}

if (import.meta.main) {
  const out = join(root, "dist/release");
  await release(out, placeOf(process.argv.slice(2))).catch((error) => {
    console.error(`release: ${error instanceof BuildError ? error.message : (error.stack ?? error)}`);
    process.exit(1);
  });
  for (const file of readdirSync(out)) {
    const { size } = statSync(join(out, file));
    if (file.endsWith(".gz")) console.log(`${file}  ${(size / 2 ** 20).toFixed(1)} MiB`);
  }
  console.log("release: dist/release");
}
