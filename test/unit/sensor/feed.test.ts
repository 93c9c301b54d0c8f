/** What a person is told of questions to the engine that bring nothing. */
import { expect, test } from "bun:test";
import net, { type AddressInfo } from "node:net";
import { Engine } from "../../../src/docker/client.ts";
import { resolveEndpoint } from "../../../src/docker/endpoint.ts";
import { Feed, type FeedSink } from "../../../src/sensor/feed.ts";

const nothing = () => {};
const OPTIONS = { inspect: { timeout: 100, sensitive: [] }, skipHealthchecks: false, snapshot: true };

/** A feed from an engine whose stream stands, and that answers no question; what it says, and the connections it has. */
async function watched() {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => sockets.push(socket.on("error", nothing)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const engine = new Engine(resolveEndpoint(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`));
  const said: string[] = [];
  const sink = new Proxy({} as FeedSink, {
    get: (_, name) => (name === "warning" ? (text: string) => said.push(text) : nothing),
  });
  const feed = new Feed(
    (to) => ({
      began: 0n,
      forgets: true,
      open: async () => to.opened(),
      reopen: nothing,
      close: () => engine.close(),
    }),
    engine,
    sink,
    { ...OPTIONS, identified: () => true },
  );
  await feed.open();
  // Who the engine is, how it is protected, and what runs.
  while (sockets.length < 3) await Bun.sleep(5);
  const cut = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await Bun.sleep(20);
  };
  return { feed, said, cut };
}

test("an engine that breaks off is told of, with what is absent then", async () => {
  const { feed, said, cut } = await watched();
  await cut();
  // Both come, in whatever time the machine takes.
  const absent = / broke: .*; docker\.engine\.name and docker\.engine\.id are absent/;
  const unseen = /; containers that run already are not reported/;
  while (![absent, unseen].every((words) => said.some((line) => words.test(line)))) await Bun.sleep(5);
  feed.close();
});

test("of what a close breaks off nothing is said", async () => {
  const { feed, said, cut } = await watched();
  feed.close();
  await cut();
  expect(said).toEqual([]);
});
