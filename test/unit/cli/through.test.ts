/** What --through compares: values of an event, and lines of two ways. */
import { expect, test } from "bun:test";
import { lineOf } from "../../../src/base/line.ts";
import type { AbiEvent, Extracted, Library } from "../../../src/cli/through/abi.ts";
import { ThroughReader } from "../../../src/cli/through/abi_view.ts";
import { Beside } from "../../../src/cli/through/beside.ts";
import { Viewer } from "../../../src/cli/view.ts";
import type { Value } from "../../../src/ipc/record_reader.ts";
import { parseEnriched } from "../../../src/sensor/enrichment.ts";

const line =
  '{"Type":"container","Action":"die","Actor":{"ID":"a","Attributes":{"name":"web","exitCode":"7"}},"timeNano":5}';
const payload = `${line.slice(0, -1)},"falco":{"inspected":true,"container":{"capAdd":["CAP_A","CAP_B"],"hostPorts":[22,8080]}}}`;

type Change = (value: Value | undefined) => Value | undefined;

/** Reads an event by a library that changes one value. */
function differences(name: string, change: Change, key?: string): readonly string[] {
  const right = new Viewer().view(parseEnriched(payload, "capture"), lineOf(line), true);
  const extract = (_event: AbiEvent, asks: readonly Extracted[]) =>
    asks.map((ask) => {
      const value = right.value(ask.field, ask.key);
      return ask.field.name === name && (key === undefined || ask.key === key) ? change(value) : value;
    });
  const reader = new ThroughReader({ extract } as Partial<Library> as Library);
  return reader.read({ payload, timeNano: 5n } as AbiEvent).differences;
}

test("nothing differs where the ABI says what the payload says", () => {
  expect(differences("none", (value) => value)).toEqual([]);
});

const lies: [name: string, change: Change, key: string | undefined, words: string][] = [
  ["docker.type", () => "image", undefined, "docker.type is image through the ABI, and container directly"],
  ["docker.type", () => undefined, undefined, "docker.type is <NA> through the ABI, and container directly"],
  ["docker.scope", () => "", undefined, "docker.scope is  through the ABI, and <NA> directly"],
  ["docker.time", () => 6n, undefined, "docker.time is 6 through the ABI, and 5 directly"],
  [
    "docker.container.inspected",
    () => false,
    undefined,
    "docker.container.inspected is false through the ABI, and true directly",
  ],
  [
    "docker.container.capadd",
    () => ["CAP_A"],
    undefined,
    "docker.container.capadd is (CAP_A) through the ABI, and (CAP_A,CAP_B) directly",
  ],
  [
    "docker.container.hostports",
    () => [22n],
    undefined,
    "docker.container.hostports is (22) through the ABI, and (22,8080) directly",
  ],
  ["docker.attributes", () => "8", "exitCode", "docker.attributes[exitCode] is 8 through the ABI, and 7 directly"],
  [
    "docker.attributes",
    () => "x",
    "no such key",
    "docker.attributes[no such key] is x through the ABI, and <NA> directly",
  ],
];

test.each(lies)("%s that differs is told", (name, change, key, words) => {
  expect(differences(name, change, key)).toEqual([words]);
});

test("lines that come by both ways are even, in any order, and as often", () => {
  const beside = new Beside();
  beside.stand(0);
  beside.came("abi", "a", 1);
  beside.came("direct", "b", 1);
  beside.came("direct", "a", 2);
  expect(beside.isEven).toBe(false);
  beside.came("abi", "b", 3);
  expect(beside.isEven).toBe(true);
  expect(beside.alone(10_000)).toEqual([]);
});

test("a line that comes by one way alone is told once, after the other had its time", () => {
  const beside = new Beside();
  beside.came("direct", "before both stood", 1);
  beside.stand(5);
  beside.came("abi", "x", 10);
  beside.came("direct", "y", 10);
  expect(beside.alone(11)).toEqual([]);
  expect(beside.alone(10_000)).toEqual([
    { way: "abi", line: "x" },
    { way: "direct", line: "y" },
  ]);
  expect(beside.alone(20_000)).toEqual([]);
});
