/** Lines of real engines: the bundled recording, and the large one where it lies beside the project. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const FOLDER = join(import.meta.dir, "../../shared/corpus");
const BUNDLED = join(import.meta.dir, "../src/cli/demo.jsonl");

const read = (file: string): string[] => {
  const bytes = readFileSync(file);
  return (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString().split("\n").filter(Boolean);
};

/** Whether the large recording is there. */
export const hasCorpus = existsSync(FOLDER);

/** All lines, without their newlines. */
export function corpusLines(): string[] {
  const files = hasCorpus ? readdirSync(FOLDER).filter((name) => name.includes(".jsonl")) : [];
  if (!hasCorpus) console.log("the large recording is not beside the project: the bundled one has to do");
  return [BUNDLED, ...files.map((name) => join(FOLDER, name))].flatMap(read);
}

/** The raw bytes of a recorded answer to `GET /events`, headers included; undefined where the recording is not there. */
export function corpusStream(): Buffer | undefined {
  return hasCorpus ? gunzipSync(readFileSync(join(FOLDER, "stream-http.bin.gz"))) : undefined;
}
