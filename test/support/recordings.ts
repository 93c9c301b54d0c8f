/** What real engines sent and answered: the recordings of test/fixtures. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { isMap, type Json } from "../../src/base/lenient.ts";

const FIXTURES = join(import.meta.dir, "../fixtures");
const DEMO = join(import.meta.dir, "../../src/cli/demo.jsonl");

const bytesOf = (file: string): Buffer => {
  const bytes = readFileSync(file);
  return file.endsWith(".gz") ? gunzipSync(bytes) : bytes;
};

const linesOf = (file: string): string[] => bytesOf(file).toString().split("\n").filter(Boolean);

/**
 * The event lines of all engines, without their newlines.
 * @param engine how the names of the recordings begin: `docker-29`, `podman`; empty takes all
 */
export function recordedLines(engine = ""): string[] {
  const folder = join(FIXTURES, "events");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.startsWith(engine) && name.includes(".jsonl"))
    .sort();
  if (files.length === 0) throw new Error(`no recording of ${engine}`);
  return [...(engine === "" ? [DEMO] : []), ...files.map((name) => join(folder, name))].flatMap(linesOf);
}

/** The raw bytes of a recorded answer to `GET /events`, headers included (dockerd 20.10.24). */
export const recordedStream = (): Buffer => bytesOf(join(FIXTURES, "events/docker-20.10.24-stream-http.bin.gz"));

/** Where the answers of an engine to `GET /containers/{id}/json` lie. */
export const inspectionsOf = (engine: "docker-20.10.24" | "docker-29.7.2" | "podman-5.8.6"): string =>
  join(FIXTURES, "inspect", engine);

/**
 * An engine's recorded answer to `GET /containers/{id}/json`.
 * @param name of the recording, without `.json`
 */
export function inspectionOf(engine: Parameters<typeof inspectionsOf>[0], name: string): Json {
  const answer: unknown = JSON.parse(readFileSync(join(inspectionsOf(engine), `${name}.json`), "utf8"));
  // `docker inspect` prints a list of one.
  const json: unknown = Array.isArray(answer) ? answer[0] : answer;
  if (!isMap(json)) throw new Error(`${name} of ${engine} is no answer`);
  return json;
}
