/** What was thrown, in words. */

/** The message of whatever was thrown: an Error's own, else its text. */
export const errorMessage = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What the system says of a file, as a person reads it behind the file's name. */
const FILE_WORDS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "a part of the path is no folder",
  EISDIR: "it is a folder",
  EACCES: "no permission",
  EPERM: "no permission",
  EROFS: "the file system is read-only",
  ENOSPC: "there is no room left",
  EDQUOT: "there is no room left for this user",
  EFBIG: "it is as large as a file may be",
};

/** Why a file cannot be read or written. @param more words of the caller's own, by the system's codes */
export function fileTrouble(error: unknown, more: Readonly<Record<string, string>> = {}): string {
  const { code = "" } = error as NodeJS.ErrnoException;
  return more[code] ?? FILE_WORDS[code] ?? errorMessage(error);
}
