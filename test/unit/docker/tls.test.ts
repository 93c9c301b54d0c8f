/** TLS to an engine: what is taken, and every refusal in words. */
import { expect, test } from "bun:test";
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Engine } from "../../../src/docker/client.ts";
import { FALCO, resolveEndpoint } from "../../../src/docker/endpoint.ts";
import type { EngineError } from "../../../src/docker/engine_error.ts";
import type { TlsFiles } from "../../../src/docker/tls.ts";
import { temporaryFolder } from "../../support/temporary.ts";
import { CA, CLIENT, type Listening, pem, plainServer, tlsServer } from "../../support/tls.ts";

const engineAt = (address: string, tls: TlsFiles | undefined) =>
  new Engine(resolveEndpoint(address, {}, FALCO, { tls }));

/** What a ping comes to: the API version, or why not. */
async function ping(address: string, tls: TlsFiles | undefined): Promise<string | EngineError> {
  const engine = engineAt(address, tls);
  try {
    return (await engine.negotiate()).apiVersion ?? "none";
  } catch (error) {
    return error as EngineError;
  } finally {
    engine.close();
  }
}

/** The words of a refusal, with `AT` for the address. */
async function refusal(server: Listening, tls: TlsFiles | undefined) {
  const came = await ping(server.address, tls);
  if (typeof came === "string") throw new Error(`it answered: ${came}`);
  return { words: came.message.replaceAll(server.address, "AT"), permanent: came.permanent };
}

test("an engine whose certificate is right is spoken to, with a certificate of ours where it asks for one", async () => {
  using open = await tlsServer("server");
  expect(await ping(open.address, { ca: CA })).toBe("1.51");
  expect(await ping(open.address.replace("tcp", "https"), { ca: CA })).toBe("1.51");
  using asks = await tlsServer("server", { requestCert: true, rejectUnauthorized: true, ca: readFileSync(CA) });
  expect(await ping(asks.address, CLIENT)).toBe("1.51");
  using elsewhere = await tlsServer("elsewhere");
  for (const address of [elsewhere.address, elsewhere.address.replace("127.0.0.1", "localhost")])
    expect(await ping(address, { ca: CA, servername: "engine.example" })).toBe("1.51");
  expect(await ping(open.address.replace("127.0.0.1", "localhost"), { ca: CA })).toBe("1.51");
});

test("DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, as for the Docker CLI", async () => {
  using asks = await tlsServer("server", { requestCert: true, rejectUnauthorized: true, ca: readFileSync(CA) });
  const folder = temporaryFolder();
  for (const [from, to] of [
    ["ca", "ca"],
    ["client", "cert"],
    ["client-key", "key"],
  ] as const)
    copyFileSync(pem(from), join(folder, `${to}.pem`));
  const environment = { DOCKER_HOST: asks.address, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: folder };
  const engine = new Engine(resolveEndpoint("", environment));
  expect((await engine.negotiate()).apiVersion).toBe("1.51");
  engine.close();
  const nowhere = new Engine(resolveEndpoint("", { ...environment, DOCKER_CERT_PATH: "/nowhere" }));
  expect(((await nowhere.negotiate().catch((error) => error)) as Error).message).toBe(
    "/nowhere/ca.pem: no such file; it is needed for TLS",
  );
  nowhere.close();
});

const its = "the certificate of the engine at AT";

test.each<[string, TlsFiles, string, boolean]>([
  ["expired", { ca: CA }, `${its} has expired: renew it there, or set the clock here`, false],
  ["future", { ca: CA }, `${its} is not valid yet: is the clock right?`, false],
  [
    "elsewhere",
    { ca: CA },
    `${its} is for DNS:engine.example, and not for 127.0.0.1: correct the address, or set servername`,
    true,
  ],
  [
    "server",
    { ca: CA, servername: "engine.example" },
    `${its} is for IP Address:127.0.0.1, DNS:localhost, and not for engine.example: correct the address, or set servername`,
    true,
  ],
  [
    "server",
    { ca: pem("other-ca") },
    `${its} is signed by none of those in ${pem("other-ca")}: set ca to the file of who signs engines there`,
    true,
  ],
  [
    "server",
    {},
    `${its} is signed by nobody whom this machine trusts: set ca to the file of who signs engines there`,
    true,
  ],
])("a certificate is refused in words: %s with %j", async (name, tls, words, permanent) => {
  using server = await tlsServer(name);
  expect(await refusal(server, tls)).toEqual({ words, permanent });
  expect(server.seen.connections).toBe(0);
});

