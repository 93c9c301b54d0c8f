/** The face that libdocker.so shows Falco: its symbols, its identity, and what it says of itself. */

import type { Pointer } from "bun:ffi";
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { TestEngine } from "../support/engine.ts";
import { BUILT, Plugin, rc, setVariable } from "../support/host.ts";
import { aptInstall, skipped } from "../support/needs.ts";

const { call } = new Plugin();

test("who it is", () => {
  expect(String(call.plugin_get_name())).toBe("docker");
  expect(call.plugin_get_id()).toBe(5);
  expect(String(call.plugin_get_event_source())).toBe("docker");
  expect(String(call.plugin_get_description())).toBe("Docker Events");
  expect(String(call.plugin_get_version())).toBe(manifest.version);
  expect(String(call.plugin_get_required_api_version())).toBe("3.4.0");
  expect(String(call.plugin_get_contact())).toMatch(/^https:/);
});

test("the container's id and name alone are suggested for each rule's output", () => {
  const fields = JSON.parse(String(call.plugin_get_fields())) as Record<string, unknown>[];
  const suggested = fields.filter((field) => "addOutput" in field);
  expect(suggested.map(({ name, addOutput }) => [name, addOutput])).toEqual([
    ["docker.container.id", true],
    ["docker.container.name", true],
  ]);
});

test("the fields that must exist are there, in order, with their words, and all are strings", () => {
  const fields = JSON.parse(String(call.plugin_get_fields())) as Record<string, unknown>[];
  expect(fields.slice(0, 20)).toEqual(
    [
      ["docker.status", "Status of the event"],
      ["docker.id", "ID of the event"],
      ["docker.from", "From of the event (deprecated)"],
      ["docker.type", "Type of the event"],
      ["docker.action", "Action of the event"],
      ["docker.stack.namespace", "Stack Namespace"],
      ["docker.node.id", "Swarm Node ID"],
      ["docker.swarm.task", "Swarm Task"],
      ["docker.swarm.taskid", "Swarm Task ID"],
      ["docker.swarm.taskname", "Swarm Task Name"],
      ["docker.swarm.servicename", "Swarm Service Name"],
      ["docker.node.statenew", "Node New State"],
      ["docker.node.stateold", "Node Old State"],
      ["docker.attributes.container", "Attribute Container"],
      ["docker.attributes.image", "Attribute Image"],
      ["docker.attributes.name", "Attribute Name"],
      ["docker.attributes.type", "Attribute Type"],
      ["docker.attributes.exitcode", "Attribute Exit Code"],
      ["docker.attributes.signal", "Attribute Signal"],
      ["docker.scope", "Scope"],
    ].map(([name, desc]) => ({ name, type: "string", desc })),
  );
  const types = new Set(["string", "uint64", "abstime", "bool"]);
  for (const field of fields) {
    expect(field.name).toMatch(/^docker\.[a-z.]+$/);
    expect(types.has(String(field.type))).toBe(true);
    expect(String(field.desc)).not.toBe("");
    if (field.arg !== undefined) expect(field.arg).toEqual({ isRequired: true, isKey: true });
    if (field.isList !== undefined)
      expect([field.isList, /^(?:string|uint64)$/.test(String(field.type))]).toEqual([true, true]);
  }
  expect(new Set(fields.map(({ name }) => name)).size).toBe(fields.length);
  expect(fields.find(({ name }) => name === "docker.attributes")?.arg).toBeDefined();
  expect(fields.find(({ name }) => name === "docker.container.capadd")?.isList).toBe(true);
});

