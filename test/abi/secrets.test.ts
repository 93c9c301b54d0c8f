/** No secret that an engine tells gets anywhere: into no payload, no log line, no file. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { TestEngine } from "../support/engine.ts";
import { Plugin } from "../support/host.ts";
import { answering, config, container, ID, line, OTHER, volumeMount } from "../support/questions.ts";
import { temporaryFolder } from "../support/temporary.ts";

const SECRET = "hunter2-4711";
const EXEC = "e".repeat(64);
const SERVICE = "s".repeat(25);
const IMAGE = String(container().Image);
const AUTH = Buffer.from(JSON.stringify({ username: "u", password: SECRET })).toString("base64");

const Env = [`TOKEN=${SECRET}`];
const Options = { type: "cifs", device: "//srv/share", o: `addr=10.0.0.9,username=u,password=${SECRET}` };
const LogConfig = { Type: "splunk", Config: { "splunk-token": SECRET } };
const volumeOptions = { DriverConfig: { Name: "local", Options } };

/** A container with a secret wherever the engine tells one. */
const told = container({
  Mounts: [volumeMount("share", "/data")],
  Config: { ...(container().Config as object), Env, Healthcheck: { Test: ["NONE"] } },
  ContainerConfig: { Env },
  HostConfig: {
    ...(container().HostConfig as object),
    LogConfig,
    Mounts: [{ Type: "volume", Source: "share", Target: "/data", VolumeOptions: volumeOptions }],
    StorageOpt: { key: SECRET },
    Annotations: { auth: SECRET },
  },
});

const ANSWERS = answering({
  [`/images/${IMAGE}/json`]: {
    Id: IMAGE,
    RepoDigests: [],
    Config: { Env },
    ContainerConfig: { Env, Cmd: [`|1 TOKEN=${SECRET}`] },
  },
  "/images/hub/bb:1/json": { Id: IMAGE, Config: { Env, Labels: {} }, "X-Registry-Auth": AUTH },
  "/volumes/share": { Driver: "local", Name: "share", Options, Status: { key: SECRET } },
  [`/networks/${OTHER}`]: { Driver: "overlay", Options: { encrypted: "", key: SECRET }, Labels: { key: SECRET } },
  [`/services/${SERVICE}`]: {
    Spec: {
      "X-Registry-Auth": AUTH,
      Labels: { key: SECRET },
      TaskTemplate: {
        ContainerSpec: {
          Image: "bb:1",
          Env,
          Secrets: [{ SecretName: "key", Data: SECRET }],
          Configs: [{ ConfigName: "key", Data: SECRET }],
          PullOptions: { RegistryAuth: AUTH },
          Mounts: [{ Type: "volume", Source: "share", Target: "/data", VolumeOptions: volumeOptions }],
        },
        LogDriver: { Name: "splunk", Options: LogConfig.Config },
      },
    },
  },
  [`/plugins/${OTHER}/json`]: {
    Config: { Env: [{ Name: "TOKEN", Value: SECRET }], Args: { Value: [SECRET] }, Network: { Type: "host" } },
    Settings: { Env, Args: [SECRET] },
  },
  "/info": {
    ID: "D75Y",
    Name: "node",
    HttpProxy: `http://u:${SECRET}@proxy`,
    RegistryConfig: { key: SECRET },
    Labels: [SECRET],
    Warnings: null,
  },
});

/** All bytes of the files in a folder, and what is packed in them. */
function bytesIn(folder: string): Buffer[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .flatMap((path) => {
      const bytes = readFileSync(path);
      return bytes.readUInt16BE(0) === 0x1f8b ? [bytes, gunzipSync(bytes)] : [bytes];
    });
}

test("no secret of an answer gets into a payload, a log line or a state file", async () => {
  const execs = { [EXEC]: { ContainerID: ID, Pid: 7, ProcessConfig: { entrypoint: "sh", arguments: [], Env } } };
  await using engine = await TestEngine.start({ containers: { [ID]: told }, execs, answers: ANSWERS });
  const folder = temporaryFolder();
  using state = new Plugin().init(config({ snapshot: true, loglevel: "debug", statefile: join(folder, "resume") }));
  using instance = state.open(engine.address);
  const of = { attributes: { execID: EXEC } };
  const sent = [
    line("create"),
    line("start"),
    line("exec_create: sh", of),
    line("exec_start: sh", of),
    line("exec_die", of),
    line("die"),
    line("create", { Type: "volume", id: "share", attributes: { driver: "local" } }),
    line("push", { Type: "image", id: "hub/bb:1" }),
    line("tag", { Type: "image", id: IMAGE }),
    line("create", { Type: "network", id: OTHER }),
    line("create", { Type: "service", id: SERVICE }),
    line("enable", { Type: "plugin", id: OTHER }),
    line("reload", { Type: "daemon", id: "D75Y" }),
  ];
  await engine.send(...sent);
  // The engine itself is told of first; its container is by its start.
  const payloads = instance.payloads(sent.length + 1);
  expect(payloads.length).toBe(sent.length + 1);
  // All was asked and learnt.
  const parts = payloads.flatMap((payload) => Object.keys(JSON.parse(payload).falco));
  const wanted = ["container", "daemon", "exec", "image", "network", "plugin", "service", "volume"];
  expect([...new Set(parts)].filter((part) => wanted.includes(part)).toSorted()).toEqual(wanted);
  expect(payloads.join()).toContain("//srv/share");
  for (const secret of [SECRET, AUTH]) expect(payloads.join()).not.toContain(secret);
  // What Falco does not take is kept in a file.
  await engine.send(
    ...sent.map((each) => each.replace(/"timeNano":(\d+)/, (_, nano) => `"timeNano":${BigInt(nano) + 1_000_000_000n}`)),
  );
  while (state.metrics().received !== 2 * sent.length) await Bun.sleep(5);
  instance.close();
  const files = bytesIn(folder);
  expect(Buffer.concat(files).toString()).toContain("//srv/share");
  const logs = state.logs.map(({ text }) => text).join("\n");
  expect(logs).toContain("/volumes/share");
  for (const secret of [SECRET, AUTH]) for (const where of [logs, ...files]) expect(where.includes(secret)).toBe(false);
}, 60_000);
