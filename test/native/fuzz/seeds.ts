/** Writes the seeds of the fuzzer: what an honest runtime sends. `bun test/native/fuzz/seeds.ts`, after the layout changed. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { lineOf } from "../../../src/base/line.ts";
import { RecordWriter } from "../../../src/ipc/record.ts";
import { recordBound } from "../../../src/ipc/record_bound.ts";
import { additionOf, type Enrichment, parseEnriched } from "../../../src/sensor/enrichment.ts";

export const folder = join(import.meta.dir, "corpus");

/** Which reader of fuzz.c an input is for. */
const reader = { ring: 0, record: 1, log: 2, answer: 3, greeting: 4 } as const;

function record(text: string, falco?: Enrichment): Buffer {
  const event = parseEnriched(text, "engine");
  if (falco !== undefined) event.falco = falco;
  const addition = falco === undefined ? "" : additionOf(falco);
  const line = Buffer.from(text);
  const memory = new ArrayBuffer(recordBound(line.length, event, addition));
  return Buffer.from(memory, 0, new RecordWriter(memory).write(0, lineOf(line), event, addition));
}

const event = (parts: object): string =>
  JSON.stringify({
    Type: "container",
    Action: "start",
    Actor: { ID: "x", Attributes: { name: "n", k: "v", "": "" } },
    timeNano: 1,
    ...parts,
  });

const small = record(event({ Actor: { ID: "", Attributes: null } }));
const usual = record(event({ status: "start", id: "x", from: "alpine", scope: "local" }));
const full = record(event({ Action: "exec_start: sh -c id" }), {
  inspected: true,
  container: {
    privileged: true,
    user: "",
    capAdd: ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"],
    mounts: [{ source: "/", destination: "name", mode: "rw", type: "bind" }],
    created: "1795427239366272498",
    hostPorts: [22, 8080],
    sysctls: [["name", "1"]],
    sensitiveMount: true,
  },
  exec: { user: "root", tty: true },
});

const answer = Buffer.alloc(24);
answer.writeUInt32LE(1, 0);
answer.writeUInt32LE(16, 8);
const severity = Buffer.from([4, 0, 0, 0]);
const start = Buffer.alloc(4);

const seeds: Record<string, [reader: keyof typeof reader, ...parts: Buffer[]]> = {
  "ring-small": ["ring", start, small],
  "ring-usual": ["ring", start, usual, usual],
  "ring-full": ["ring", Buffer.from([0xf0, 1, 0, 0]), full, small, usual],
  "record-small": ["record", small],
  "record-usual": ["record", usual],
  "record-full": ["record", full],
  log: ["log", severity, Buffer.from("connected again\n")],
  answer: ["answer", answer],
  refusal: ["answer", Buffer.from([1, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0]), Buffer.from("why not?")],
  greeting: ["greeting", Buffer.from("1.2.3+0123456789abcdef")],
};

/** What each file of the corpus has to hold. */
export const corpus: ReadonlyMap<string, Buffer> = new Map(
  Object.entries(seeds).map(([name, [kind, ...parts]]) => [
    name,
    Buffer.concat([Buffer.from([reader[kind]]), ...parts]),
  ]),
);

if (import.meta.main) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const [name, bytes] of corpus) await Bun.write(join(folder, name), bytes);
}
