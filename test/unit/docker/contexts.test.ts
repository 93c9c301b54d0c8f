/** The Docker CLI's contexts: which engine a name means, and what is wrong with one. */
import { beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listContexts } from "../../../src/docker/contexts.ts";
import { listEngines } from "../../../src/docker/discover.ts";
import { FALCO, type Reach, resolveEndpoint } from "../../../src/docker/endpoint.ts";
import { temporaryFolder } from "../../support/temporary.ts";

const folder = temporaryFolder();
const idOf = (name: string) => createHash("sha256").update(name).digest("hex");

/** Writes a context as `docker context create` does; `files` of TLS are empty. */
function context(name: string, meta: string, files: readonly string[] = []): void {
  const at = join(folder, "contexts/meta", idOf(name));
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, "meta.json"), meta);
  const tls = join(folder, "contexts/tls", idOf(name), "docker");
  if (files.length > 0) mkdirSync(tls, { recursive: true });
  for (const file of files) writeFileSync(join(tls, file), "");
}

const meta = (Name: string, Host: string, more: object = {}) =>
  JSON.stringify({ Name, Metadata: {}, Endpoints: { docker: { Host, SkipTLSVerify: false, ...more } } });

beforeAll(() => {
  context("prod", meta("prod", "tcp://10.0.0.5"), ["ca.pem", "cert.pem", "key.pem"]);
  context("clear", meta("clear", "tcp://10.0.0.5"));
  context("local", meta("local", "unix:///run/other.sock"), ["ca.pem"]);
  context("behind", meta("behind", "ssh://me@node"));
  context("lax", meta("lax", "tcp://10.0.0.6", { SkipTLSVerify: true }), ["ca.pem"]);
  context("loop", meta("loop", "context://loop"));
  context("windows", meta("windows", "npipe:////./pipe/docker_engine"));
  context("kubernetes", JSON.stringify({ Name: "kubernetes", Endpoints: {} }));
  context("broken", "{");
});

const resolve = (text: string, environment: Record<string, string> = {}, reach: Reach = {}) =>
  resolveEndpoint(text, { DOCKER_CONFIG: folder, ...environment }, FALCO, reach);

test.each([
  ["prod", "tcp://10.0.0.5:2376", "https://10.0.0.5:2376"],
  ["clear", "tcp://10.0.0.5:2375", "http://10.0.0.5:2375"],
  ["local", "unix:///run/other.sock", "http://docker"],
  ["behind", "ssh://me@node", "http://docker"],
  ["default", "unix:///var/run/docker.sock", "http://docker"],
])("context://%s is %s", (name, address, origin) => {
  expect(resolve(`context://${name}`)).toMatchObject({ address, origin });
  expect(resolve("", { DOCKER_CONTEXT: name })).toMatchObject({ address, origin });
});

test("what is said of TLS for all is not said of a context", () => {
  const tls = { ca: "/other/ca.pem" };
  expect(resolve("context://clear", { DOCKER_TLS_VERIFY: "1" }, { tls }).origin).toBe("http://10.0.0.5:2375");
});

test("DOCKER_HOST goes before DOCKER_CONTEXT, and that before the current context of `dockerconfig`", () => {
  writeFileSync(join(folder, "config.json"), '{"auths": {}, "currentContext": "prod"}');
  const reach = { dockerconfig: folder };
  const all = { DOCKER_HOST: "/run/mine.sock", DOCKER_CONTEXT: "local" };
  expect(resolve("", all, reach).address).toBe("unix:///run/mine.sock");
  expect(resolve("", { DOCKER_CONTEXT: "local" }, reach).address).toBe("unix:///run/other.sock");
  expect(resolve("", {}, reach).address).toBe("tcp://10.0.0.5:2376");
  expect(resolve("/run/given.sock", all, reach).address).toBe("unix:///run/given.sock");
  // Named by nobody, it is left alone: who runs `docker context use` does not mean Falco.
  expect(resolve("").address).toBe("unix:///var/run/docker.sock");
  writeFileSync(join(folder, "config.json"), "{}");
  expect(resolve("", {}, reach).address).toBe("unix:///var/run/docker.sock");
});

test.each<[string, Record<string, string>, Reach, string]>([
  [
    "context://other",
    {},
    {},
    `open_params "context://other": no context "other" in ${folder}: there are behind, clear, lax, local, loop, prod, windows`,
  ],
  ["", { DOCKER_CONTEXT: "other" }, {}, 'DOCKER_CONTEXT "context://other": no context "other"'],
  ["context://other", { DOCKER_CONFIG: "/nowhere" }, {}, 'no context "other" in /nowhere: there is none'],
  ["context://kubernetes", {}, {}, "this context names no Docker Engine"],
  ["context://broken", {}, {}, "/meta.json: JSON Parse error"],
  ["context://loop", {}, {}, 'its host "context://loop": a context that leads to a context'],
  ["context://windows", {}, {}, "npipe:// is a pipe of Windows"],
])("%s with %j is refused in words", (text, environment, reach, words) => {
  expect(() => resolve(text, environment, reach)).toThrow(words);
});

test("a configuration that is broken is said", () => {
  const config = join(folder, "config.json");
  writeFileSync(config, "[]");
  expect(() => resolve("", {}, { dockerconfig: folder })).toThrow(
    `dockerconfig "${folder}": ${config}: not the Docker CLI's configuration`,
  );
});

test("a context that asks not to verify is verified all the same, and that is said", () => {
  expect(resolve("context://lax").warnings).toEqual([
    "context lax asks not to verify certificates (SkipTLSVerify): they are verified all the same",
  ]);
});

test("the contexts are listed, with DOCKER_HOST before all", () => {
  expect(listContexts("/nowhere")).toEqual([]);
  const engines = listEngines({ DOCKER_HOST: "tcp://node", DOCKER_CONFIG: folder, DOCKER_CONTEXT: "prod" });
  expect(engines[0]).toEqual({ value: "tcp://node", desc: "the engine of DOCKER_HOST" });
  expect(engines.filter(({ value }) => value.startsWith("context://")).slice(-3)).toEqual([
    { value: "context://loop", desc: "a context of the Docker CLI: context://loop" },
    { value: "context://prod", desc: "the context of DOCKER_CONTEXT: tcp://10.0.0.5" },
    { value: "context://windows", desc: "a context of the Docker CLI: npipe:////./pipe/docker_engine" },
  ]);
});
