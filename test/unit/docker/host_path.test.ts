import { expect, test } from "bun:test";
import { componentsOf, normalPath, spellingsOf } from "../../../src/docker/host_path.ts";

test.each([
  ["/", "/"],
  ["", "/"],
  ["//a///b/", "/a/b"],
  ["/a/./b/../c", "/a/c"],
  ["/../..", "/"],
  ["/var/run/docker.sock", "/run/docker.sock"],
  ["/var//run/", "/run"],
  ["/var/lib/../run/x", "/run/x"],
  ["/var/lock/x", "/run/lock/x"],
  // As the kernel walks: from where the link leads.
  ["/var/run/../etc", "/etc"],
  ["/var/runner", "/var/runner"],
  ["/srv/var/run", "/srv/var/run"],
])("%p is %p", (path, normal) => {
  expect(normalPath(path)).toBe(normal);
  expect(componentsOf(path)).toEqual(normal.split("/").filter(Boolean));
});

test.each([
  ["/srv", ["/srv"]],
  ["/srv/", ["/srv/", "/srv"]],
  ["/run/docker.sock", ["/run/docker.sock", "/var/run/docker.sock"]],
  ["/var/run/docker.sock", ["/var/run/docker.sock", "/run/docker.sock"]],
  ["/run/lock", ["/run/lock", "/var/run/lock", "/var/lock"]],
])("%p can be called %j", (path, names) => {
  expect(spellingsOf(path)).toEqual(names);
});
