/** What an event is about, of moby and of podman. */
import { expect, test } from "bun:test";
import { type DockerEvent, parseEvent } from "../../../src/docker/event.ts";
import { containerIdOf, execOf } from "../../../src/docker/subject.ts";
import { recordedLines } from "../../support/recordings.ts";

function event(
  Action: string,
  Attributes: Record<string, string> = {},
  { Type = "container", ID = "c1" }: { Type?: string; ID?: string } = {},
): DockerEvent {
  return parseEvent(JSON.stringify({ Type, Action, Actor: { ID, Attributes }, timeNano: 1 }));
}

test.each([
  // moby writes the program, a space, and the arguments with spaces between them.
  ["true ", undefined, "true"],
  ["sh -c 'x '", undefined, "sh -c 'x '"],
  ["sh -c x ", undefined, "sh -c x "],
  ["sh -c x ", ["sh", "-c", "x "], "sh -c x "],
  ["sh  ", undefined, "sh  "],
  ["sh ", ["sh"], "sh"],
  ["sh ", ["sh", ""], "sh "],
  ["my program ", ["my program"], "my program"],
  ["echo: a", undefined, "echo: a"],
  [" ", undefined, ""],
  // An inspection that says something else, as it was cut or is another's, changes nothing.
  ["sh -c x ", ["sh", "-c", "y"], "sh -c x "],
  ["sh ", ["other"], "sh"],
])("exec_create: %p with the inspection %p runs %p", (said, command, expected) => {
  expect(execOf(event(`exec_create: ${said}`), command)?.command).toBe(expected);
  expect(execOf(event(`exec_start: ${said}`), command)?.command).toBe(expected);
});

test("the end of an exec says what ran by its inspection alone", () => {
  expect(execOf(event("exec_die"), ["sh", "-c", "x "])?.command).toBe("sh -c x ");
  expect(execOf(event("exec_die"))?.command).toBeUndefined();
});

test.each([
  ["exec_die", { exitCode: "3" }, 3n],
  ["exec_died", { containerExitCode: "3" }, 3n],
  ["exec_died", { containerExitCode: "137", exitCode: "0" }, 137n],
  ["exec_died", { exitCode: "0" }, undefined],
  ["exec_die", { containerExitCode: "0" }, undefined],
  // podman 4 has it in each event, and a label can be called so: only an exec's end has a code.
  ["exec", { containerExitCode: "0" }, undefined],
  ["exec_create: sh ", { exitCode: "0" }, undefined],
  ["exec_start: sh ", { containerExitCode: "0" }, undefined],
  ["exec_die", { exitCode: "-1" }, undefined],
])("the exit code of %s with %p is %p", (action, attributes, code) => {
  expect(execOf(event(action, attributes as Record<string, string>))?.exitCode).toBe(code);
});

test("the recorded execs of podman have a code at their end alone", () => {
  const codes = recordedLines("podman")
    .map((line) => parseEvent(line))
    .filter(({ Action }) => Action.startsWith("exec"))
    .map((each) => [each.Action, execOf(each)?.exitCode, each.Actor.Attributes.containerExitCode] as const);
  expect(codes.length).toBeGreaterThan(20);
  for (const [action, code, said] of codes)
    expect([action, code]).toEqual([action, action === "exec_died" ? BigInt(said ?? "") : undefined]);
  expect(new Set(codes.map(([, code]) => code))).toEqual(new Set([undefined, 0n, 1n, 137n]));
});

test.each([
  ["moby's connect", "c1", event("connect", { container: "c1", name: "n" }, { Type: "network", ID: "n1" })],
  ["podman's connect", "c1", event("connect", { name: "web", network: "n" }, { Type: "network" })],
  ["podman 4's connect", "c1", event("connect", { image: "", name: "web", podId: "" }, { Type: "network" })],
  ["podman's disconnect", "c1", event("disconnect", { name: "web", network: "n" }, { Type: "network" })],
  ["podman's network", undefined, event("create", { name: "n", network: "n" }, { Type: "network", ID: "n1" })],
  ["a network's end", undefined, event("destroy", { name: "n", type: "bridge" }, { Type: "network", ID: "n1" })],
  ["podman's volume", undefined, event("remove", { name: "v" }, { Type: "volume", ID: "" })],
  ["a container", "c1", event("start")],
])("%s is about container %p", (_, id, each) => {
  expect(containerIdOf(each)).toBe(id);
});
