/** Which exec is the container's health check. */
import { expect, test } from "bun:test";
import { type Asked, isProbe, type Probed, probeOf, readsAsProbe } from "../../../src/docker/healthcheck.ts";

test.each([
  [["CMD", "curl", "-f", "x"], undefined, ["curl", "-f", "x"]],
  [["CMD-SHELL", "curl x"], undefined, ["/bin/sh", "-c", "curl x"]],
  [
    ["CMD-SHELL", "curl x"],
    ["/bin/bash", "-ec"],
    ["/bin/bash", "-ec", "curl x"],
  ],
  [["NONE"], undefined, undefined],
  [["CMD"], undefined, undefined],
  [[], undefined, undefined],
  [["true", "x"], undefined, undefined],
  [undefined, undefined, undefined],
])("%p by the shell %p runs %p", (healthcheck, shell, probe) => {
  expect(probeOf({ healthcheck, shell })).toEqual(probe);
});

const container: Probed = { healthcheck: ["CMD-SHELL", "curl x"], user: "app" };
const probe: Asked = { command: ["/bin/sh", "-c", "curl x"], user: "app", tty: false, privileged: false };
const long = `${"x".repeat(4096)}…`;

test.each([
  ["the same", container, probe, true],
  ["by another user", container, { ...probe, user: "root" }, false],
  ["on a terminal", container, { ...probe, tty: true }, false],
  ["privileged", container, { ...probe, privileged: true }, false],
  ["other arguments with the same text", container, { ...probe, command: ["/bin/sh", "-c", "curl", "x"] }, false],
  ["more of them", container, { ...probe, command: ["/bin/sh", "-c", "curl x", "y"] }, false],
  ["less of them", container, { ...probe, command: ["/bin/sh", "-c"] }, false],
  ["a command that is not known", container, { ...probe, command: undefined }, false],
  ["a container without a health check", { user: "app" }, probe, false],
  ["one that was cut", { healthcheck: ["CMD", long], user: "app" }, { ...probe, command: [long] }, false],
  ["in the exec form", { healthcheck: ["CMD", "/probe"], user: "app" }, { ...probe, command: ["/probe"] }, true],
] as const)("%s", (_, container, exec, is) => expect(isProbe(container, exec)).toBe(is));

test("the text of an event alone", () => {
  expect(readsAsProbe(container, "/bin/sh -c curl x")).toBe(true);
  expect(readsAsProbe(container, "/bin/sh -c curl x ")).toBe(false);
  expect(readsAsProbe({ healthcheck: ["CMD", "/probe"] }, "/probe ")).toBe(true);
  expect(readsAsProbe({}, " ")).toBe(false);
});
