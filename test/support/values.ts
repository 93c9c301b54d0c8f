/** The values of an event's fields, by the way that live and replayed events go: written into a record and read back. */
import { lineOf } from "../../src/base/line.ts";
import { layout } from "../../src/ipc/layout.ts";
import { RecordWriter } from "../../src/ipc/record.ts";
import { RecordReader, type Value } from "../../src/ipc/record_reader.ts";
import { fields } from "../../src/plugin/fields.ts";
import type { EnrichedEvent } from "../../src/sensor/enrichment.ts";

const memory = new ArrayBuffer(layout.RECORD_MAX);
const writer = new RecordWriter(memory);
const reader = new RecordReader(memory);

/** @param key the argument of a field that takes one */
export function fieldOf(event: EnrichedEvent, name: string, key = ""): Value | undefined {
  const field = fields.find((each) => each.name === name);
  if (field === undefined) throw new Error(`no field ${name}`);
  writer.write(0, lineOf("{}"), event);
  return reader.value(0, field, key);
}
