/** What engines of all ages send, and what none should, from the socket through the ABI. */
import { expect, test } from "bun:test";
import { TestEngine } from "../support/engine.ts";
import { Plugin, rc } from "../support/host.ts";
import { recordedLines, recordedStream } from "../support/recordings.ts";

const CONFIG = '{"statefile": "", "inspect": false}';

const now = (): bigint => BigInt(Date.now()) * 1_000_000n;

function line(name: string, timeNano: bigint, labels: Record<string, string> = {}): string {
  const attributes = JSON.stringify({ image: "alpine", ...labels, name });
  return `{"Type":"container","Action":"start","Actor":{"ID":"x","Attributes":${attributes}},"scope":"local","time":1,"timeNano":${timeNano}}`;
}

test.each([1, 2, 3, 7, 64, 1000])("lines arrive whole from a stream in pieces of %p bytes", async (split) => {
  await using engine = await TestEngine.start({ split });
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  const at = now();
  const lines = ["eins", "zwölf", "日本\u2028", "\u{1f40b}", "x".repeat(700)].map((name, i) =>
    line(name, at + BigInt(i)),
  );
  await engine.send(...lines);
  expect(instance.payloads(lines.length)).toEqual(lines);
});

const recorded = recordedStream();
test.each([313, 65536])("a recorded stream of a real engine, byte for byte, in pieces of %p", async (split) => {
  const body = recorded.subarray(recorded.indexOf("\r\n\r\n") + 4);
  // The same bytes at a time of our own: as long, so that the sizes of the chunks still hold.
  const at = now();
  let i = 0n;
  const text = body.toString("latin1").replace(/"timeNano":\d{19}\}/g, () => `"timeNano":${at + i++}}`);
  const lines = Buffer.from(text, "latin1")
    .toString()
    .split("\n")
    .filter((each) => each.startsWith("{"));
  await using engine = await TestEngine.start();
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  const bytes = Buffer.from(text, "latin1");
  // Between two writes the other side reads, so that pieces do not grow together again.
  const raw = (async () => {
    for (let from = 0; from < Math.min(bytes.length, 400 * split); from += split)
      await engine.raw(bytes.subarray(from, from + split));
    await engine.raw(bytes.subarray(400 * split));
  })();
  await raw;
  expect(instance.payloads(lines.length)).toEqual(lines.map((each) => each.trimEnd()));
  expect(state.metrics().malformed).toBe(0);
  expect(lines.length).toBeGreaterThan(500);
});

test("a line of a megabyte passes whole", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  const at = now();
  const big = line("big", at + 1n, { huge: "é".repeat(500_000) });
  await engine.send(line("before", at), big, line("after", at + 2n));
  const got = instance.take(3, (event) => ({
    payload: event.payload,
    value: state.extract(event, [["docker.attributes", "huge"]])[0],
  }));
  expect(got.map(({ payload }) => payload.length)).toEqual([
    line("before", at).length,
    big.length,
    line("after", at).length,
  ]);
  expect(got[1]).toEqual({ payload: big, value: "é".repeat(500_000) });
});

test("past the bound an event is cut down and says so; what rules need stays, and no line is dropped", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": "", "inspect": false, "maxeventbytes": 65536}');
  using instance = state.open(engine.address);
  const at = now();
  const sizes = [60_000, 100_000, 5_000_000, 9_000_000];
  await engine.send(
    ...sizes.map((size, i) => line(`n${i}`, at + BigInt(i), { huge: "x".repeat(size) })),
    line("last", at + 9n),
  );
  const got = instance.take(5, (event) => ({
    values: state.extract(event, ["docker.action", "docker.actor.id", "docker.attributes.name", "docker.time"]),
    cut: (JSON.parse(event.payload) as { falco?: { cut?: { bytes: number } } }).falco?.cut,
    length: event.payload.length,
  }));
  // Beyond 8 MiB a line is not held at all: its beginning and its end make the event, without attributes.
  const names = ["n0", "n1", "n2", undefined, "last"];
  expect(got.map(({ values }) => values)).toEqual(
    names.map((name, i) => ["start", "x", name, at + BigInt(i === 4 ? 9 : i)]),
  );
  expect(got.map(({ cut }) => cut !== undefined)).toEqual([false, true, true, true, false]);
  expect(got[2]?.cut).toMatchObject({ attributes: ["huge"] });
  for (const { length } of got) expect(length).toBeLessThan(65536 + 1024);
  expect(state.metrics()).toMatchObject({ cut: 3, malformed: 0, dropped: 0, losses: 0 });
});

