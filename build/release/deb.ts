/**
 * A package for Debian and Ubuntu: an `ar` archive of two tarballs (deb(5)), so no tool of Debian's is needed to make one.
 * Program and library lie beside each other in it, so nothing is unpacked when Falco starts.
 */
import { chmodSync, copyFileSync, linkSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { info } from "../../src/plugin/info.ts";
import { archive } from "./archive.ts";

const PACKAGE = "falco-plugin-docker";
const PLUGINS = "usr/share/falco/plugins";
const DOCS = `usr/share/doc/${PACKAGE}`;

/** What goes into a package, by where it is taken from. */
export interface Contents {
  readonly architecture: "amd64" | "arm64";
  readonly program: string;
  /** The library without a program in it. */
  readonly library: string;
  /** What Falco's configuration folder is given. */
  readonly config: string;
  readonly rules: string;
  /** Rules that are there to be turned on. */
  readonly moreRules: readonly { readonly name: string; readonly path: string }[];
  /** The licenses of what is inside. */
  readonly copyright: string;
  /** Our own. */
  readonly license: string;
}

/** One member of an `ar` archive: its header has 60 characters (deb(5)); members begin at even offsets. */
function member(name: string, bytes: Uint8Array): Uint8Array[] {
  const header = `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}${String(bytes.length).padEnd(10)}\`\n`;
  return [Buffer.from(header), bytes, Buffer.from(bytes.length % 2 === 0 ? "" : "\n")];
}

/** The paths and all folders above them, each folder before what is in it. */
function withFolders(paths: readonly string[]): string[] {
  const all = new Set<string>();
  for (const path of paths) {
    const parts = path.split("/");
    for (let i = 1; i < parts.length; i++) all.add(parts.slice(0, i).join("/"));
    all.add(path);
  }
  return [...all].sort();
}

/**
 * Writes the package.
 * @param work an empty folder to put it together in
 */
export async function writeDeb(file: string, work: string, contents: Contents): Promise<void> {
  const files: [path: string, from: string, mode: number][] = [
    [`${PLUGINS}/lib${info.name}.so`, contents.library, 0o755],
    [`${PLUGINS}/docker-plugin`, contents.program, 0o755],
    ["etc/falco/config.d/docker.yaml", contents.config, 0o644],
    ["etc/falco/rules.d/docker_rules.yaml", contents.rules, 0o644],
    ...contents.moreRules.map(({ name, path }): [string, string, number] => [`${DOCS}/rules/${name}`, path, 0o644]),
    [`${DOCS}/copyright`, contents.copyright, 0o644],
    [`${DOCS}/LICENSE`, contents.license, 0o644],
  ];
  const data = join(work, "data");
  const control = join(work, "control");
  mkdirSync(control, { recursive: true });
  for (const [path, from, mode] of files) {
    const to = join(data, path);
    mkdirSync(dirname(to), { recursive: true, mode: 0o755 });
    // The program is large: it is not copied for this.
    if (mode === 0o755) linkSync(from, to);
    else {
      copyFileSync(from, to);
      chmodSync(to, mode);
    }
  }
  mkdirSync(join(data, "usr/bin"));
  symlinkSync("../share/falco/plugins/docker-plugin", join(data, "usr/bin/docker-plugin"));
  const kibibytes = files.reduce((sum, [, from]) => sum + Math.ceil(statSync(from).size / 1024), 0);
  const fields = {
    Package: PACKAGE,
    Version: info.version,
    Architecture: contents.architecture,
    Maintainer: `The authors of ${PACKAGE} <${info.contact}>`,
    "Installed-Size": kibibytes,
    Section: "admin",
    Priority: "optional",
    Enhances: "falco",
    Homepage: info.contact,
    Description:
      "Falco plugin: events of Docker Engines and podman\n Streams them into Falco and lets rules use their fields.",
  };
  writeFileSync(
    join(control, "control"),
    Object.entries(fields)
      .map((field) => `${field.join(": ")}\n`)
      .join(""),
  );
  const conffiles = files.filter(([path]) => path.startsWith("etc/")).map(([path]) => `/${path}\n`);
  writeFileSync(join(control, "conffiles"), conffiles.join(""));

  await archive(join(work, "control.tar.gz"), control, ["conffiles", "control"]);
  const paths = withFolders([...files.map(([path]) => path), "usr/bin/docker-plugin"]);
  await archive(join(work, "data.tar.gz"), data, paths);
  const bytes = async (name: string) => await Bun.file(join(work, name)).bytes();
  await Bun.write(
    file,
    new Blob([
      "!<arch>\n",
      ...member("debian-binary", Buffer.from("2.0\n")),
      ...member("control.tar.gz", await bytes("control.tar.gz")),
      ...member("data.tar.gz", await bytes("data.tar.gz")),
    ]),
  );
}
