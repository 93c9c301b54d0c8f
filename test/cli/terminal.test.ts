/** On a terminal: as wide as that is, coloured where it should be, and never acted on by what an engine sends. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestEngine } from "../support/engine.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { Terminal } from "../support/tool.ts";

const ESC = "\x1b";
const HOSTILE = `\\u001b[2J\\u009b\\u202e\\r\\n${"x".repeat(300)}\\u001b]0;evil\\u0007`;

/** A recording whose every text is hostile. */
function hostileFile(): string {
  const file = join(temporaryFolder(), "hostile.jsonl");
  const attributes = `{"name":"${HOSTILE}","image":"${HOSTILE}","${HOSTILE}":"${HOSTILE}"}`;
  const event = (action: string) =>
    `{"status":"${HOSTILE}","id":"${HOSTILE}","Type":"container","Action":"${action}${HOSTILE}","Actor":{"ID":"${HOSTILE}","Attributes":${attributes}},"scope":"${HOSTILE}","timeNano":5}\n`;
  writeFileSync(file, `${event("exec_create: ")}${event("start")}nonsense ${ESC}[2J\n`);
  return file;
}

test.each([
  ["", 80],
  ["", 200],
  ["", 45],
  ["--relative", 12],
  ["--columns time,type,action,attributes.name,attributes.image", 80],
  ["--columns time,type,action,attributes.name,attributes.image", 200],
] as const)("%p at %d columns: no line is wider", async (form, columns) => {
  await using terminal = new Terminal(`exec "$0" --dump --demo ${form}`, columns);
  expect(await terminal.process.exited).toBe(0);
  const lines = terminal.lines.filter(Boolean);
  expect(lines.length).toBeGreaterThan(40);
  expect(Math.max(...lines.map((line) => Bun.stringWidth(line)))).toBeLessThanOrEqual(columns);
  // Wide enough to be used: at 200 columns more is shown than at 80.
  if (columns === 200) expect(Math.max(...lines.map((line) => line.length))).toBeGreaterThan(80);
});

test.each([
  "",
  "--json",
  "--raw",
  "--output '%docker.action %evt.plugininfo'",
  "--columns action,attributes.name",
  "--relative",
])("what an engine sends does not act on a terminal: %p", async (form) => {
  // One that is so wide shows all of a line.
  for (const columns of [80, 5_000]) {
    await using terminal = new Terminal(`exec "$0" --color never --replay ${hostileFile()} ${form}`, columns);
    expect(await terminal.process.exited).toBe(0);
    // Newlines and returns are the terminal's own; all else that acts is a fault.
    expect(terminal.shown.replaceAll("\r\n", "")).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(terminal.lines.filter(Boolean).length).toBeGreaterThanOrEqual(form.startsWith("--columns") ? 4 : 3);
  }
});

test("colours are for terminals, and NO_COLOR and --color decide", async () => {
  const coloured = async (args: string, env: Record<string, string> = {}) => {
    await using terminal = new Terminal(`exec "$0" --dump --demo ${args}`, 80, env);
    await terminal.process.exited;
    return terminal.shown.includes(`${ESC}[`);
  };
  expect(await coloured("")).toBe(true);
  expect(await coloured("", { NO_COLOR: "1" })).toBe(false);
  expect(await coloured("", { NO_COLOR: "" })).toBe(true);
  expect(await coloured("", { TERM: "dumb" })).toBe(false);
  expect(await coloured("--color always", { NO_COLOR: "1" })).toBe(true);
  expect(await coloured("--color never")).toBe(false);
  expect(await coloured("| cat")).toBe(false);
});

test("a recording's progress is shown on stderr, and gone at the end", async () => {
  await using terminal = new Terminal(`exec "$0" --dump --demo --speed 5 > /dev/null`);
  expect(await terminal.process.exited).toBe(0);
  expect(terminal.shown).toMatch(/replaying \[#+ +\] \d+ %/);
  expect(terminal.lines.at(-1)).toBe("");
});

const event = (i: number) =>
  `{"Type":"volume","Action":"create","Actor":{"ID":"v${i}","Attributes":{}},"timeNano":${Date.now()}${String(i).padStart(6, "0")}}`;

test("Ctrl-C ends it", async () => {
  await using engine = await TestEngine.start();
  await using terminal = new Terminal(`"$0" --dump -H ${engine.address}; echo "ended with $?"`);
  await terminal.shows("Ctrl-C ends");
  await engine.send(event(1));
  await terminal.shows("v1");
  terminal.type("\x03");
  await terminal.shows("ended with 0");
});

test("Ctrl-Z lets the engine go, and fg goes on where it was, with nothing twice and nothing missing", async () => {
  await using engine = await TestEngine.start();
  await using terminal = new Terminal(
    `set -m; "$0" --dump -H ${engine.address} & fg >/dev/null; echo stopped; read -r line; fg >/dev/null; echo "ended with $?"`,
  );
  await terminal.shows("Ctrl-C ends");
  await engine.send(event(1));
  await terminal.shows("v1");
  terminal.type("\x1a");
  await terminal.shows("stopped");
  while ((await engine.subscribers()) > 0) await Bun.sleep(10);
  await engine.send(event(2));
  // Longer than any timer that could stop it once more.
  await Bun.sleep(200);
  terminal.type("\n");
  await terminal.shows("v2");
  await engine.send(event(3));
  await terminal.shows("v3");
  terminal.type("\x03");
  await terminal.shows("ended with 0");
  const named = terminal.lines.flatMap((line) => /volume +create +(v\d)/.exec(line)?.[1] ?? []);
  expect(named).toEqual(["v1", "v2", "v3"]);
  expect(terminal.shown).not.toContain("lost");
});

test("more than a terminal can draw is counted and told, and the engine is not held up", async () => {
  await using engine = await TestEngine.start();
  await using terminal = new Terminal(`exec "$0" --dump -H ${engine.address}`);
  await terminal.shows("Ctrl-C ends");
  // Ctrl-S: the terminal takes nothing any more.
  terminal.type("\x13");
  const line = `{"Type":"volume","Action":"create","Actor":{"ID":"v@","Attributes":{}},"timeNano":#}`;
  await engine.flow(line, 10_000, 20_000);
  while ((await engine.flowed()).flowed < 20_000) await Bun.sleep(50);
  expect((await engine.flowed()).dropped).toBe(0);
  terminal.type("\x11");
  const drawn = () => terminal.lines.filter((each) => /volume +create +v\d{9}/.test(each)).length;
  const missed = () =>
    [...terminal.shown.matchAll(/(\d+) events were not drawn/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  while (drawn() + missed() < 20_000) await Bun.sleep(20);
  expect(drawn() + missed()).toBe(20_000);
  expect(missed()).toBeGreaterThan(10_000);
  await engine.send(event(1));
  await terminal.shows("v1");
});