test("a NUL in a label neither ends a value nor hides the event", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  const text = line("n\0ame", now(), { "evil\0": "a\0b", "com.docker.stack.namespace": "\0" });
  await engine.send(text);
  const [got] = instance.take(1, (event) => ({
    payload: event.payload,
    values: state.extract(event, ["docker.attributes.name", "docker.stack.namespace"]),
  }));
  expect(got).toEqual({ payload: text, values: ["n\ufffdame", "\ufffd"] });
});

test("no value of one event shows in the next", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  const at = now();
  await engine.send(
    line("first", at, { exitCode: "137", signal: "9", "com.docker.stack.namespace": "shop" }),
    `{"Type":"network","Action":"prune","Actor":{"ID":"","Attributes":null},"timeNano":${at + 1n}}`,
  );
  const asks = ["docker.attributes.name", "docker.attributes.exitcode", "docker.stack.namespace", "docker.scope"];
  expect(instance.take(2, (event) => state.extract(event, asks))).toEqual([
    ["first", "137", "shop", "local"],
    [undefined, undefined, undefined, undefined],
  ]);
});

test("a line that is no event is counted and logged with its first bytes, and the stream goes on", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  const at = now();
  const broken = ["{", "null", '{"Type":"container"}', "\u001b[31mred\u0007", `{"a":"${"x".repeat(5000)}"`];
  await engine.send(line("before", at), ...broken, line("after", at + 1n));
  expect(instance.payloads(2)).toEqual([line("before", at), line("after", at + 1n)]);
  expect(state.metrics()).toMatchObject({ malformed: broken.length, received: 2 });
  instance.nextBatch();
  const logged = state.logs.filter(({ text }) => text.includes("is no event"));
  expect(logged.length).toBe(broken.length);
  expect(logged[2]?.text).toContain('Action: Invalid key: Expected "Action" but received undefined');
  expect(logged[3]?.text).toContain("\\u001b[31mred\\u0007");
  for (const { text, severity } of logged) {
    expect(severity).toBe(4);
    expect(text).not.toMatch(/[\p{Cc}]/u);
    expect(text.length).toBeLessThan(600);
  }
});

test("a thousand broken lines are counted, and the log stays readable", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  const at = now();
  await engine.send(...Array.from({ length: 1000 }, (_, i) => `broken ${i}`), line("after", at));
  expect(instance.payloads(1)).toEqual([line("after", at)]);
  instance.nextBatch();
  expect(state.metrics().malformed).toBe(1000);
  expect(state.logs.filter(({ text }) => text.includes("is no event")).length).toBe(10);
});

test("a line's own key falco is not believed: the field stays absent, and the line is counted", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  const at = now();
  const lie = line("liar", at).replace(/\}$/, ',"falco":{"inspected":true,"container":{"privileged":false}}}');
  await engine.send(lie);
  const asks = ["docker.container.privileged", "docker.container.inspected", "docker.attributes.name"];
  const [got] = instance.take(1, (event) => ({ live: state.extract(event, asks), payload: event.payload }));
  expect(got?.live).toEqual([undefined, undefined, "liar"]);
  expect(state.extract(state.foreign(got?.payload ?? ""), asks)).toEqual([undefined, undefined, "liar"]);
  expect(got?.payload.replace(/,"falco":\{\}(?=\}$)/, "")).toBe(lie);
  expect(state.metrics().forged).toBe(1);
});

