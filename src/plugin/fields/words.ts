/** Words of a command, found once for all events that share it. */
import { wordsOf } from "../../docker/words.ts";

const found = new WeakMap<readonly string[], readonly string[] | undefined>();

/** @param command program and arguments, or a whole command line as one text */
export function words(command: readonly string[] | undefined): readonly string[] | undefined {
  if (command === undefined) return undefined;
  if (!found.has(command)) found.set(command, wordsOf(command));
  return found.get(command);
}
