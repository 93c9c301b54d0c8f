import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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

/** Removes the folders of processes that were killed. */
export function removeLeftFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = /^docker-plugin-(\d+)-\w+$/.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    try {
      remove(join(tmpdir(), name));
    } catch {
      // An engine that a killed run left behind still has its data there: that is nothing of this run's.
    }
  }
}

/** A folder of its own, short enough for a socket's path; gone when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), `docker-plugin-${process.pid}-`));
  folders.push(folder);
  return folder;
}
