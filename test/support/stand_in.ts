/** Images that stand in for Falco's and Falcosidekick's, made without a registry, under their names. */
import { chmodSync, copyFileSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Dockerd } from "./dockerd.ts";
import { PROGRAM as SYSDIG } from "./sinsp.ts";
import { temporaryFolder } from "./temporary.ts";

/** Copies a program of this machine, with the libraries that it is linked to, to where they are here. */
function take(root: string, program: string, as = program): void {
  const { stdout } = Bun.spawnSync(["ldd", program]);
  const libraries = [...stdout.toString().matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path]) => path as string);
  for (const [from, to] of [[program, as] as const, ...libraries.map((path) => [path, path] as const)]) {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    copyFileSync(from, join(root, to));
  }
}

function script(root: string, path: string, command: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), `#!/bin/sh\n${command}\n`);
  chmodSync(join(root, path), 0o755);
}

async function bundle(root: string, name: string): Promise<void> {
  const made = await Bun.build({ entrypoints: [join(import.meta.dir, "stand_in", `${name}.ts`)], target: "bun" });
  await Bun.write(join(root, `opt/${name}.js`), made.outputs[0] as Blob);
  script(root, `usr/bin/${name}`, `exec /usr/bin/bun /opt/${name}.js "$@"`);
}

/**
 * Makes both images in an engine.
 * @param falco the name of Falco's image
 * @param falcosidekick that of Falcosidekick's
 */
export async function standIn(engine: Dockerd, falco: string, falcosidekick: string): Promise<void> {
  const folder = temporaryFolder();
  const root = join(folder, "root");
  for (const name of ["bin", "etc", "proc", "sys", "dev", "run", "tmp", "var"])
    mkdirSync(join(root, name), { recursive: true });
  take(root, Bun.which("busybox") ?? "", "/bin/busybox");
  symlinkSync("busybox", join(root, "bin/sh"));
  for (const name of ["dirname", "readlink"]) symlinkSync("busybox", join(root, "bin", name));
  take(root, Bun.which("curl") ?? "", "/usr/bin/curl");
  // That of the image is another one: busybox's here does not bear to be static (glibc's name service).
  script(root, "usr/bin/wget", 'while [ $# -gt 1 ]; do shift; done; exec /usr/bin/curl -fsS -o /dev/null "$1"');
  take(root, process.execPath, "/usr/bin/bun");
  cpSync(dirname(SYSDIG), join(root, "opt/sysdig"), {
    dereference: true,
    recursive: true,
    filter: (path) => !path.startsWith(join(dirname(SYSDIG), "include")),
  });
  for (const name of ["falco", "falcosidekick"]) await bundle(root, name);

  const archive = join(folder, "root.tar");
  const { exitCode, stderr } = Bun.spawnSync(["tar", "-C", root, "-c", "-f", archive, "."]);
  if (exitCode !== 0) throw new Error(String(stderr));
  engine.docker("import", "--change", 'CMD ["/usr/bin/falco"]', archive, falco);
  const more = ['ENTRYPOINT ["/usr/bin/falcosidekick"]', "USER 1234"].flatMap((change) => ["--change", change]);
  engine.docker("import", ...more, archive, falcosidekick);
}
