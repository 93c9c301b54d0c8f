/** Where the state may lie: whatever the runtime may write to must not hold what it is started from. */
import { realpathSync } from "node:fs";
import { dirname, sep } from "node:path";

/** The path with no link in it; undefined where there is nothing. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Why no state is kept there, in words for Falco's user; undefined where it may be. The kernel lets the runtime write
 * below the folder of `statefile` (ffi/host/confine.c), so one that was taken over could exchange a program there.
 * @param statefile the setting; empty: nothing is kept
 * @param started what Falco starts and loads: the program and the library, by their paths
 */
export function stateFolderFault(statefile: string, started: readonly string[]): string | undefined {
  if (statefile === "") return undefined;
  const folder = realPath(dirname(statefile));
  if (folder === undefined) return undefined;
  const below = folder.endsWith(sep) ? folder : folder + sep;
  const held = started.find((path) => realPath(path)?.startsWith(below));
  if (held === undefined) return undefined;
  return (
    `init_config: statefile: the runtime may write to all of ${dirname(statefile)}, and ${held} is in there: ` +
    "name a file in a folder of its own, such as /run/falco-docker-plugin/resume"
  );
}
