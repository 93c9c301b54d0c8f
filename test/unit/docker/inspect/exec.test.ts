import { describe, expect, test } from "bun:test";
import { type ExecInspection, inspectExec } from "../../../../src/docker/inspect/exec.ts";

describe("an exec", () => {
  // As dockerd 20.10.24 answered.
  const answer = (ProcessConfig: unknown) => ({
    ID: "696feba8d44f0214a715d1ff5935a1522d41c7edbe32cba01c3f942a0d83be2c",
    Running: false,
    ExitCode: null,
    ProcessConfig,
    CanRemove: false,
    ContainerID: "dda81cb0e6ff8ae9963cbd409fb5541de17196493a5ba52e82015f6f9fee97b0",
    DetachKeys: "",
    Pid: 0,
  });
  const containerId = "dda81cb0e6ff8ae9963cbd409fb5541de17196493a5ba52e82015f6f9fee97b0";
  const cases: [what: string, answer: unknown, expected: ExecInspection][] = [
    [
      "privileged, on a terminal, with quotes",
      answer({ tty: true, entrypoint: "sh", arguments: ["-c", 'echo "a b"'], privileged: true, user: "root" }),
      { containerId, user: "root", privileged: true, tty: true, command: ["sh", "-c", 'echo "a b"'] },
    ],
    [
      "plain, by no user",
      answer({ tty: false, entrypoint: "ls", arguments: [], privileged: false }),
      { containerId, user: "", privileged: false, tty: false, command: ["ls"] },
    ],
    [
      "null and wrong parts",
      answer({ tty: 1, entrypoint: "ls", arguments: null, privileged: "no", user: null }),
      { containerId, command: ["ls"] },
    ],
    ["no process", answer(null), { containerId }],
    ["nothing", {}, {}],
    ["a message", { message: "No such exec instance: x" }, {}],
  ];
  test.each(cases)("%s", (_, json, expected) => {
    expect(inspectExec(json)).toStrictEqual(expected);
  });
});
