/** Archives whose bytes depend on nothing but what is in them. */
import { create } from "tar";

/** The time of all files in an archive: one that no build changes. */
const EPOCH = new Date(0);

/**
 * Writes a `.tar.gz` of files and folders of one folder, at its root, in their order, owned by nobody in particular. A
 * folder's own files come only where they are named.
 * @param folder where the files lie
 */
export async function archive(file: string, folder: string, names: readonly string[]): Promise<void> {
  // The highest level would take twice as long for 0.3 % less.
  const options = { gzip: { level: 6 }, portable: true, mtime: EPOCH, strict: true, noDirRecurse: true };
  await create({ file, cwd: folder, ...options }, [...names]);
}
