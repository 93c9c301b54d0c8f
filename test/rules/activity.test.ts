/** The activity's rules over all that real engines sent, in a real libsinsp: each event is told of by one of them. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { itemsOf, textOf, writtenOut } from "../../build/rules/file.ts";
import { eventKinds } from "../../build/rules/reach.ts";
import { TestEngine } from "../support/engine.ts";
import { recordedLines } from "../support/recordings.ts";
import { capture, missing, run, tellIfMissing } from "../support/sinsp.ts";
import { temporaryFolder } from "../support/temporary.ts";

tellIfMissing("the activity's rules over recorded events");

const config = { statefile: "", snapshot: false, inspect: false };

test("no two rules are about one action", () => {
  const kinds = eventKinds().map(({ type, action }) => `${type} ${action}`);
  expect(kinds.filter((kind, i) => kinds.indexOf(kind) !== i)).toEqual([]);
});

test.skipIf(missing !== undefined)("each recorded event is told of", async () => {
  const base = BigInt(Date.now()) * 1_000_000n;
  const lines = recordedLines().map((line, i) =>
    line.replace(/"timeNano":\d+(?=[,}])/, `"timeNano":${base + BigInt(i)}`),
  );
  const file = join(temporaryFolder(), "recorded.scap");
  await using engine = await TestEngine.start();
  await capture(engine, config, lines, file);
  const any = writtenOut(itemsOf(textOf("docker_activity_rules.yaml")))
    .map(({ condition }) => `(${condition})`)
    .join(" or ");
  const untold = await run(config, "-r", file, "-p", "*%docker.type %docker.action", `not (${any})`);
  expect([untold.stderr, untold.stdout]).toEqual(["", ""]);
  const told = await run(config, "-r", file, "-p", "%evt.num", any);
  expect(told.stdout.trim().split("\n").length).toBe(lines.length);
});
