import { expect, test } from "bun:test";
import { didYouMean, nearest } from "../../../src/base/nearest.ts";

const NAMES = ["dump", "demo", "docker.type", "docker.container.privileged", "docker.exec.privileged", "since"];

test.each([
  ["dmup", "dump"],
  ["dum", "dump"],
  ["dumpp", "dump"],
  ["DUMP", "dump"],
  ["sicne", "since"],
  ["docker.typ", "docker.type"],
  ["docker.container.priviledged", "docker.container.privileged"],
  ["zzz", undefined],
  ["", undefined],
  ["x".repeat(100_000), undefined],
])("%p is nearest to %p", (word, name) => {
  expect(nearest(word, NAMES)).toBe(name);
});

test("a hint names what was meant, or nothing", () => {
  expect(didYouMean("dmup", NAMES, "--")).toBe("; did you mean --dump?");
  expect(didYouMean("privileged", NAMES)).toBe("; did you mean docker.container.privileged or docker.exec.privileged?");
  expect(didYouMean("nothing like it", NAMES)).toBe("");
});
