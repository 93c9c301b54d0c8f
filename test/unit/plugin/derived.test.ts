/** Fields that are derived from what an event and its addition hold, as a record gives them. */
import { describe, expect, test } from "bun:test";
import { type EnrichedEvent, type Enrichment, parseEnriched } from "../../../src/sensor/enrichment.ts";
import { keepLabels, withHiddenLabels } from "../../../src/sensor/labels.ts";
import { fieldOf } from "../../support/values.ts";

type Attributes = Record<string, string>;

function event(Action: string, falco?: Enrichment, Attributes: Attributes = {}, Type = "container"): EnrichedEvent {
  const line = JSON.stringify({ Type, Action, Actor: { ID: "c1", Attributes }, timeNano: 1 });
  const parsed = parseEnriched(line, "engine");
  // As a capture holds it.
  return falco === undefined
    ? parsed
    : parseEnriched(`${line.slice(0, -1)},"falco":${JSON.stringify(falco)}}`, "capture");
}

const PROBE = ["/bin/sh", "-c", "curl -f x"];
const container = { healthcheck: ["CMD-SHELL", "curl -f x"], user: "" };
const exec = { command: PROBE, user: "", tty: false, privileged: false };

describe("docker.exec.healthcheck", () => {
  const of = (action: string, falco?: Enrichment, attributes?: Attributes) =>
    fieldOf(event(action, falco, attributes), "docker.exec.healthcheck");
  const said = "exec_start: /bin/sh -c curl -f x";
  const labels = {};
  test.each([
    ["by its inspection", said, { container, exec }, {}, true],
    ["at its end", "exec_die", { container, exec }, {}, true],
    ["at its end, not inspected", "exec_die", { container }, {}, undefined],
    ["by its text, not inspected", said, { container }, {}, true],
    ["another", "exec_start: sh ", { container, exec: { command: ["sh"] } }, {}, false],
    ["another, not inspected", "exec_start: sh ", { container }, {}, false],
    ["of a container that is not inspected", said, { inspected: false }, {}, undefined],
    ["of a container without one", said, { container: {}, exec }, {}, false],
    ["no exec", "start", { container, exec }, {}, undefined],
    ["as the engine says", "exec_die", { container, labels }, { execType: "healthcheck" }, true],
    ["as the engine denies", said, { container, exec, labels }, { execType: "exec" }, false],
    ["as the engine says in another word", said, { container, exec, labels }, { execType: "x" }, true],
    [
      "as a label says",
      "exec_start: sh ",
      { container, labels: { execType: "healthcheck" } },
      { execType: "healthcheck" },
      false,
    ],
    ["as a label may say", "exec_start: sh ", { container }, { execType: "healthcheck" }, false],
  ] as const)("%s: %p", (_, action, falco, attributes, is) => expect(of(action, falco, attributes)).toBe(is));
});

describe("words", () => {
  test("of commands that differ in nothing but where an argument begins are each their own", () => {
    const of = (...command: string[]) => fieldOf(event("exec_die", { exec: { command } }), "docker.exec.words");
    const long = "x".repeat(5000);
    // A text so long that ends so was cut; the other two were not.
    expect(of(`${long}\ny…`)).toEqual(["y…", "…"]);
    expect(of(long, "y…")).toEqual(["y…"]);
    expect(of(`${long}\ny…`)).toEqual(["y…", "…"]);
  });
  const words = (action: string, falco?: Enrichment) => fieldOf(event(action, falco), "docker.exec.words");
  test("of an exec are those of its arguments, and of its text where that is another or nothing else is known", () => {
    expect(words("exec_create: sh -c c\\url x")).toEqual(["sh", "-c", "curl", "x"]);
    expect(words("exec_die", { exec: { command: ["sh", "-c", "id"] } })).toEqual(["sh", "-c", "id"]);
    expect(words("exec_start: sh -c id", { exec: { command: ["ls"] } })).toEqual(["sh", "-c", "id"]);
    expect(words("exec_die")).toBeUndefined();
    expect(words("start", { exec: { command: ["ls"] } })).toBeUndefined();
  });
  test("of a container", () => {
    const started = event("start", { container: { command: ["/bin/SH", "-c", "w''get x"] } });
    expect(fieldOf(started, "docker.container.words")).toEqual(["/bin/sh", "sh", "bin/sh", "/bin", "-c", "wget", "x"]);
    expect(fieldOf(event("start", { container: {} }), "docker.container.words")).toBeUndefined();
  });
});

test("docker.exec.args are the arguments one by one", () => {
  const args = ["sh", "-c", "a b", ""];
  expect(fieldOf(event("exec_create: x", { exec: { command: args } }), "docker.exec.args")).toEqual(args);
  expect(fieldOf(event("exec_create: x"), "docker.exec.args")).toBeUndefined();
});

describe("labels", () => {
  const labels = { tier: "web", exitCode: "0", name: "n", "com.docker.compose.project": "shop" };
  const known: Enrichment = { inspected: true, container: { name: "web" } };
  keepLabels(known, labels);
  const told = (action: string, own: Attributes, type = "container") => {
    const attributes = type === "container" ? { ...own, ...labels, name: "web" } : own;
    return event(action, withHiddenLabels(known, event(action, undefined, attributes, type)), attributes, type);
  };
  const values = (each: EnrichedEvent) => [
    ...["tier", "exitCode", "name", "execID", "nothing"].map((key) => fieldOf(each, "docker.container.label", key)),
    fieldOf(each, "docker.event.forged"),
    fieldOf(each, "docker.compose.project"),
  ];
  test("are the same in all events of a container, and forged says where they pose as the engine's word", () => {
    expect(values(told("start", {}))).toEqual(["web", "0", "n", undefined, undefined, false, "shop"]);
    expect(values(told("die", { exitCode: "5" }))).toEqual(["web", "0", "n", undefined, undefined, true, "shop"]);
    expect(values(told("exec_die", { execID: "x" }))).toEqual(["web", "0", "n", undefined, undefined, true, "shop"]);
    const connect = told("connect", { container: "c1", name: "bridge" }, "network");
    expect(values(connect)).toEqual(["web", "0", "n", undefined, undefined, false, "shop"]);
  });
  test("add to the payload only what the event does not show, and the same object each time", () => {
    const start = event("start", undefined, { ...labels, name: "web" });
    const part = withHiddenLabels(known, start);
    expect(part.labels).toEqual({ exitCode: "0", name: "n" });
    expect(withHiddenLabels(known, start)).toBe(part);
    expect(part.container).toBe(known.container as object);
  });
  test("that are not known are absent; a compose file's project shows all the same", () => {
    const attributes = { tier: "web", "io.podman.compose.project": "p", "io.podman.compose.service": "s" };
    for (const falco of [undefined, { inspected: false }, { inspected: true, container: {} }]) {
      const each = event("die", falco, attributes);
      expect(values(each)).toEqual([...Array(6).fill(undefined), "p"]);
      expect(fieldOf(each, "docker.compose.service")).toBe("s");
    }
  });
  test("of an event that was cut down are not taken for all", () => {
    const container = {};
    const cut: EnrichedEvent = {
      ...event("start"),
      falco: { container, labels: {}, cut: { bytes: 1, attributes: [] } },
    };
    expect(fieldOf(cut, "docker.container.label", "tier")).toBeUndefined();
    const whole = { ...event("die", undefined, { tier: "web" }), falco: { container, labels: {} } };
    expect(fieldOf(whole, "docker.container.label", "tier")).toBe("web");
  });
});
