/** Words of a command, found once for all events that have it. */
import { LRUCache } from "lru-cache";
import { isSameCommand } from "../../docker/inspect/command.ts";
import { wordsOf } from "../../docker/words.ts";

/** One object for all events that have the command, as long as it is kept. */
export interface Words {
  readonly command: readonly string[];
  readonly words: readonly string[] | undefined;
}

/** Health checks run one and the same command again and again. In characters of them; their words take a few times that. */
const found = new LRUCache<string, Words>({ max: 256, maxSize: 64 * 1024 });

/** @param command program and arguments, or a whole command line as one text */
export function words(command: readonly string[] | undefined): Words | undefined {
  if (command === undefined) return undefined;
  const text = command.join("\n");
  const known = found.get(text);
  if (known !== undefined && isSameCommand(known.command, command)) return known;
  const words = { command, words: wordsOf(command) };
  found.set(text, words, { size: text.length + 1 });
  return words;
}
