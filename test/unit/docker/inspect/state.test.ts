import { expect, test } from "bun:test";
import { inspectState, stateFactsOf } from "../../../../src/docker/inspect/state.ts";
import { inspectionOf } from "../../../support/recordings.ts";

test("the state of recorded containers", () => {
  expect(inspectState(inspectionOf("docker-20.10.24", "cap-all-created"))).toStrictEqual({
    running: false,
    exitCode: 0,
    oomKilled: false,
  });
  expect(inspectState(inspectionOf("docker-20.10.24", "oom"))).toStrictEqual({
    running: false,
    exitCode: 137,
    oomKilled: true,
    startedAt: "1795427265698784808",
    finishedAt: "1795427265739614857",
  });
  for (const engine of ["docker-29.7.2", "podman-5.8.6"] as const)
    expect(inspectState(inspectionOf(engine, "base"))).toMatchObject({
      running: true,
      pid: expect.any(Number),
      startedAt: expect.stringMatching(/^1795\d{15}$/),
    });
});

test("a container that is started again has the end of before", () => {
  const State = {
    Running: true,
    Pid: 7,
    ExitCode: 5,
    OOMKilled: false,
    StartedAt: "1970-01-01T00:00:02.000000001Z",
    FinishedAt: "1970-01-01T00:00:01+00:00",
  };
  expect(inspectState({ State })).toStrictEqual({
    running: true,
    pid: 7,
    exitCode: 5,
    oomKilled: false,
    startedAt: "2000000001",
    finishedAt: "1000000000",
  });
});

test("what is wrong is absent, and only that", () => {
  for (const State of [undefined, null, 7, "x", [], {}]) expect(inspectState({ State })).toStrictEqual({});
  const wrong = { Running: "yes", Pid: -1, ExitCode: 1.5, OOMKilled: 0, StartedAt: "now", FinishedAt: 5 };
  for (const [key, value] of Object.entries(wrong))
    expect(inspectState({ State: { Running: true, [key]: value } })).toStrictEqual(
      key === "Running" ? {} : { running: true },
    );
});

test("the facts of a life", () => {
  expect(stateFactsOf(inspectionOf("docker-20.10.24", "plain"))).toStrictEqual({
    pid: 16154,
    startedAt: "1795427243952833569",
    restartCount: 0,
    restartPolicy: "no",
    autoRemove: false,
  });
  expect(stateFactsOf({})).toStrictEqual({});
});

test.each([
  [{ Name: "", MaximumRetryCount: 0 }, "no"],
  [{ Name: "always" }, "always"],
  [{ Name: "on-failure", MaximumRetryCount: 0 }, "on-failure"],
  [{ Name: "on-failure", MaximumRetryCount: 3 }, "on-failure:3"],
  [{ MaximumRetryCount: 3 }, undefined],
])("the restart policy %p is %p", (RestartPolicy, policy) => {
  expect(stateFactsOf({ HostConfig: { RestartPolicy } }).restartPolicy).toBe(policy as string);
});
