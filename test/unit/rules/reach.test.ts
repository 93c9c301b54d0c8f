/** Which events a rule looks at, by its condition. */
import { expect, test } from "bun:test";
import type { Rule } from "../../../build/rules/file.ts";
import { eventKinds, reachOf } from "../../../build/rules/reach.ts";
import { recordedLines } from "../../support/recordings.ts";

const looks = (condition: string, type: string, action: string): boolean =>
  reachOf([{ rule: "R", condition } as Rule])("R", { type, action });

test.each<[condition: string, type: string, action: string, looks: boolean]>([
  ["docker.type = container", "container", "start", true],
  ["docker.type = container", "image", "pull", false],
  ["docker.action in (start, die) and docker.container.privileged = true", "container", "die", true],
  ["docker.action in (start, die) and docker.container.privileged = true", "image", "start", false],
  ["not docker.action in (start, die)", "container", "start", false],
  ["not docker.container.privileged = true", "image", "pull", true],
  ['docker.action startswith "exec_start: "', "container", "exec_start", true],
  ['docker.action startswith "exec_start: "', "container", "exec_create", false],
  ["docker.action = exec", "container", "exec", true],
  ["docker.health.status = unhealthy", "container", "health_status", true],
  ["docker.health.status = unhealthy", "container", "start", false],
  ["docker.type = volume or docker.exec.tty = true", "volume", "create", true],
  ["docker.type = image and (evt.num = 0)", "image", "pull", false],
  ["docker.type = image and not (evt.num = 0)", "image", "pull", true],
])("%s: %s %s", (condition, type, action, wanted) => {
  expect(looks(condition, type, action)).toBe(wanted);
});

test("each recorded event is of a kind that the activity's rules name", () => {
  const kinds = new Set(eventKinds().map(({ type, action }) => `${type} ${action}`));
  const recorded = recordedLines().map((line) => {
    const { Type, Action } = JSON.parse(line) as { Type: string; Action: string };
    return `${Type} ${Action.replace(/:.*/s, "")}`;
  });
  expect([...new Set(recorded)].filter((kind) => !kinds.has(kind))).toEqual([]);
});
