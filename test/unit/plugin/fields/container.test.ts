/** What the fields of a container make of its part. */
import { describe, expect, test } from "bun:test";
import type { Pairs } from "../../../../src/plugin/fields/field.ts";
import { fields } from "../../../../src/plugin/fields.ts";
import type { ContainerPart } from "../../../../src/sensor/enrichment.ts";

/** What a field takes of a container; of one with an argument its pairs. */
function taken(name: string, container: ContainerPart): unknown {
  const source = fields.find((field) => field.name === `docker.container.${name}`)?.source;
  if (source === undefined || !("take" in source)) throw new Error(`no field ${name}`);
  return source.take(container as never);
}

/** What a rule gets for an argument: of several the first. */
const keyed = (name: string, key: string, container: ContainerPart): string | undefined =>
  (taken(name, container) as Pairs).find(([each]) => each === key)?.[1];

describe("mounts", () => {
  const bind = { mode: "rw", type: "bind", propagation: "rprivate" };
  const mounts = [
    { ...bind, source: "/run/docker.sock", destination: "/a" },
    { ...bind, source: "/run/docker.sock", destination: "/b", mode: "ro", propagation: "rslave" },
    { ...bind, source: "/var/lock//x/", destination: "/c" },
    { source: "", destination: "/tmp", mode: "rw", type: "tmpfs" },
  ];

  test("by source, whatever a rule calls it, and of several the first", () => {
    for (const path of ["/run/docker.sock", "/var/run/docker.sock"])
      expect(keyed("mountsource", path, { mounts })).toBe("/a");
    for (const path of ["/var/lock//x/", "/run/lock/x", "/var/lock/x", "/var/run/lock/x"])
      expect(keyed("mountsource", path, { mounts })).toBe("/c");
    expect(keyed("mountsource", "", { mounts })).toBeUndefined();
    expect(keyed("mountsource", "/", { mounts })).toBeUndefined();
  });

  test("by destination", () => {
    expect(keyed("mount", "/b", { mounts })).toBe("/run/docker.sock");
    expect(keyed("mountmode", "/a", { mounts })).toBe("rw");
    expect(keyed("mountmode", "/b", { mounts })).toBe("ro");
    expect(keyed("mountpropagation", "/b", { mounts })).toBe("rslave");
    // An older capture tells of none.
    expect(keyed("mountpropagation", "/tmp", { mounts })).toBeUndefined();
  });
});

test("a device by its path on the host, whatever a rule calls it", () => {
  const devices = ["/dev/sda:/dev/xvda:r", "/dev//fuse:/dev/fuse:", "::"];
  expect(keyed("device", "/dev/sda", { devices })).toBe("r");
  expect(keyed("device", "/dev/fuse", { devices })).toBe("rwm");
  expect(keyed("device", "/dev/xvda", { devices })).toBeUndefined();
  expect(keyed("device", "/", { devices })).toBeUndefined();
});

test.each([
  [["CMD-SHELL", "curl -f http://localhost/ || exit 1"], "curl -f http://localhost/ || exit 1"],
  [["CMD", "pg_isready", "-U", "x"], "pg_isready -U x"],
  [["NONE"], ""],
  [["true"], "true"],
])("the health check %j is %p", (healthcheck, text) => {
  expect(taken("healthcheck", { healthcheck })).toBe(text);
});

test("what was cut is named as the field is", () => {
  expect(taken("cut", { cut: ["capAdd", "devices"] })).toEqual(["capadd", "devices"]);
});

test("of a part with nothing in it, no field has a value", () => {
  const values = fields
    .filter(({ name }) => name.startsWith("docker.container."))
    .flatMap(({ name, source }) =>
      "take" in source &&
      !["docker.container.id", "docker.container.name", "docker.container.uninspected"].includes(name)
        ? [[name, source.take({} as never)]]
        : [],
    );
  expect(values.length).toBeGreaterThan(40);
  expect(values.filter(([, value]) => value !== undefined)).toEqual([]);
});
