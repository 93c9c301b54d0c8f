import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signalTo } from "./signal.ts";

/** Where such folders are made: /run is what containers are given of the host, for the sockets in it. */
const PLACES = [tmpdir(), "/run"] as const;

const folders: string[] = [];

/** A dockerd that did not get far leaves its data mounted: nothing could be removed here then, ever. */
function unmountIn(folder: string): void {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  for (const mounted of mounts.map((line) => line.split(" ")[1] ?? "").reverse())
    if (mounted.startsWith(`${folder}/`)) Bun.spawnSync(["umount", "-l", mounted]);
}

function remove(folder: string): void {
  unmountIn(folder);
  rmSync(folder, { recursive: true, force: true });
}

/** Removes this process's folders. */
export function removeFolders(): void {
  for (const folder of folders.splice(0)) remove(folder);
}

// `bun test` tells of no exit: there it is cleanup.ts that removes them.
process.on("exit", removeFolders);

/** Asks a dockerd that a killed run has left in its folder to end, with all that it runs. Returns whether there is one. */
function endEngineIn(folder: string): boolean {
  try {
    const pid = Number(readFileSync(join(folder, "docker.pid"), "latin1"));
    if (!readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(`${folder}/`)) return false;
    // Once: asked three times it ends at once, and leaves what it runs.
    const asked = join(folder, "asked-to-end");
    if (!existsSync(asked)) signalTo(pid, "SIGTERM");
    writeFileSync(asked, "");
    return true;
  } catch {
    return false;
  }
}

/** Removes the folders of processes that were killed; where an engine is still in one, whoever comes next does. */
export function removeLeftFolders(): void {
  for (const place of PLACES)
    for (const name of readdirSync(place)) {
      const pid = /^docker-plugin-(\d+)-\w+$/.exec(name)?.[1];
      if (pid === undefined || existsSync(`/proc/${pid}`) || endEngineIn(join(place, name))) continue;
      try {
        remove(join(place, name));
      } catch {
        // What is still written to, or another user's: that is nothing of this run's.
      }
    }
}

/** A folder of its own, short enough for a socket's path; gone when the process ends. */
export function temporaryFolder(place: (typeof PLACES)[number] = PLACES[0]): string {
  const folder = mkdtempSync(join(place, `docker-plugin-${process.pid}-`));
  folders.push(folder);
  return folder;
}