test("the settings have a JSON Schema that takes what Falco makes of YAML", () => {
  const type = new Uint32Array(1);
  const schema = JSON.parse(String(call.plugin_get_init_schema(type))) as {
    type: string;
    properties: Record<string, { anyOf?: unknown[]; type?: string }>;
    required?: string[];
    additionalProperties?: unknown;
  };
  expect(type[0]).toBe(1);
  expect(schema.type).toBe("object");
  expect(schema.required ?? []).toEqual([]);
  // Keys in other letters and unknown ones are for the plugin to judge, in words.
  expect(schema.additionalProperties).not.toBe(false);
  expect(Object.keys(schema.properties)).toContain("flushinterval");
  for (const property of Object.values(schema.properties)) expect(JSON.stringify(property)).toContain('"null"');
});

test("an event as a line that a person can read, harmless on a terminal", async () => {
  using state = new Plugin().init('{"statefile": ""}');
  const text = state.toText(
    state.foreign(
      '{"status":"start","id":"x","from":"al\\npine","Type":"container","Action":"exec_create: \\u001b[2J\\u009b","Actor":{"ID":"x","Attributes":{"name":"n"}},"scope":"local","timeNano":1}',
    ),
  );
  expect(text).toContain("container");
  expect(text).toContain("name=n");
  expect(text).not.toMatch(/\p{Cc}/u);
});

test("the engines of this machine are offered, and none that are not there", () => {
  setVariable("DOCKER_HOST", "unix:///somewhere/docker.sock");
  try {
    using state = new Plugin().init();
    const { rc: code, text } = state.listOpenParams();
    expect(code).toBe(rc.success);
    const offered = JSON.parse(text) as { value: string; desc: string }[];
    expect(offered[0]).toEqual({ value: "unix:///somewhere/docker.sock", desc: "the engine of DOCKER_HOST" });
    const isThere = existsSync("/var/run/docker.sock");
    expect(offered.some(({ value }) => value === "unix:///var/run/docker.sock")).toBe(isThere);
  } finally {
    setVariable("DOCKER_HOST", undefined);
  }
});

test("a live stream has no progress to tell, in words", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": ""}');
  using instance = state.open(engine.address);
  const progress = new Uint32Array([77]);
  expect(String(call.plugin_get_progress(state.at, instance.at, progress))).toBe("a live stream has no end");
  expect(progress[0]).toBe(0);
});

test("a last error without a state", () => {
  expect(String(call.plugin_get_last_error(null as unknown as Pointer))).not.toBe("");
  call.plugin_destroy(null as unknown as Pointer);
});

const nm = Bun.which("nm") ?? Bun.which("llvm-nm");
if (nm === null) skipped("the list of exported symbols", "there is no nm", aptInstall("nm"));

test.skipIf(nm === null)("nothing is exported but Falco's symbols and the bridge's", () => {
  const { stdout } = Bun.spawnSync([nm ?? "", "-D", "--defined-only", BUILT]);
  const names = stdout
    .toString()
    .trim()
    .split("\n")
    .map((line) => line.split(" ").at(-1) ?? "");
  expect(names.filter((name) => !/^(plugin|docker_bridge)_[a-z_]+$/.test(name))).toEqual([]);
  expect(names.filter((name) => name.startsWith("plugin_")).length).toBe(21);
});

test.skipIf(nm === null)("no symbol is asked for that glibc 2.17 lacks", () => {
  const { stdout } = Bun.spawnSync([nm ?? "", "-D", "--undefined-only", BUILT]);
  const versions = [...stdout.toString().matchAll(/@GLIBC_(\d+)\.(\d+)/g)];
  expect(versions.length).toBeGreaterThan(10);
  for (const [, major, minor] of versions) expect(Number(major) * 100 + Number(minor)).toBeLessThanOrEqual(217);
});

test.skipIf(nm === null)(
  "what its asserts say is checked in the library that ships, and tells no path of this machine",
  () => {
    const { stdout } = Bun.spawnSync([nm ?? "", "-D", "--undefined-only", BUILT]);
    expect(stdout.toString()).toContain("__assert_fail");
    const library = readFileSync(BUILT, "latin1");
    expect(library).toContain("\0ffi/host/batch.c\0");
    expect(library).not.toContain(join(import.meta.dir, "../.."));
  },
);
