/** Which end of a container an inspection is about. */
import { expect, test } from "bun:test";
import { exitOf } from "../../../../src/docker/inspect/exit.ts";

const BASE = 1795427240_000_000_000n;
const at = (ms: number): bigint => BASE + BigInt(ms) * 1_000_000n;
const iso = (ms: number | undefined): string =>
  ms === undefined ? "0001-01-01T00:00:00Z" : new Date(Number(at(ms) / 1_000_000n)).toISOString();

/** A container that was started and ended at these times, ms; a restarting one counts as running. */
const state = (started: number | undefined, finished: number | undefined, more: object = {}) => ({
  State: { Running: false, StartedAt: iso(started), FinishedAt: iso(finished), ExitCode: 5, OOMKilled: false, ...more },
});

test.each([
  ["the end that the event tells of", "die", state(0, 90), { code: 5, oomKilled: false }],
  [
    "the end, and the engine is about to start it again",
    "die",
    state(0, 90, { Running: true, Restarting: true }),
    { code: 5, oomKilled: false },
  ],
  ["it has been started again since", "die", state(95, 90, { Running: true, ExitCode: 0 }), undefined],
  ["it has ended once more since", "die", state(95, 120), undefined],
  ["it was started after the event", "die", state(110, 90), undefined],
  ["it runs, and never ended", "stop", state(0, undefined, { Running: true, ExitCode: 0 }), undefined],
  ["it was never started", "die", state(undefined, undefined), undefined],
  [
    "its process is about to be killed",
    "oom",
    state(0, undefined, { Running: true, ExitCode: 0, OOMKilled: true }),
    { oomKilled: true },
  ],
  [
    "another process of it was killed, and nothing says so",
    "oom",
    state(0, undefined, { Running: true, ExitCode: 0 }),
    undefined,
  ],
  [
    "it ended after it was killed",
    "oom",
    state(0, 110, { ExitCode: 137, OOMKilled: true }),
    { code: 137, oomKilled: true },
  ],
  ["it was killed in the run before", "oom", state(120, 110, { OOMKilled: true }), undefined],
])("%s", (_, action, json, expected) => {
  expect(exitOf(json, action, at(100))).toEqual(expected);
});

test("what is no inspection tells of no end", () => {
  expect(exitOf("{}", "die", at(100))).toBeUndefined();
  expect(exitOf({}, "die", at(100))).toBeUndefined();
});