test.each([
  ["1.24", "/v1.24/events"],
  ["1.43", "/v1.43/events"],
  ["1.51", "/v1.51/events"],
  ["1.60", "/v1.60/events"],
  ["", "/events"],
  ["nonsense", "/events"],
])("an engine of API %p is asked for %s", async (apiVersion, path) => {
  await using engine = await TestEngine.start({ apiVersion });
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  expect([instance.rc, state.error]).toEqual([rc.success, ""]);
  const asked = (await engine.seen()).map((each) => each.path.replace(/\?.*/, ""));
  expect(asked[0]).toBe("/_ping");
  expect(new Set(asked.filter((each) => each.endsWith("/events")))).toEqual(new Set([path]));
  const text = line("n", now());
  await engine.send(text);
  expect(instance.payloads(1)).toEqual([text]);
});

const REFUSED = { status: 403, body: '{"message":"forbidden"}' };
const SAYS = ["Api-Version: 1.44"];
test.each([
  ["403, its header there", { "/_ping": { ...REFUSED, headers: SAYS } }, "/v1.44/events"],
  ["405 without a word", { "/_ping": { status: 405 } }, "/v1.51/events"],
  ["500, its header there", { "/_ping": { status: 500, body: "trouble", headers: SAYS } }, "/v1.44/events"],
  ["200 without its header", { "/_ping": { status: 200, body: "OK" } }, "/v1.51/events"],
  ["403, and so is /version", { "/_ping": REFUSED, "/version": REFUSED }, "/events"],
  [
    "404, and /version is a web page",
    { "/_ping": { status: 404 }, "/version": { status: 200, body: "<p>" } },
    "/events",
  ],
])("where /_ping is %s, events come all the same", async (_, answers, path) => {
  await using engine = await TestEngine.start({ answers });
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  expect([instance.rc, state.error]).toEqual([rc.success, ""]);
  const asked = (await engine.seen()).map((each) => each.path.replace(/\?.*/, ""));
  expect(asked.at(-1)).toBe(path);
  const text = line("n", now());
  await engine.send(text);
  expect(instance.payloads(1)).toEqual([text]);
});

test("an engine that does not take the version it names is asked without one, from then on", async () => {
  await using engine = await TestEngine.start({ apiVersion: "1.60", accepts: "1.51" });
  using state = new Plugin().init(CONFIG);
  using instance = state.open(engine.address);
  await engine.send(line("n", now()));
  expect(instance.payloads(1).length).toBe(1);
  await engine.seen();
  await engine.cut();
  await engine.send(line("m", now()));
  expect(instance.payloads(1).length).toBe(1);
  const paths = (await engine.seen()).map(({ path }) => path.replace(/\?.*/, ""));
  expect(new Set(paths.filter((path) => path.endsWith("/events")))).toEqual(new Set(["/events"]));
});

test.each(["docker-29.7.2.jsonl.gz", "docker-29.7.2-asked-as-1.51.jsonl.gz"])(
  "Engine 29 in its own version and in an older one, byte for byte, with the same fields: %s",
  async (recording) => {
    await using engine = await TestEngine.start({ apiVersion: "1.55" });
    using state = new Plugin().init(CONFIG);
    using instance = state.open(engine.address);
    const at = now();
    const lines = recordedLines(recording).map((text, i) =>
      text.replace(/"timeNano":\d+/, `"timeNano":${at + BigInt(i)}`),
    );
    await engine.send(...lines);
    const asks = ["docker.type", "docker.action", "docker.actor.id", "docker.time", "docker.attributes.name"];
    const got = instance.take(lines.length, (event) => ({ payload: event.payload, is: state.extract(event, asks) }));
    expect(got.map(({ payload }) => payload)).toEqual(lines);
    const wanted = lines.map((text, i) => {
      const { Type, Action, Actor } = JSON.parse(text);
      return [Type, Action, Actor.ID, at + BigInt(i), Actor.Attributes.name];
    });
    expect(got.map(({ is }) => is)).toEqual(wanted);
  },
);
