/**
 * Makes all that a release consists of, in dist/release: `npm run release`. The same commit gives the same bytes. With
 * `-- --tag vX.Y.Z` nothing is made where the tag is not this version's.
 *
 *     docker-X.Y.Z-linux-{x86_64,aarch64}.tar.gz          libdocker.so, which carries its program: what is installed
 *     docker-plugin-X.Y.Z-linux-{x86_64,aarch64}.tar.gz   the tool alone
 *     falco-plugin-docker_X.Y.Z_{amd64,arm64}.deb         both beside each other, with configuration and rules
 *     docker-rules-X.Y.Z.tar.gz                           the rules files
 *     docker-deploy-X.Y.Z.tar.gz                          deploy/, beside the rules that it takes
 *     oci/plugin, oci/rules                               the same for a registry, as falcoctl reads it
 *     index.yaml                                          for `falcoctl index add`, with --registry, --repository, --source
 *     sbom.cdx.json, LICENSES.txt                         what is inside
 *     SHA256SUMS
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BuildError, build, carrying, compileLibrary, compileProgram, type Processor } from "../build.ts";
import { info } from "../src/plugin/info.ts";
import { archive } from "./release/archive.ts";
import { writeDeb } from "./release/deb.ts";
import { indexYaml, type Place } from "./release/index_yaml.ts";
import { licenses } from "./release/licenses.ts";
import { writeLayout } from "./release/oci.ts";
import { sbom } from "./release/sbom.ts";
import { versionFaults } from "./release/versions.ts";

const root = join(import.meta.dir, "..");
const { name, version } = info;

/** The names of processors: Debian's and falcoctl's tarballs, and Go's, which OCI has. */
const PROCESSORS = [
  { processor: "x64", label: "x86_64", architecture: "amd64" },
  { processor: "arm64", label: "aarch64", architecture: "arm64" },
] as const satisfies readonly { processor: Processor; label: string; architecture: string }[];

/** A plugin's archive that is larger than this gets a second look: bytes. */
const ARCHIVE_MAX = 60 * 1024 * 1024;

/** The rules that a security team turns on; the others are there to be chosen. */
const MAIN_RULES = `${name}_rules.yaml`;

/**
 * Makes the archives and the package of one processor. Returns the plugin's archive.
 * @param work an empty folder
 */
async function makeBinaries(
  out: string,
  work: string,
  { processor, label, architecture }: (typeof PROCESSORS)[number],
): Promise<string> {
  const folder = join(work, label);
  mkdirSync(folder, { recursive: true });
  const program = join(folder, "docker-plugin");
  await compileProgram(program, processor);
  await compileLibrary(join(folder, "libdocker.so"), await carrying(program), processor);
  await compileLibrary(join(folder, "alone.so"), [], processor);
  const plugin = join(out, `${name}-${version}-linux-${label}.tar.gz`);
  await archive(plugin, folder, ["libdocker.so"]);
  await archive(join(out, `docker-plugin-${version}-linux-${label}.tar.gz`), folder, ["docker-plugin"]);
  await writeDeb(join(out, `falco-plugin-docker_${version}_${architecture}.deb`), join(folder, "deb"), {
    architecture,
    program,
    library: join(folder, "alone.so"),
    config: join(root, "deploy/falco.d/docker.yaml"),
    rules: join(root, "rules", MAIN_RULES),
    moreRules: readdirSync(join(root, "rules"))
      .sort()
      .filter((file) => file !== MAIN_RULES)
      .map((file) => ({ name: file, path: join(root, "rules", file) })),
    copyright: join(out, "LICENSES.txt"),
    license: join(out, "LICENSE"),
  });
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

interface Options {
  readonly place?: Place | undefined;
  /** The tag that is released. */
  readonly tag?: string | undefined;
}

/** Makes a release into a folder, which is emptied first. */
async function release(out: string, { place, tag }: Options): Promise<void> {
  const faults = versionFaults(root, tag);
  if (faults.length > 0) throw new BuildError(`${faults.join("; ")}: \`npm version X.Y.Z\` changes all of them`);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await build();

  const bill = sbom(root, "docker-plugin");
  await Bun.write(join(out, "sbom.cdx.json"), `${JSON.stringify(bill, null, 2)}\n`);
  await Bun.write(join(out, "LICENSES.txt"), licenses(root, bill));
  cpSync(join(root, "LICENSE"), join(out, "LICENSE"));

  const work = mkdtempSync(join(tmpdir(), "release-"));
  try {
    await makeArtifacts(out, work);
  } finally {
    rmSync(work, { recursive: true });
  }
  if (place !== undefined) await Bun.write(join(out, "index.yaml"), indexYaml(place));
  await writeSums(out);
}

/** Makes what is installed: archives, packages, OCI layouts. */
async function makeArtifacts(out: string, work: string): Promise<void> {
  const archives: { file: string; architecture: "amd64" | "arm64" }[] = [];
  for (const each of PROCESSORS)
    archives.push({ file: await makeBinaries(out, work, each), architecture: each.architecture });
  await writeLayout(join(out, "oci/plugin"), {
    kind: "plugin",
    config: { name, version, requirements: [{ name: "plugin_api_version", version: info.requiredApiVersion }] },
    archives,
  });

  const rules = readdirSync(join(root, "rules")).sort();
  await archive(join(out, `${name}-rules-${version}.tar.gz`), join(root, "rules"), rules);
  // The files of deploy/ name the rules by a path from there.
  const deployed = [...new Bun.Glob("{deploy,rules}/**").scanSync(root)].sort();
  await archive(join(out, `${name}-deploy-${version}.tar.gz`), root, deployed);
  // falcoctl installs a rules artifact of one file.
  const rulesFile = join(work, `${name}_rules.tar.gz`);
  await archive(rulesFile, join(root, "rules"), [MAIN_RULES]);
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
}

/** Where it is to be published and under which tag, as the command line says it. */
function optionsOf(args: string[]): Options {
  const options = {
    registry: { type: "string" },
    repository: { type: "string" },
    source: { type: "string" },
    tag: { type: "string" },
  } as const;
  const { registry, repository, source, tag } = parseArgs({ args, options }).values;
  if ((registry === undefined) !== (repository === undefined))
    throw new BuildError("--registry and --repository go together: the host, and the path below it");
  return {
    tag,
    place: registry === undefined || repository === undefined ? undefined : { registry, repository, source },
  };
}

if (import.meta.main) {
  const out = join(root, "dist/release");
  try {
    await release(out, optionsOf(process.argv.slice(2)));
  } catch (error) {
    const told = error instanceof BuildError || (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS");
    console.error(`release: ${told ? (error as Error).message : ((error as Error).stack ?? error)}`);
    process.exit(1);
  }
  for (const file of readdirSync(out).sort()) {
    const { size } = statSync(join(out, file));
    const shown = size < 2 ** 20 ? `${Math.ceil(size / 2 ** 10)} KiB` : `${(size / 2 ** 20).toFixed(1)} MiB`;
    if (/\.(gz|deb)$/.test(file)) console.log(`${file}  ${shown}`);
  }
  console.log("release: dist/release");
}
