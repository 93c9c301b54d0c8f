/** The tool beside a real libsinsp: what it prints is what that prints, and what --explain says is what that says. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { printable } from "../../src/base/text.ts";
import { captureOf } from "../../src/cli/explain/capture.ts";
import { fields } from "../../src/plugin/fields.ts";
import { parseEnriched } from "../../src/sensor/enrichment.ts";
import { recordedLines } from "../support/recordings.ts";
import { missing, PROGRAM, run as sysdig, tellIfMissing } from "../support/sinsp.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { run } from "../support/tool.ts";

tellIfMissing("the tool beside a real libsinsp");
const real = test.skipIf(missing !== undefined);

// What is longer evt.plugininfo is cut down to (ffi/host/plugin.c, TEXT_MAX), and not by us.
const lines = recordedLines().filter((line) => line.length < 2_000);
const folder = temporaryFolder();
const recording = join(folder, "events.jsonl");
const capture = join(folder, "events.scap");
writeFileSync(recording, `${lines.join("\n")}\n`);
writeFileSync(
  capture,
  captureOf(lines.map((payload) => ({ payload, timeNano: parseEnriched(payload, "engine").timeNano }))),
);

real("--output prints each field, and those of any event, as libsinsp does", async () => {
  const asked = fields.map(({ name, key }) => (key === undefined ? name : `${name}[name]`));
  const generic = ["num", "time", "datetime", "rawtime", "source", "pluginname", "plugininfo"].map(
    (name) => `evt.${name}`,
  );
  const around = ["toupper(docker.type)", "tolower(docker.action)", "toupper(tolower(docker.id))"];
  const format = [...generic, ...asked, ...around].map((name) => `%${name}`).join(" | ");
  // A value may hold a newline, so the end of an event is marked. The star has libsinsp print an event that lacks one of the fields.
  const { stdout, code } = await sysdig({ statefile: "" }, "-r", capture, "-p", `*${format}<END>`);
  expect(code).toBe(0);
  const { out } = run(["--replay", recording, "--output", `${format}<END>`]);
  const ours = out.split("<END>\n");
  const theirs = stdout.split("<END>\n").map(printable);
  expect(theirs.length).toBe(lines.length + 1);
  for (const [i, line] of theirs.entries()) expect(ours[i]).toBe(line);
});

real("--output prints what transformers make of a text as libsinsp does", async () => {
  const format = "%toupper(docker.type) %tolower(toupper(docker.action))<END>";
  const { stdout } = await sysdig({ statefile: "" }, "-r", capture, "-p", format);
  expect(run(["--replay", recording, "--output", format]).out).toBe(
    stdout.split("<END>\n").map(printable).join("<END>\n"),
  );
});

real("--explain says which events match, with macros, lists and exceptions, as libsinsp does", async () => {
  const rules = join(folder, "rules.yaml");
  writeFileSync(
    rules,
    `- list: ends
  items: [die, "kill"]
- list: more
  items: [ends, oom]
- macro: of_container
  condition: docker.type = container or docker.type = "no such"
- rule: Ends
  condition: of_container and docker.action in (more) and not docker.attributes.signal exists
  output: x
  source: docker
  exceptions:
    - name: known
      fields: [docker.action, docker.attributes.name]
      comps: [in, startswith]
      values:
        - [ends, "x y"]
        - [[die, oom], a]
    - name: code
      fields: docker.attributes.exitcode
      values: ["137"]
`,
  );
  const filter =
    "docker.type = container and docker.action in (die, kill, oom) and not docker.attributes.signal exists" +
    " and not ((docker.action in (die, kill) and docker.attributes.name startswith 'x y')" +
    " or (docker.action in (die, oom) and docker.attributes.name startswith a)) and not docker.attributes.exitcode in (137)";
  const { stdout } = await sysdig({ statefile: "" }, "-r", capture, "-p", "%evt.num", filter);
  const expected = stdout.split("\n").filter(Boolean).map(Number);
  expect(expected.length).toBeGreaterThan(10);
  const { code, out, err } = run(["--explain", rules, "--replay", recording], {
    env: { PATH: `${dirname(PROGRAM)}:${Bun.env.PATH}` },
  });
  const verdicts = [...out.matchAll(/^ {2}(matches|no match) +Ends$/gm)].map(([, verdict]) => verdict);
  expect(verdicts.length).toBe(lines.length);
  expect(verdicts.flatMap((verdict, i) => (verdict === "matches" ? [i + 1] : []))).toEqual(expected);
  expect(err).toBe(`docker-plugin: Ends: matches ${expected.length} of ${lines.length} events\n`);
  expect(code).toBe(0);
});
