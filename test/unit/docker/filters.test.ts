/** What fits a filter, and what is left out. */
import { expect, test } from "bun:test";
import type { DockerEvent } from "../../../src/docker/event.ts";
import { excludes, type Filters, filterQuery, hidesChanges, includesRunning } from "../../../src/docker/filters.ts";

const event = (Type: string, Action: string, ID: string, Attributes: Record<string, string> = {}): DockerEvent => ({
  Type,
  Action,
  Actor: { ID, Attributes },
  scope: "local",
  timeNano: 1n,
});

const CONTAINER = event("container", "exec_start: sh -c id", "abc123", {
  name: "web-1",
  image: "docker.io/library/nginx:1.25",
  tier: "web",
});
const IMAGE = event("image", "pull", "registry:5000/team/app:2", { name: "registry:5000/team/app" });
const NETWORK = event("network", "connect", "net1", { name: "web-net", container: "abc123" });

test.each<[Filters, boolean, boolean, boolean]>([
  [{}, false, false, false],
  [{ type: [] }, false, false, false],
  [{ type: ["container", "image"] }, true, true, false],
  [{ event: ["exec_start"] }, true, false, false],
  [{ event: ["exec"] }, false, false, false],
  [{ event: ["connect"] }, false, false, true],
  [{ scope: ["local"] }, true, true, true],
  [{ scope: ["swarm"] }, false, false, false],
  [{ label: ["tier"] }, true, false, false],
  [{ label: ["tier=web"] }, true, false, false],
  [{ label: ["tier=db"] }, false, false, false],
  [{ label: ["toString"] }, false, false, false],
  [{ image: ["nginx"] }, true, false, false],
  [{ image: ["docker.io/library/nginx:1.25"] }, true, false, false],
  [{ image: ["registry:5000/team/app"] }, false, true, false],
  [{ image: ["registry"] }, false, false, false],
  [{ container: ["web"] }, true, false, false],
  [{ container: ["abc"] }, true, false, false],
  [{ container: ["bc123"] }, false, false, false],
  [{ network: ["web"] }, false, false, true],
  [{ type: ["network"], label: ["tier=web"] }, true, false, true],
])("%j leaves out the container's %p, the image's %p, the network's %p", (filters, container, image, network) => {
  expect([CONTAINER, IMAGE, NETWORK].map(excludes(filters))).toEqual([container, image, network]);
});

test.each<[Filters, boolean]>([
  [{}, true],
  [{ event: ["die"], scope: ["swarm"] }, true],
  [{ type: ["container"], label: ["tier=web"], image: ["nginx", "other"] }, true],
  [{ type: ["image"] }, false],
  [{ label: ["tier=web", "team"] }, false],
  [{ container: ["db"] }, false],
])("%j wants a container that runs already: %p", (filters, is) => {
  expect(includesRunning(filters)(CONTAINER)).toBe(is);
});

test("filters are sets, in a query", () => {
  expect(filterQuery({})).toBe("");
  expect(filterQuery({ type: [] })).toBe("");
  const query = filterQuery({ type: ["container", "image"], label: ["a=b&c d"], event: [] });
  expect(query).toStartWith("filters=%7B");
  expect(JSON.parse(new URLSearchParams(query).get("filters") ?? "")).toEqual({
    type: { container: true, image: true },
    label: { "a=b&c d": true },
  });
});

test("which filters may hide that a container has changed", () => {
  expect(hidesChanges({})).toBe(false);
  expect(hidesChanges({ type: ["container", "network"] })).toBe(false);
  expect(hidesChanges({ type: ["container"] })).toBe(true);
  expect(hidesChanges({ event: ["start"] })).toBe(true);
});
