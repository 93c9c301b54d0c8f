/** No test may end more than what it means. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { signalTo } from "../support/signal.ts";

const tests = join(import.meta.dir, "..");

test.each([undefined, -1, 0, 1, Number.NaN, 1.5])("what is no process gets no signal: %p", (pid) => {
  // Not one that could end anything, were it sent.
  expect(() => signalTo(pid, "SIGWINCH")).toThrow("no process to send SIGWINCH to");
});

test("every other test signals by that way", () => {
  const files = [...new Bun.Glob("**/*.ts").scanSync({ cwd: tests })].filter((file) => file !== "support/signal.ts");
  expect(files.length).toBeGreaterThan(50);
  // With two arguments it is the process's own kill, and no Bun.Subprocess of that name.
  const byNumber = /\bprocess\.kill\((?!process\.pid,)[^()]*(?:\([^()]*\)[^()]*)*,/;
  expect("process.kill(pid() ?? -1, signal)").toMatch(byNumber);
  expect(files.filter((file) => byNumber.test(readFileSync(join(tests, file), "utf8")))).toEqual([
    "unit/signal.test.ts",
  ]);
});
