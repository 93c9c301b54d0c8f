/** Labels apart from what the engine says, in events of moby and of podman. */
import { describe, expect, test } from "bun:test";
import { type DockerEvent, parseEvent } from "../../../src/docker/event.ts";
import {
  forgeriesIn,
  hiddenLabels,
  isLabel,
  namedAsEngines,
  replaceableIn,
  showsAll,
} from "../../../src/docker/labels.ts";
import { recordedLines } from "../../support/recordings.ts";

type Labels = Record<string, string>;

/** All labels of an event's container. */
const allLabels = (event: DockerEvent, hidden: Labels): Labels =>
  Object.fromEntries([
    ...Object.entries(event.Actor.Attributes).filter(([key]) => isLabel(event, key)),
    ...Object.entries(hidden),
  ]);

/** An event as moby makes it: its own attributes, the labels copied over them, then image and name. */
function event(Action: string, own: Labels, labels: Labels, Type = "container") {
  const Attributes = Type === "container" ? { ...own, ...labels, image: "bb:1", name: "web" } : own;
  return parseEvent(JSON.stringify({ Type, Action, Actor: { ID: "c1", Attributes }, timeNano: 1 }));
}

const LABELS: Labels = { tier: "web", name: "a lie", exitCode: "99", __proto__x: "y", constructor: "z" };

test.each([
  ["die", { exitCode: "5", execDuration: "1" }, "container"],
  ["start", {}, "container"],
  ["exec_create: sh ", { execID: "e1" }, "container"],
  ["connect", { container: "c1", name: "bridge", type: "bridge" }, "network"],
  ["mount", { container: "c1", driver: "local" }, "volume"],
] as const)("%s: what it does not show is told beside it, and together they are all", (action, own, type) => {
  const each = event(action, own, LABELS, type);
  const hidden = hiddenLabels(each, LABELS);
  expect(hidden).toEqual(type === "container" ? { name: "a lie", exitCode: "99" } : LABELS);
  expect(allLabels(each, hidden)).toEqual(LABELS);
  expect(showsAll(each, LABELS)).toBe(type === "container");
  expect(namedAsEngines(LABELS)).toEqual({ name: "a lie", exitCode: "99" });
});

test("a label that an event shows with another value, as it was cut down, is told beside it", () => {
  const each = event("start", {}, { tier: "w" });
  expect(showsAll(each, { tier: "web" })).toBe(false);
  expect(hiddenLabels(each, { tier: "web" })).toEqual({ tier: "web" });
  // Of a long one only the beginning is known, and the event shows more of it.
  const long = "x".repeat(5000);
  expect(showsAll(event("start", {}, { tier: long }), { tier: `${long.slice(0, 4096)}…` })).toBe(true);
});

test("a label called __proto__ is a label", () => {
  const labels: Labels = JSON.parse('{"__proto__":"x","a":"b"}');
  const network = event("connect", { container: "c1" }, {}, "network");
  const all = allLabels(network, hiddenLabels(network, labels));
  expect(Object.entries(all)).toEqual([
    ["__proto__", "x"],
    ["a", "b"],
  ]);
});

describe("forged is", () => {
  test.each([
    ["die", { exitCode: "0" }, ["exitCode"]],
    ["die", { execDuration: "0" }, ["execDuration"]],
    ["kill", { signal: "15" }, ["signal"]],
    ["exec_create: id ", { execID: "x" }, ["execID"]],
    ["exec_die", { execID: "x", exitCode: "0" }, ["execID", "exitCode"]],
    ["exec_start: id ", { execType: "healthcheck" }, ["execType"]],
    ["rename", { oldName: "/x" }, ["oldName"]],
    ["commit", { comment: "", imageID: "", imageRef: "" }, ["comment", "imageID", "imageRef"]],
    ["resize", { height: "1" }, ["height"]],
    ["exec_died", { execID: "x" }, ["execID"]],
    // Of another action, or what no label replaces.
    ["start", { exitCode: "0" }, []],
    ["die", { signal: "0" }, []],
    ["die", { name: "x", image: "y", tier: "z" }, []],
    ["kill", {}, []],
    ["constructor", { exitCode: "0" }, []],
  ])("%s with the labels %p: %p", (action, labels, forged) => {
    const each = event(action, { exitCode: "1", signal: "9" }, labels as Labels);
    expect(forgeriesIn(each, hiddenLabels(each, labels as Labels))).toEqual(forged);
  });

  test("not what podman says over the label", () => {
    const die = parseEvent(
      JSON.stringify({
        Type: "container",
        Action: "die",
        Actor: { ID: "c", Attributes: { exitCode: "5" } },
        timeNano: 1,
      }),
    );
    expect(forgeriesIn(die, { exitCode: "0" })).toEqual([]);
    expect(forgeriesIn(die, { exitCode: "5" })).toEqual(["exitCode"]);
  });

  test("what was cut down to its beginning", () => {
    const die = event("die", {}, { exitCode: "" });
    expect(forgeriesIn(die, { exitCode: "0".repeat(5000) })).toEqual(["exitCode"]);
  });
});

test("what the recorded engines set in a container's events, beside what its creation shows, is in the table", () => {
  const events = recordedLines()
    .map((line) => parseEvent(line))
    .filter(({ Type }) => Type === "container");
  const created = new Map(events.filter(({ Action }) => Action === "create").map(({ Actor }) => [Actor.ID, Actor]));
  const said = new Set<string>();
  const unknown = new Set<string>();
  for (const each of events) {
    const labels = created.get(each.Actor.ID)?.Attributes;
    if (labels === undefined) continue;
    for (const key of Object.keys(each.Actor.Attributes)) {
      if (Object.hasOwn(labels, key)) continue;
      const isKnown = replaceableIn(each).includes(key) || Object.hasOwn(namedAsEngines({ [key]: "" }), key);
      (isKnown ? said : unknown).add(key);
    }
  }
  expect([...unknown]).toEqual([]);
  for (const key of ["execID", "exitCode", "signal", "oldName", "imageID", "execDuration"]) expect(said).toContain(key);
});
