/** An event as the tool shows it: what Falco sees of it, by way of the record that Falco gets. */
import { bytesOf, type Line, viewOf } from "../base/line.ts";
import { RecordWriter } from "../ipc/record.ts";
import { recordBound } from "../ipc/record_bound.ts";
import { RecordReader, type Value } from "../ipc/record_reader.ts";
import type { Field } from "../plugin/fields/field.ts";
import { fields } from "../plugin/fields.ts";
import { additionOf, type EnrichedEvent } from "../sensor/enrichment.ts";

/** What is shown of an event. It is valid until the next one is made. */
export interface View {
  /** Its place among all that were shown, from 1 on. */
  readonly number: number;
  /** Ns since 1970. */
  readonly timeNano: bigint;
  /** The value of a field; undefined where it is absent. @param key the argument of a field that takes one */
  value(field: Field, key?: string): Value | undefined;
  /** All that a field with an argument holds. */
  pairs(field: Field): readonly (readonly [key: string, value: string])[];
  /** What Falco gets as the event's payload. */
  readonly payload: string;
  /** The engine's own line; undefined for an event that the plugin adds. */
  readonly raw: Buffer | undefined;
}

const byName = new Map(fields.map((field) => [field.name, field]));

/** The field of that name, which is there. */
export function fieldNamed(name: string): Field {
  const field = byName.get(name);
  if (field === undefined) throw new Error(`there is no field ${name}`);
  return field;
}

/** Makes views of events, one after the other in the same memory. */
export class Viewer {
  #memory = new ArrayBuffer(1 << 20);
  #writer = new RecordWriter(this.#memory);
  #reader = new RecordReader(this.#memory);
  #number = 0;

  /** @param isOwn whether it is the engine's own, and not one that the plugin adds */
  view(event: EnrichedEvent, line: Line, isOwn: boolean): View {
    const addition = event.falco === undefined ? "" : additionOf(event.falco);
    const bound = recordBound(bytesOf(line), event, addition, this.#memory.byteLength);
    if (bound > this.#memory.byteLength) {
      this.#memory = new ArrayBuffer(bound);
      this.#writer = new RecordWriter(this.#memory);
      this.#reader = new RecordReader(this.#memory);
    }
    this.#writer.write(0, line, event, addition);
    const reader = this.#reader;
    return {
      number: ++this.#number,
      timeNano: event.timeNano,
      value: (field, key) => reader.value(0, field, key),
      pairs: (field) => reader.pairs(0, field),
      get payload() {
        return reader.payload(0);
      },
      raw: isOwn ? viewOf(line) : undefined,
    };
  }
}
