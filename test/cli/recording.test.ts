/** --record and --replay: what is written is whole, and what is read is what was there. */
import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestEngine } from "../support/engine.ts";
import { PROGRAM } from "../support/host.ts";
import { has } from "../support/needs.ts";
import { inspectionsOf, recordedLines } from "../support/recordings.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { environment, run } from "../support/tool.ts";

const DEMO = join(import.meta.dir, "../../src/cli/demo.jsonl");
const demo = readFileSync(DEMO, "utf8");
const count = demo.trim().split("\n").length;
const fileIn = (name: string): string => join(temporaryFolder(), name);

test.each(["events.jsonl", "events.jsonl.zst"])("%s: recorded, gone on with, replayed", (name) => {
  const file = fileIn(name);
  expect(run(["--record", file, "--demo"])).toEqual({
    code: 0,
    out: "",
    err: `docker-plugin: ${count} events are in ${file}\n`,
  });
  expect(run(["--replay", file, "--raw"]).out).toBe(demo);
  expect(run(["--record", file, "--demo", "--count", "2"]).err).toContain(`${file} exists: events are appended to it`);
  expect(run(["--replay", file, "--raw"]).out).toBe(
    demo +
      demo
        .split("\n")
        .slice(0, 2)
        .map((line) => `${line}\n`)
        .join(""),
  );
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("a plain recording is JSON lines, a compressed one is zstd's", () => {
  const plain = fileIn("events.jsonl");
  run(["--record", plain, "--demo"]);
  expect(readFileSync(plain, "utf8")).toBe(demo);
  const packed = fileIn("events.jsonl.zst");
  run(["--record", packed, "--demo"]);
  run(["--record", packed, "--demo"]);
  expect(statSync(packed).size).toBeLessThan(demo.length);
  if (!has("a recording as zstd reads it", "zstd")) return;
  expect(Bun.spawnSync(["zstd", "-dcq", packed], { env: environment }).stdout.toString()).toBe(demo + demo);
  const theirs = fileIn("theirs.jsonl.zst");
  Bun.spawnSync(["zstd", "-q", "-19", plain, "-o", theirs], { env: environment });
  expect(run(["--replay", theirs, "--raw"]).out).toBe(demo);
});

test.each(["events.jsonl", "events.jsonl.zst"])(
  "%s torn at any byte is read and gone on with, without a torn line",
  (name) => {
    const file = fileIn(name);
    run(["--record", file, "--demo", "--count", "3"]);
    run(["--record", file, "--demo", "--count", "3"]);
    const whole = readFileSync(file);
    const lines = demo.split("\n").slice(0, 3);
    const cuts = [1, 2, 5, 17, 100];
    for (const cut of cuts) {
      writeFileSync(file, whole);
      truncateSync(file, whole.length - cut);
      const { err } = run(["--record", file, "--demo", "--count", "1"]);
      expect(err).toMatch(/\d+ bytes of an event that was never written whole are cut off/);
      const read = run(["--replay", file, "--raw"]);
      expect([cut, read.err]).toEqual([cut, ""]);
      const kept = name.endsWith(".zst") ? lines : [...lines, ...lines.slice(0, -1)];
      expect([cut, read.out]).toEqual([cut, [...kept, lines[0]].map((line) => `${line}\n`).join("")]);
    }
  },
);

test.each(["events.jsonl", "events.jsonl.zst"])(
  "%s that another one writes is refused, and not when that was killed",
  async (name) => {
    const file = fileIn(name);
    await using engine = await TestEngine.start();
    const first = Bun.spawn([PROGRAM, "--record", file, "-H", engine.address], { env: environment, stderr: "ignore" });
    while ((await engine.subscribers()) === 0) await Bun.sleep(20);
    const refused = `docker-plugin: ${file}: another --record writes it; name another file, or end that\n`;
    expect(run(["--record", file, "--demo"])).toEqual({ code: 1, out: "", err: refused });
    // One that only reads it is held up by nothing.
    expect(run(["--replay", file, "--raw"]).code).toBe(0);
    first.kill("SIGKILL");
    await first.exited;
    expect(run(["--record", file, "--demo"]).code).toBe(0);
    expect(run(["--replay", file, "--raw"]).out).toBe(demo);
  },
);

test("a recording is not recorded into itself", () => {
  const file = fileIn("events.jsonl");
  run(["--record", file, "--demo"]);
  expect(run(["--record", file, "--replay", file])).toMatchObject({
    code: 2,
    err: `docker-plugin: --record and --replay name one and the same file: ${file}\n`,
  });
  expect(readFileSync(file, "utf8")).toBe(demo);
});

test("what is no recording is left alone", () => {
  for (const name of ["notes.txt", "notes.zst"]) {
    const file = fileIn(name);
    writeFileSync(file, "my notes\n");
    const { code, err } = run(["--record", file, "--demo"]);
    expect([code, err]).toEqual([1, `docker-plugin: ${file}: it is there, and no recording; it is left alone\n`]);
    expect(readFileSync(file, "utf8")).toBe("my notes\n");
  }
  expect(run(["--replay", fileIn("x.zst")]).err).toContain("there is no such file");
  const packed = fileIn("y.zst");
  writeFileSync(packed, "no zstd");
  expect(run(["--replay", packed])).toMatchObject({
    code: 1,
    err: expect.stringContaining("it is not compressed by zstd"),
  });
});

test("a full disk is said, and leaves no torn line", () => {
  const file = fileIn("events.jsonl");
  const script = `ulimit -f 16; trap '' XFSZ; exec "$0" --record ${file} --replay ${fileOfAll()}`;
  const { exitCode, stderr } = Bun.spawnSync(["bash", "-c", script, PROGRAM], { env: environment });
  expect([exitCode, stderr.toString()]).toEqual([1, `docker-plugin: ${file}: it is as large as a file may be\n`]);
  expect(readFileSync(file, "utf8")).toMatch(/^$|\n$/);
});

function fileOfAll(): string {
  const file = fileIn("all.jsonl");
  writeFileSync(file, `${recordedLines().join("\n")}\n`);
  return file;
}

test("facts are recorded, replayed and no more than facts: no environment", async () => {
  const id = "5".repeat(64);
  const inspection = JSON.parse(readFileSync(join(inspectionsOf("docker-29.7.2"), "o-root.json"), "utf8"));
  const answer = Array.isArray(inspection) ? inspection[0] : inspection;
  answer.Config.Env = ["PASSWORD=tellnobody"];
  await using engine = await TestEngine.start({ containers: { [id]: answer } });
  const file = fileIn("events.jsonl");
  const recorder = Bun.spawn([PROGRAM, "--record", file, "-H", engine.address, "-n", "2"], {
    env: environment,
    stderr: "pipe",
  });
  while ((await engine.subscribers()) === 0) await Bun.sleep(20);
  await engine.send(
    `{"Type":"container","Action":"pause","Actor":{"ID":"${id}","Attributes":{"name":"web"}},"timeNano":${Date.now()}000000}`,
  );
  expect(await recorder.exited).toBe(0);
  const text = readFileSync(file, "utf8");
  expect(text).not.toContain("tellnobody");
  expect(text).toContain('"falco":{');
  const fields = ["docker.action", "docker.container.inspected", "docker.container.command", "docker.container.mounts"];
  const replayed = run(["--replay", file, "-o", fields.map((name) => `%${name}`).join(" | ")]).out;
  expect(replayed).toMatch(/^existing \| true \| /);
  expect(replayed).not.toContain("<NA>");
  // Recorded once more it is the same, byte for byte.
  const again = fileIn("again.jsonl");
  run(["--record", again, "--replay", file]);
  expect(readFileSync(again, "utf8")).toBe(text);
});

test("--speed keeps the time between events, divided; max waits for nothing", () => {
  const file = fileIn("slow.jsonl");
  const at = (ms: number) =>
    `{"Type":"a","Action":"b","Actor":{"ID":"","Attributes":{}},"timeNano":${1_700_000_000_000 + ms}000000}\n`;
  const took = (speed: string): number => {
    const began = performance.now();
    expect(run(["--replay", file, "--speed", speed, "--raw"]).out).toBe(readFileSync(file, "utf8"));
    return performance.now() - began;
  };
  // 6 s at ten times their speed; how much longer it takes is the machine's.
  writeFileSync(file, at(0) + at(3000) + at(2000) + at(6000));
  expect(took("10")).toBeGreaterThan(590);
  expect(took("5")).toBeGreaterThan(1190);
  writeFileSync(file, at(0) + at(24 * 3_600_000));
  took("max");
});

test("a replay into a slow pipe waits for it, and loses nothing", () => {
  const file = fileIn("long.jsonl");
  // More than is ever kept for a pipe.
  const count = 30;
  const line = `{"Type":"a","Action":"b","Actor":{"ID":"","Attributes":{"l":"${"x".repeat(3_000_000)}"}},"timeNano":5}\n`;
  for (let i = 0; i < count; i++) appendFileSync(file, line);
  const script = `"$0" --replay ${file} --raw | (sleep 1; wc -l)`;
  const { stdout, stderr } = Bun.spawnSync(["bash", "-c", script, PROGRAM], { env: environment });
  expect([stdout.toString().trim(), stderr.toString()]).toEqual([String(count), ""]);
});
