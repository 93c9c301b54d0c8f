import { expect, test } from "bun:test";
import * as v from "valibot";
import { eventSchema, NotAnEvent, parseEvent } from "../../../src/docker/event.ts";
import { recordedLines } from "../../support/recordings.ts";

const LINE =
  '{"status":"start","id":"x","from":"alpine","Type":"container","Action":"start","Actor":{"ID":"x","Attributes":{"image":"alpine","name":"n"}},"scope":"local","time":1795427240,"timeNano":1795427240090068681}';

const isEvent = (text: string): boolean => {
  try {
    parseEvent(text);
    return true;
  } catch (error) {
    if (error instanceof NotAnEvent) return false;
    throw error;
  }
};

test("every real line is an event, and its time is exact to the last digit", () => {
  for (const line of recordedLines()) {
    const digits = /"timeNano":(\d+)[,}]/.exec(line)?.[1] ?? "";
    expect(parseEvent(line).timeNano).toBe(BigInt(digits));
  }
});

/** Values that a hostile or broken engine may put anywhere. */
const ODD = [null, true, 0, -1, 1.5, "", "x", [], ["x"], {}, { a: 1 }, undefined];

test("the quick check and the schema are of one mind, whatever stands in place of a part", () => {
  const parts: (string | number)[][] = [
    ...["status", "id", "from", "Type", "Action", "Actor", "scope", "time", "timeNano"].map((key) => [key]),
    ["Actor", "ID"],
    ["Actor", "Attributes"],
    ["Actor", "Attributes", "name"],
  ];
  let refused = 0;
  for (const path of parts)
    for (const odd of ODD) {
      const json = JSON.parse(LINE);
      let at = json;
      for (const key of path.slice(0, -1)) at = at[key];
      at[path.at(-1) as string] = odd;
      // The number itself is judged by more than its type; that has tests of its own.
      if (path[0] === "timeNano" && typeof odd === "number") continue;
      const wanted = v.is(eventSchema, JSON.parse(JSON.stringify(json)));
      if (!wanted) refused++;
      expect([path, odd, isEvent(JSON.stringify(json))]).toEqual([path, odd, wanted]);
    }
  expect(refused).toBeGreaterThan(60);
  for (const whole of ODD.slice(0, -1)) expect(isEvent(JSON.stringify(whole))).toBe(false);
});

test("a line that is none is refused in words that say where", () => {
  expect(() => parseEvent("{")).toThrow(/^not JSON: /);
  expect(() => parseEvent("{}")).toThrow(/^Type: /);
  expect(() => parseEvent(LINE.replace('"name":"n"', '"name":1'))).toThrow(/^Actor\.Attributes\.name: .*string.*1/);
  expect(() => parseEvent(LINE.replace("1795427240090068681", '"1"'))).toThrow(/^timeNano: /);
});

test.each([
  ["0", 0n],
  ["1", 1n],
  ["9007199254740993", 9007199254740993n],
  ["18446744073709549568", 18446744073709549568n],
])("timeNano %s", (digits, wanted) => {
  expect(parseEvent(LINE.replace("1795427240090068681", digits)).timeNano).toBe(wanted);
});

test.each(["-1", "1.5", "18446744073709551616", "18446744073709551615", "1e30"])("timeNano %s is no time", (digits) => {
  // 2^64-1 rounds up to 2^64 as a double: nobody meets it before the year 2554.
  expect(() => parseEvent(LINE.replace("1795427240090068681", digits))).toThrow("timeNano: out of range");
});

test("the digits are the event's own, wherever the key stands and whatever a label says", () => {
  const lie = '"a\\"timeNano\\":5":"\\"timeNano\\":7,"';
  const first = LINE.replace(',"timeNano":1795427240090068681', "").replace("{", '{"timeNano" : 1795427240090068681 ,');
  const labelled = LINE.replace('"name":"n"', `"timeNano":"6",${lie}`);
  expect(parseEvent(first).timeNano).toBe(1795427240090068681n);
  expect(parseEvent(labelled).timeNano).toBe(1795427240090068681n);
  expect(parseEvent(first.replace('"name":"n"', '"timeNano":"6"')).timeNano).toBe(1795427240090068681n);
});

test("no attributes at all are none, and an attribute may be called anything", () => {
  expect(parseEvent(LINE.replace(/\{"image.*?\}/, "null")).Actor.Attributes).toEqual({});
  const event = parseEvent(LINE.replace('"name":"n"', '"__proto__":"p","constructor":"c"'));
  expect(Object.entries(event.Actor.Attributes)).toEqual([
    ["image", "alpine"],
    ["__proto__", "p"],
    ["constructor", "c"],
  ]);
});
