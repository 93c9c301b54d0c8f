/** The real runtime with a fault planted in it: what holds the word kills it as soon as it is parsed. */
import { runRuntime } from "../../src/runtime/main.ts";

/** @param word what kills */
export function runPoisoned(word: string, library: string): void {
  const parse = JSON.parse;
  JSON.parse = (text: string, reviver?: Parameters<typeof parse>[1]) => {
    if (text.includes(word)) process.kill(process.pid, "SIGKILL");
    return parse(text, reviver);
  };
  runRuntime(library);
}
