/** What of an engine's events is asked for: filters, times, several engines. */
import { expect, test } from "bun:test";
import { TestEngine } from "../support/engine.ts";
import { PROGRAM } from "../support/host.ts";
import { environment } from "../support/tool.ts";

const event = (name: string, nano: bigint) =>
  `{"Type":"volume","Action":"create","Actor":{"ID":"${name}","Attributes":{}},"timeNano":${nano}}`;
const now = () => BigInt(Date.now()) * 1_000_000n;
const SECOND = 1_000_000_000n;

const spawn = (...args: string[]) =>
  Bun.spawn([PROGRAM, "--dump", "--output", "%docker.actor.id", ...args], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });

async function ended(process: ReturnType<typeof spawn>) {
  const [out, err] = await Promise.all([new Response(process.stdout).text(), new Response(process.stderr).text()]);
  return { code: await process.exited, names: out.split("\n").filter(Boolean), err };
}

test("--since brings what the engine has from then on, and then what happens", async () => {
  await using engine = await TestEngine.start();
  const at = now();
  await engine.send(event("old", at - 700n * SECOND), event("new", at - 300n * SECOND));
  const process = spawn("-H", engine.address, "--since", "10m", "--count", "2");
  while ((await engine.subscribers()) === 0) await Bun.sleep(20);
  await engine.send(event("now", now()));
  const { code, names, err } = await ended(process);
  expect([code, names]).toEqual([0, ["new", "now"]]);
  expect(err).not.toContain("lost");
});

test("--until ends it, with the engine's own words to both times", async () => {
  await using engine = await TestEngine.start();
  const at = now();
  await engine.send(event("a", at - 90n * SECOND), event("b", at - 60n * SECOND), event("c", at - 30n * SECOND));
  const since = `${(at - 70n * SECOND) / SECOND}.500000000`;
  const until = new Date(Number((at - 40n * SECOND) / 1_000_000n)).toISOString();
  const all = await ended(spawn("-H", engine.address, "--since", since, "--until", until));
  expect([all.code, all.names, all.err]).toEqual([0, ["b"], ""]);
  const seen = (await engine.seen()).map(({ path }) => path).filter((path) => path.includes("/events"));
  const ms = String((at - 40n * SECOND) / 1_000_000n);
  expect(seen).toEqual([`/v1.51/events?since=${since}&until=${ms.slice(0, -3)}.${ms.slice(-3)}000000`]);
});

test("a connection that breaks before --until is an error", async () => {
  await using engine = await TestEngine.start();
  const process = spawn("-H", engine.address, "--until", new Date(Date.now() + 60_000).toISOString());
  while ((await engine.subscribers()) === 0) await Bun.sleep(20);
  await engine.cut(true);
  const { code, err } = await ended(process);
  expect(code).toBe(1);
  // What is asked of the engine beside its stream may break, too, and is told of before.
  expect(err).toMatch(/^(docker-plugin: [^\n]*\n)?docker-plugin: [^\n]*broke[^\n]*\n$/);
});

test("a type that no engine is known to have events of is said, and asked for all the same", async () => {
  await using engine = await TestEngine.start();
  const process = spawn("-H", engine.address, "--type", "contaner", "--filter", "type=volume", "--count", "1");
  while ((await engine.subscribers()) === 0) await Bun.sleep(20);
  await engine.send(event("a", now()));
  const { code, names, err } = await ended(process);
  expect([code, names]).toEqual([0, ["a"]]);
  expect(err.match(/no engine is known.*/g)).toEqual([
    "no engine is known to have events of type contaner; did you mean container?",
  ]);
});

test("filters go to the engine, in the question for its stream", async () => {
  await using engine = await TestEngine.start({ containers: { ["7".repeat(64)]: { Name: "/runs" } } });
  const process = spawn(
    ...["-H", engine.address, "--type", "volume", "--type", "image", "--action", "create", "-f", "scope=local"],
    ...["--container", "a b", "--image", "i", "--label", "k=v"],
  );
  while ((await engine.subscribers()) === 0) await Bun.sleep(20);
  process.kill("SIGINT");
  // What runs already is not what was asked for.
  expect((await ended(process)).names).toEqual([]);
  const asked = (await engine.seen()).map(({ path }) => path);
  // What the engine has kept is looked at whole, to know what was there before.
  const streams = asked.filter((path) => path.includes("/events") && !path.includes("until="));
  expect(streams.length).toBe(1);
  for (const path of streams)
    expect(JSON.parse(URL.parse(path, "http://x")?.searchParams.get("filters") ?? "")).toEqual({
      type: { volume: true, image: true },
      event: { create: true },
      container: { "a b": true },
      image: { i: true },
      label: { "k=v": true },
      scope: { local: true },
    });
});

test("several engines are one stream, and each event says whose it is", async () => {
  await using one = await TestEngine.start();
  await using other = await TestEngine.start();
  const process = Bun.spawn(
    [
      PROGRAM,
      "--dump",
      "-H",
      one.address,
      "-H",
      other.address,
      "-o",
      "%docker.actor.id %docker.engine.host",
      "-n",
      "3",
    ],
    { env: environment, stdio: ["ignore", "pipe", "pipe"] },
  );
  for (const engine of [one, other]) while ((await engine.subscribers()) === 0) await Bun.sleep(20);
  const stdout = process.stdout.getReader();
  const shown = async () => Buffer.from((await stdout.read()).value ?? []).toString();
  await one.send(event("a", now()));
  expect(await shown()).toBe(`a ${one.address}\n`);
  await other.send(event("b", now()));
  expect(await shown()).toBe(`b ${other.address}\n`);
  // One that is cut does not end the other.
  await one.cut();
  await other.send(event("c", now()));
  expect(await shown()).toBe(`c ${other.address}\n`);
  expect(await process.exited).toBe(0);
});

test("one of several that is not there is an error at the beginning", async () => {
  await using engine = await TestEngine.start();
  const { code, err } = await ended(spawn("-H", engine.address, "-H", "/nowhere/docker.sock"));
  expect(code).toBe(1);
  expect(err).toContain(
    "no Docker Engine at unix:///nowhere/docker.sock: no such socket; start the engine or set --host",
  );
});

test("the events of a period wait for what is asked about them", async () => {
  const id = "8".repeat(64);
  const container = { Name: "/web", Config: { User: "1000" }, HostConfig: { Privileged: true } };
  await using engine = await TestEngine.start({ containers: { [id]: container }, inspectMs: 100 });
  const at = now() - 5n * SECOND;
  await engine.send(`{"Type":"container","Action":"start","Actor":{"ID":"${id}","Attributes":{}},"timeNano":${at}}`);
  const args = ["-H", engine.address, "--since", "1m", "--until", "0s", "--output", "%docker.container.privileged"];
  const process = Bun.spawn([PROGRAM, "--dump", ...args], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  expect(await new Response(process.stdout).text()).toBe("true\n");
});
