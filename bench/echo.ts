/**
 * A runtime that does nothing but answer: every event that is replayed gets one and the same finished record. What is
 * left is the bare round trip, to measure the real runtime against.
 */
import { writeSync } from "node:fs";
import { lineOf } from "../src/base/line.ts";
import { Bridge } from "../src/ipc/bridge.ts";
import { buildId } from "../src/ipc/build_id.ts";
import { layout } from "../src/ipc/layout.ts";
import { RecordWriter } from "../src/ipc/record.ts";
import { parseEnriched } from "../src/sensor/enrichment.ts";

const LINE = '{"Type":"container","Action":"start","Actor":{"ID":"1","Attributes":{"name":"web"}},"timeNano":1}';

writeSync(layout.ANSWER_FD, buildId);
let bytes = 0;
const bridge = new Bridge(process.argv.at(-1) ?? "", {
  configure: (id) => bridge.answer(id),
  open: (id) => bridge.answer(id),
  close: (id) => bridge.answer(id),
  extract: (id) => bridge.answer(id, bytes),
  list: (id) => bridge.answerText(id, "[]"),
  abandoned: () => process.exit(0),
});
const line = Buffer.from(LINE);
const { memory, offset } = bridge.answerMemory;
bytes = new RecordWriter(memory, offset).write(0, lineOf(line), parseEnriched(LINE, "engine"));
setInterval(() => bridge.heartbeat(), 1000);
