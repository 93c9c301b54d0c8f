import { expect, test } from "bun:test";
import { join } from "node:path";
import { assert } from "../../../src/base/assert.ts";

test("what holds passes", () => {
  assert(true, "never told");
});

test("what does not hold ends the process, though somebody catches it, and says what it was", () => {
  const module = JSON.stringify(join(import.meta.dir, "../../../src/base/assert.ts"));
  const script = `import { assert } from ${module}; try { assert(false, "a < b"); } catch {} setTimeout(() => process.exit(0), 5000);`;
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, "-e", script]);
  expect(exitCode).not.toBe(0);
  expect(stderr.toString()).toContain("broken promise: a < b");
});