test.each<[string, TlsFiles, string]>([
  ["no file", { ca: "/nowhere/ca.pem" }, "/nowhere/ca.pem: no such file; it is needed for TLS"],
  ["a folder", { ca: "/" }, "/: a folder, and no file; it is needed for TLS"],
  ["no certificate", { ca: pem("ca-key") }, `${pem("ca-key")}: no certificate is in this file; expected PEM`],
  ["no key", { ...CLIENT, key: CA }, `${CA}: no private key is in this file; expected PEM`],
  ["a key of another", { ...CLIENT, key: pem("server-key") }, `${pem("server-key")}: this key does not fit`],
  ["a key with a passphrase", { ...CLIENT, key: pem("passphrase-key") }, "this key has a passphrase"],
  ["a certificate alone", { ca: CA, cert: pem("client") }, "a certificate needs its key: set key, too"],
  ["a key alone", { ca: CA, key: pem("client-key") }, "a key needs its certificate: set cert, too"],
  [
    "ours that has expired",
    { ca: CA, cert: pem("expired"), key: pem("expired-key") },
    `${pem("expired")}: this certificate has expired: Jan  1 00:00:00 2021 GMT`,
  ],
  [
    "ours that is not valid yet",
    { ca: CA, cert: pem("future"), key: pem("future-key") },
    `${pem("future")}: this certificate is not valid before Jan  1 00:00:00 9800 GMT; is the clock right?`,
  ],
])("our own files are looked at first: %s", async (_, tls, words) => {
  using server = await tlsServer("server");
  const refused = await refusal(server, tls);
  expect(refused.words).toContain(words);
  expect(server.seen.connections).toBe(0);
});

test("a broken certificate in a file is said", async () => {
  const path = join(temporaryFolder(), "ca.pem");
  writeFileSync(path, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  using server = await tlsServer("server");
  expect((await refusal(server, { ca: path })).words).toBe(`${path}: a certificate in this file is broken`);
});

test("what does not speak TLS is recognised", async () => {
  using plain = await plainServer((socket) =>
    socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
  );
  expect((await refusal(plain, { ca: CA })).words).toBe(
    "what answers at AT does not speak TLS: take its TLS port, or no TLS",
  );
  using ends = await plainServer((socket) => socket.once("data", () => socket.end()));
  expect((await refusal(ends, { ca: CA })).words).toBe("what answers at AT ends each connection before TLS stands");
});

test("a key that everybody can read is warned of", () => {
  const key = join(temporaryFolder(), "key.pem");
  copyFileSync(pem("client-key"), key);
  const warnings = () => resolveEndpoint("tcp://127.0.0.1:1", {}, FALCO, { tls: { ...CLIENT, key } }).warnings;
  chmodSync(key, 0o644);
  expect(warnings()).toEqual([
    `${key}: everybody on this machine can read this key, and with it speak to the engine: chmod 600 it`,
  ]);
  chmodSync(key, 0o640);
  expect(warnings()).toEqual([]);
});

test("connections after the first go on with what that agreed on; new files on disk begin anew", async () => {
  using server = await tlsServer("server", { requestCert: true, rejectUnauthorized: true, ca: readFileSync(CA) });
  const ca = join(temporaryFolder(), "ca.pem");
  copyFileSync(CA, ca);
  const engine = engineAt(server.address, { ...CLIENT, ca });
  const connect = () =>
    new Promise<unknown>((resolve) => {
      // Each stream has a connection of its own.
      const stop = engine.events("since=1", { onOpen: () => stop(), onData: () => {}, onEnd: resolve });
    });
  await engine.negotiate();
  for (let i = 0; i < 3; i++) expect(await connect()).toBeUndefined();
  expect(server.seen).toEqual({ connections: 4, resumed: 3 });
  // Who is trusted no more is refused, though there is a session to go on with.
  copyFileSync(pem("other-ca"), ca);
  expect(String(await connect())).toContain("is signed by none of those in");
  copyFileSync(CA, ca);
  expect(await connect()).toBeUndefined();
  expect(server.seen).toEqual({ connections: 5, resumed: 3 });
  engine.close();
});
