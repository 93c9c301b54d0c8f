/** A real Docker Engine behind TLS, which asks for a certificate of ours. */
import { afterAll, expect, test } from "bun:test";

import { Engine } from "../../src/docker/client.ts";
import { FALCO, resolveEndpoint } from "../../src/docker/endpoint.ts";
import type { EngineError } from "../../src/docker/engine_error.ts";
import type { TlsFiles } from "../../src/docker/tls.ts";
import { DOCKERD_NEEDS, Dockerd } from "../support/dockerd.ts";
import { Plugin, setVariable } from "../support/host.ts";
import { aptInstall, skipped } from "../support/needs.ts";
import { freePort } from "../support/sshd.ts";
import { CA, CLIENT, pem } from "../support/tls.ts";

const address = `tcp://127.0.0.1:${await freePort()}`;
// On this machine's loopback.
const engine = await Dockerd.start(
  [
    ...["-H", address, "--tlsverify", "--tlscacert", CA],
    ...["--tlscert", pem("server"), "--tlskey", pem("server-key")],
  ],
  { NETWORK: "host" },
);
if (typeof engine === "string")
  skipped("the tests with a real dockerd behind TLS", engine, aptInstall(...DOCKERD_NEEDS));
const real = test.skipIf(typeof engine === "string");
const dockerd = engine as Dockerd;
afterAll(() => (typeof engine === "string" ? undefined : engine.stop()), 60_000);

real("its events arrive, over the plugin with its setting", () => {
  using state = new Plugin().init(JSON.stringify({ statefile: "", tls: CLIENT }));
  using instance = state.open(address);
  expect(state.error).toBe("");
  dockerd.docker("tag", "bb:1", "tls:1");
  // The engine itself is told of, too, and what happened a little before the open.
  let tag: object | undefined;
  while (tag === undefined)
    tag = instance
      .payloads(1)
      .map((payload) => JSON.parse(payload))
      .find(({ Actor }) => Actor.Attributes.name === "tls:1");
  expect(tag).toMatchObject({ Type: "image", Action: "tag", falco: { engine: { host: address } } });
});

real("and with the variables of the Docker CLI, which are handed over to the runtime", () => {
  const variables = { DOCKER_HOST: address, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: dockerd.folder };
  for (const [from, to] of [
    ["ca", "ca"],
    ["client", "cert"],
    ["client-key", "key"],
  ])
    Bun.spawnSync(["cp", pem(String(from)), `${dockerd.folder}/${to}.pem`]);
  for (const [name, value] of Object.entries(variables)) setVariable(name, value);
  try {
    using state = new Plugin().init('{"statefile": "", "waitforengine": false}');
    using instance = state.open("");
    expect([state.error, instance.at === null]).toEqual(["", false]);
  } finally {
    for (const name of Object.keys(variables)) setVariable(name, undefined);
  }
});

real.each<[string, TlsFiles | undefined, RegExp]>([
  ["no TLS", undefined, / speaks TLS: set the setting tls, or DOCKER_TLS_VERIFY with DOCKER_CERT_PATH$/],
  ["no certificate of ours", { ca: CA }, / asks for a certificate of ours: set cert and key$/],
  [
    "one that another signed",
    { ca: CA, cert: pem("stranger"), key: pem("stranger-key") },
    / refuses our certificate .*\/stranger\.pem: bad certificate$/,
  ],
  ["one of another name", { ...CLIENT, servername: "engine.example" }, / is for .*, and not for engine\.example: /],
])("it refuses in words: %s", async (_, tls, words) => {
  const client = new Engine(resolveEndpoint(address, {}, FALCO, { tls }));
  const error: EngineError = await client.negotiate().then(
    () =>
      new Promise((resolve) =>
        client.events("since=1", { onOpen: () => {}, onData: () => {}, onEnd: (why) => resolve(why as EngineError) }),
      ),
    (error) => error,
  );
  client.close();
  expect(error.message).toMatch(words);
  expect(error.permanent).toBe(true);
});
