/** --through: what comes through the ABI of the built library is what comes directly, and what is not is told. */
import { expect, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestEngine } from "../support/engine.ts";
import { BUILT, PROGRAM } from "../support/host.ts";
import { inspectionsOf, recordedLines } from "../support/recordings.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { environment, run } from "../support/tool.ts";

test("what real engines sent is the same through the ABI", () => {
  const file = join(temporaryFolder(), "events.jsonl");
  const lines = recordedLines();
  writeFileSync(file, `${lines.join("\n")}\n`);
  const { code, out, err } = run(["--through", "--replay", file, "--json"]);
  const said = `${lines.length} events came through the ABI; nothing differs from the direct way`;
  expect([code, err]).toEqual([0, `docker-plugin: ${said}\n`]);
  expect(out).toBe(run(["--replay", file, "--json"]).out);
});

test.each(["--raw", "--output %docker.container.mount[/x]%docker.attributes[name]%evt.num", "--columns time,type"])(
  "its forms are those of --dump: %s",
  (form) => {
    const { code, out } = run(["--through", "--demo", ...form.split(" ")]);
    expect(code).toBe(0);
    expect(out).toBe(run(["--dump", "--demo", ...form.split(" ")]).out);
  },
);

test("a live engine's events come by both ways, with what was found out about them", async () => {
  const id = "5".repeat(64);
  const inspection = JSON.parse(await Bun.file(join(inspectionsOf("docker-29.7.2"), "o-root.json")).text());
  const container = Array.isArray(inspection) ? inspection[0] : inspection;
  await using engine = await TestEngine.start({ containers: { [id]: container } });
  const format = "%docker.action %docker.container.inspected %docker.container.command";
  const tool = Bun.spawn([PROGRAM, "--through", "-H", engine.address, "-o", format, "-n", "21"], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  while ((await engine.subscribers()) < 2) await Bun.sleep(20);
  for (let i = 0; i < 20; i++)
    await engine.send(
      `{"Type":"container","Action":"pause","Actor":{"ID":"${id}","Attributes":{"name":"web"}},"timeNano":${Date.now()}${String(i).padStart(6, "0")}}`,
    );
  const [out, err] = await Promise.all([new Response(tool.stdout).text(), new Response(tool.stderr).text()]);
  const shown = out.trimEnd().split("\n");
  expect(shown.length).toBe(21);
  expect(shown[0]).toMatch(/^existing true \S/);
  for (const line of shown.slice(1)) expect(line).toMatch(/^pause true \S/);
  expect(err).toContain("21 events came through the ABI; nothing differs from the direct way\n");
  expect(await tool.exited).toBe(0);
});

test("Ctrl-C ends it, and its runtime is gone with it", async () => {
  await using engine = await TestEngine.start();
  const tool = Bun.spawn([PROGRAM, "--through", "-H", engine.address], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  while ((await engine.subscribers()) < 2) await Bun.sleep(20);
  tool.kill("SIGINT");
  expect(await new Response(tool.stderr).text()).toContain("0 events came through the ABI; nothing differs");
  expect(await tool.exited).toBe(0);
  while ((await engine.subscribers()) > 0) await Bun.sleep(20);
});

test("what does not load or start is said", () => {
  expect(run(["--through", "/nowhere/x.so", "--demo"])).toMatchObject({
    code: 1,
    err: "docker-plugin: there is no /nowhere/x.so; name the library: --through FILE\n",
  });
  const folder = temporaryFolder();
  const none = join(folder, "none.so");
  writeFileSync(none, "none");
  expect(run(["--through", none, "--demo"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("cannot be loaded"),
  });
  // Without its program beside it.
  const alone = join(folder, "libdocker.so");
  copyFileSync(BUILT, alone);
  const { code, err } = run(["--through", alone, "--demo"]);
  expect(code).toBe(1);
  expect(err).toContain("docker-plugin");
  expect(err).not.toMatch(/ at .*\.ts/);
});
