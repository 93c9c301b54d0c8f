/** An event as Falco gets it through the ABI, and what differs from the direct way. */
import { lineOf } from "../../base/line.ts";
import type { Value } from "../../ipc/record_reader.ts";
import { type Field, nameOf } from "../../plugin/fields/field.ts";
import { fields } from "../../plugin/fields.ts";
import { parseEnriched } from "../../sensor/enrichment.ts";
import { withoutAddition } from "../../sensor/recording.ts";
import { valueText } from "../forms/output.ts";
import { type View, Viewer } from "../view.ts";
import type { AbiEvent, Extracted, Library } from "./abi.ts";

const plain: readonly Extracted[] = fields
  .filter(({ key }) => key === undefined)
  .map((field) => ({ field, key: undefined }));
const keyed = fields.filter(({ key }) => key !== undefined);

/** An argument that no event has. */
const NOBODY = "no such key";

const isSame = (a: Value | undefined, b: Value | undefined): boolean =>
  Array.isArray(a) && Array.isArray(b) ? a.length === b.length && a.every((each, i) => each === b[i]) : a === b;

/** An event with all that the ABI says of it. */
export interface Through {
  readonly view: View;
  /** The engine's own line. */
  readonly line: string;
  /** What the ABI says differently from what its payload says. */
  readonly differences: readonly string[];
}

/** Reads events through a library, and compares. */
export class ThroughReader {
  readonly #viewer = new Viewer();

  constructor(readonly library: Library) {}

  /** @throws AbiError, NotAnEvent */
  read(event: AbiEvent): Through {
    const { payload, timeNano } = event;
    const raw = withoutAddition(lineOf(payload));
    const said = parseEnriched(payload, "capture");
    const direct = this.#viewer.view(said, raw, true);
    const asks = [...plain, ...keyed.flatMap((field) => this.#keys(direct, field))];
    const values = this.library.extract(event, asks);
    const differences = asks.flatMap(({ field, key }, i) => {
      const expected = direct.value(field, key);
      if (isSame(values[i], expected)) return [];
      const name = key === undefined ? field.name : nameOf({ ...field, key });
      return [`${name} is ${valueText(values[i])} through the ABI, and ${valueText(expected)} directly`];
    });
    if (timeNano !== said.timeNano)
      differences.push(`its time is ${timeNano} through the ABI, and ${said.timeNano} directly`);
    const find = (field: Field, key: string | undefined): Value | undefined =>
      values[asks.findIndex((ask) => ask.field === field && ask.key === key)];
    const view: View = {
      number: direct.number,
      timeNano,
      payload,
      raw: raw.buffer.subarray(raw.start, raw.end),
      value: (field, key) => (field.key === undefined ? find(field, undefined) : this.#one(event, field, key ?? "")),
      pairs: (field) =>
        direct.pairs(field).flatMap(([key]) => {
          const value = find(field, key);
          return typeof value === "string" ? [[key, value] as const] : [];
        }),
    };
    return { view, line: view.raw?.toString() ?? "", differences };
  }

  #keys(direct: View, field: Field): Extracted[] {
    return [...direct.pairs(field).map(([key]) => key), NOBODY].map((key) => ({ field, key }));
  }

  #one(event: AbiEvent, field: Field, key: string): Value | undefined {
    return this.library.extract(event, [{ field, key }])[0];
  }
}
