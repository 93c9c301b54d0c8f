import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Checkpoint } from "../../../src/runtime/checkpoint.ts";
import { failToOpen, NOWHERE } from "../../support/session.ts";
import { temporaryFolder } from "../../support/temporary.ts";

test("a session that could not be opened leaves what the next one needs", async () => {
  const base = join(temporaryFolder(), "resume");
  const state = new Checkpoint(base, NOWHERE);
  state.keep({ began: 1n, fingerprints: [] });
  expect(await failToOpen(base)).toContain("no Docker Engine at");
  expect(existsSync(state.path)).toBe(true);
});

test("a session that could not be opened leaves nothing that runs: a process with no more than that ends", () => {
  const support = JSON.stringify(join(import.meta.dir, "../../support/session.ts"));
  const script = `import { failToOpen } from ${support}; console.log(await failToOpen(""));`;
  // A ping every ten seconds would keep it.
  const { exitCode, stdout } = Bun.spawnSync([process.execPath, "-e", script], { timeout: 8_000 });
  expect([exitCode, stdout.toString()]).toEqual([0, expect.stringContaining("no Docker Engine at")]);
});
