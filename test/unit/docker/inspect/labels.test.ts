/** A container's labels, from an engine's answer. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspectLabels } from "../../../../src/docker/inspect/labels.ts";
import { inspectionsOf } from "../../../support/recordings.ts";

const of = (Labels: unknown) => inspectLabels({ Config: { Labels } });

test("the recorded ones", () => {
  const recorded = (file: string) =>
    JSON.parse(readFileSync(join(inspectionsOf("docker-20.10.24"), `${file}.json`), "utf8"))[0];
  expect(inspectLabels(recorded("healthcheck"))).toEqual({ "build.step": "1", maintainer: 'j"q ünï' });
  expect(inspectLabels(recorded("swarm-task"))).toMatchObject({ "com.docker.stack.namespace": "mystack" });
});

test.each([
  ["none", null, {}],
  ["an empty map", {}, {}],
  ["no map", 5, {}],
  ["other types", { a: 1, b: "c", d: null }, { b: "c" }],
])("%s", (_, labels, expected) => expect(of(labels)).toEqual(expected));

test.each([[undefined], [[]], [{}], [{ message: "x" }]])("%p is no container", (json) =>
  expect(inspectLabels(json)).toBeUndefined(),
);

test("many and long ones are cut, and those that pose as the engine's word are not among them", () => {
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`${i}`, "x"]));
  const kept = of({ ...many, "com.docker.compose.project": "shop", long: "y".repeat(10_000), exitCode: "0" }) ?? {};
  expect(JSON.stringify(kept).length).toBeLessThan(33 * 1024);
  expect(kept).toMatchObject({ "com.docker.compose.project": "shop", exitCode: "0" });
  expect(of({ long: "y".repeat(10_000) })?.long).toHaveLength(4097);
});
