/** What a person is told of an engine that is none, and what an answer may cost. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import { join } from "node:path";
import { Budget } from "../../../src/docker/budget.ts";
import { ANSWER_MAX, Engine } from "../../../src/docker/client.ts";
import { DEBUG_TOOL, FALCO, resolveEndpoint } from "../../../src/docker/endpoint.ts";
import { EngineError } from "../../../src/docker/engine_error.ts";
import { temporaryFolder } from "../../support/temporary.ts";

const servers: net.Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** Takes connections and answers each request with the same bytes; returns the address. */
async function answering(bytes: string | Buffer | ((socket: net.Socket) => void), end = true): Promise<string> {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      if (typeof bytes === "function") bytes(socket);
      else if (end) socket.end(bytes);
      else socket.write(bytes);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What is said where the stream of an address cannot be had. */
async function complaint(address: string, by = FALCO, dockerHost?: string): Promise<EngineError> {
  const engine = new Engine(resolveEndpoint(address, { DOCKER_HOST: dockerHost }, by));
  try {
    await engine.negotiate();
    const error = await new Promise<EngineError | undefined>((resolve) => {
      const stop = engine.events("since=1.000000000", { onOpen: () => stop(), onData: () => {}, onEnd: resolve });
    });
    if (error === undefined) throw new Error("it streams");
    return error;
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  } finally {
    engine.close();
  }
}

const folder = temporaryFolder();
mkdirSync(join(folder, "folder"));
writeFileSync(join(folder, "file"), "");

test.each([
  ["nothing", "none", /^no Docker Engine at unix:\/\/.*\/none: no such socket; start the engine or set WHO$/],
  ["a folder", "folder", /\/folder: a folder is there and no socket; remove it and start the engine, or set WHO$/],
  ["a file", "file", /\/file: a file is there and no socket; start the engine, or set WHO$/],
])("at the socket's path is %s: said in the words of who asked", async (_, name, words) => {
  const path = join(folder, name);
  const expected = (who: string) => new RegExp(words.source.replace("WHO", who));
  expect((await complaint(path)).message).toMatch(expected("open_params"));
  expect((await complaint(path, DEBUG_TOOL)).message).toMatch(expected("--host"));
  expect((await complaint("", FALCO, path)).message).toMatch(expected("DOCKER_HOST"));
  expect((await complaint("", DEBUG_TOOL, path)).message).toMatch(expected("DOCKER_HOST"));
});

const http = (status: number, body: string, headers = ""): string =>
  `HTTP/1.1 ${status} X\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n${headers}\r\n${body}`;

test.each([
  [
    "Go's TLS",
    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
    /speaks TLS: set the setting tls, or DOCKER_TLS_VERIFY with DOCKER_CERT_PATH$/,
  ],
  [
    "nginx's TLS",
    http(400, "<html><body>The plain HTTP request was sent to HTTPS port</body></html>"),
    / speaks TLS: set /,
  ],
  ["a TLS alert", Buffer.from([0x15, 3, 1, 0, 2, 2, 0x46]), / speaks TLS: set /],
  ["what is no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", /speaks no HTTP; set open_params to an engine$/],
  ["404 without a word", http(404, ""), /answered \/events with 404: no words; is it a Docker Engine, or a proxy/],
  ["a web page", http(403, "<!DOCTYPE html>"), /with 403: a web page; is it a Docker Engine, or a proxy that refuses/],
  [
    "a JSON message",
    http(500, '{"message":"no\\u001b[2J luck\\nforged line"}'),
    /500: no\\u001b\[2J luck\\nforged line$/,
  ],
  ["plain text", http(500, "a\u001b]0;title\u0007\u009b\u202eb"), /500: a\\u001b\]0;title\\u0007\\u009b\\u202eb$/],
  ["endless text", http(500, "\u001b".repeat(200_000)), /500: (\\u001b){500}…$/],
])("what answers with %s is told in one harmless line", async (_, bytes, words) => {
  const { message } = await complaint(await answering(bytes));
  expect(message).toMatch(words);
  expect(message).not.toMatch(/[\p{Cc}\u202e]/u);
});

test("an engine that speaks TLS is nothing to wait for, a host whose name is not known is", async () => {
  const tls = await answering("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
  expect((await complaint(tls)).permanent).toBe(true);
  const unknown = await complaint("tcp://no-such-host.invalid:2375", DEBUG_TOOL);
  expect(unknown.message).toBe(
    "no Docker Engine at tcp://no-such-host.invalid:2375: the host's name is not known; correct it in --host, or the DNS",
  );
  expect(unknown.permanent).toBe(false);
});

test.each([
  [500, '{"cause":"no such container","message":"container 3f92 does not exist in database: no such container"}', 404],
  [500, '{"cause":"storage is full","message":"no such luck"}', 500],
  [403, '{"cause":"no such container","message":"refused"}', 403],
  [404, "null", 404],
])("podman's 500 for what is gone counts as 404: %d with %s", async (status, body, meant) => {
  const engine = new Engine(resolveEndpoint(await answering(http(status, body)), undefined));
  const error = await engine.getJson("/containers/3f92/json", 10_000).catch((error: unknown) => error);
  engine.close();
  expect((error as EngineError).status).toBe(meant);
});

test("an answer that is too large is told of as that, and no more of it is read", async () => {
  let written = 0;
  const address = await answering((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const piece = `100000\r\n${"x".repeat(1 << 20)}\r\n`;
    const more = () => {
      while (!socket.destroyed && written < 1 << 30) {
        written += 1 << 20;
        if (!socket.write(piece)) return;
      }
    };
    socket.on("drain", more);
    more();
  });
  const engine = new Engine(resolveEndpoint(address, undefined));
  const error = await engine.getJson("/containers/json", 60_000).catch((error: unknown) => error);
  engine.close();
  expect(error).toBeInstanceOf(EngineError);
  expect((error as EngineError).huge).toBe(true);
  expect(written).toBeLessThan(ANSWER_MAX + (16 << 20));
});

test("where a budget does not suffice, who holds most gives up, and it is never exceeded", () => {
  const ended: string[] = [];
  const budget = new Budget(100);
  const holder = (name: string) => ({ bytes: 0, end: () => ended.push(name) });
  const [small, huge, other] = [holder("small"), holder("huge"), holder("other")];
  budget.hold(small, 10);
  budget.hold(huge, 60);
  budget.hold(other, 30);
  expect([ended, budget.held]).toEqual([[], 100]);
  budget.hold(small, 1);
  expect([ended, budget.held]).toEqual([["huge"], 41]);
  budget.release(huge);
  expect(budget.held).toBe(41);
  budget.hold(other, 90);
  expect([ended, budget.held]).toEqual([["huge", "other"], 11]);
  budget.release(small);
  expect(budget.held).toBe(0);
});

test("many answers at once hold no more than their budget, and the ordinary ones come", async () => {
  const waiting: (() => void)[] = [];
  const stalls = await answering((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    socket.write(`e00000\r\n${"x".repeat(0xe00000)}\r\n`);
    waiting.push(() => socket.destroy());
  });
  const engines = [new Engine(resolveEndpoint(stalls, undefined)), new Engine(resolveEndpoint(stalls, undefined))];
  const plain = new Engine(resolveEndpoint(await answering(http(200, '{"Name":"n"}')), undefined));
  const errors: EngineError[] = [];
  const asked = Array.from({ length: 8 }, (_, i) =>
    engines[i % 2]?.getJson("/x", 60_000).catch((error: EngineError) => errors.push(error)),
  );
  // 8 times 14 MiB do not go into 64: four are ended.
  while (errors.length < 4) await Bun.sleep(10);
  expect(await plain.getJson("/info", 10_000)).toEqual({ Name: "n" });
  expect(errors.map(({ huge }) => huge)).toEqual([true, true, true, true]);
  for (const end of waiting) end();
  await Promise.all(asked);
  for (const engine of [...engines, plain]) engine.close();
});
