/** Contexts as the real Docker CLI writes them. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Engine } from "../../src/docker/client.ts";
import { FALCO, resolveEndpoint } from "../../src/docker/endpoint.ts";
import { Plugin, rc, setVariable } from "../support/host.ts";
import { has } from "../support/needs.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { CLIENT, tlsServer } from "../support/tls.ts";

const real = test.skipIf(!has("contexts of a real Docker CLI", "docker"));
const folder = temporaryFolder();

function docker(...args: string[]): void {
  const { DOCKER_HOST: _, ...env } = process.env;
  const { exitCode, stderr } = Bun.spawnSync(["docker", ...args], { env: { ...env, DOCKER_CONFIG: folder } });
  if (exitCode !== 0) throw new Error(String(stderr));
}

real("one with TLS is spoken to with its files, and is current after `docker context use`", async () => {
  using server = await tlsServer("server", {
    requestCert: true,
    rejectUnauthorized: true,
    ca: readFileSync(CLIENT.ca),
  });
  const { ca, cert, key } = CLIENT;
  docker("context", "create", "prod", "--docker", `host=${server.address},ca=${ca},cert=${cert},key=${key}`);
  docker("context", "create", "other", "--docker", "host=unix:///run/other.sock");
  docker("context", "use", "prod");
  for (const [text, reach] of [
    ["context://prod", {}],
    ["", { dockerconfig: folder }],
  ] as const) {
    const engine = new Engine(resolveEndpoint(text, { DOCKER_CONFIG: folder }, FALCO, reach));
    expect(engine.address).toBe(server.address);
    expect((await engine.negotiate()).apiVersion).toBe("1.51");
    engine.close();
  }
});

real("Falco is offered them, and opens one by its name", () => {
  setVariable("DOCKER_CONFIG", folder);
  try {
    using state = new Plugin().init('{"statefile": "", "waitforengine": false}');
    const { rc: code, text } = state.listOpenParams();
    expect(code).toBe(rc.success);
    expect(JSON.parse(text)).toContainEqual({
      value: "context://other",
      desc: "a context of the Docker CLI: unix:///run/other.sock",
    });
    using _ = state.open("context://other");
    expect(state.error).toBe(
      "no Docker Engine at unix:///run/other.sock: no such socket; start the engine or set open_params",
    );
  } finally {
    setVariable("DOCKER_CONFIG", undefined);
  }
});
