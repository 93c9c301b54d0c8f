/** Words of a command, found once for all events that have it. */
import { LRUCache } from "lru-cache";
import { isSameCommand } from "../../docker/inspect/command.ts";
import { wordsOf } from "../../docker/words.ts";

interface Found {
  readonly command: readonly string[];
  readonly words: readonly string[] | undefined;
}

/** Health checks run one and the same command again and again. In characters of them; their words take a few times that. */
const found = new LRUCache<string, Found>({ max: 256, maxSize: 64 * 1024 });

/** @param command program and arguments, or a whole command line as one text */
export function words(command: readonly string[] | undefined): readonly string[] | undefined {
  if (command === undefined) return undefined;
  const text = command.join("\n");
  const known = found.get(text);
  if (known !== undefined && isSameCommand(known.command, command)) return known.words;
  const words = wordsOf(command);
  found.set(text, { command, words }, { size: text.length + 1 });
  return words;
}
