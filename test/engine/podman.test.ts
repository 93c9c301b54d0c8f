/** What a real podman tells of containers and images, through its Docker-compatible API. */
import { expect, test } from "bun:test";
import { type Ask, Plugin, type Value } from "../support/host.ts";
import { aptInstall, skipped } from "../support/needs.ts";
import { PODMAN_NEEDS, Podman } from "../support/podman.ts";

const ASKS: Ask[] = [
  ...["docker.container.inspected", "docker.container.nonewprivileges", "docker.container.image.id"],
  ...["docker.image.digests", "docker.image.created"],
  ["docker.image.label", "org.example.team"],
];

test("the facts of a container's image, and of an image that is of no registry", async () => {
  const engine = await Podman.start();
  if (typeof engine === "string") return skipped("a real podman", engine, aptInstall(...PODMAN_NEEDS));
  await using podman = engine;
  podman.makeImage("localhost/bb:1", "LABEL org.example.team=web");
  const imageId = podman.podman("image", "inspect", "-f", "{{.Id}}", "localhost/bb:1");
  const time = podman.podman("image", "inspect", "-f", "{{.Created.UnixNano}}", "localhost/bb:1");
  using state = new Plugin().init('{"statefile": "", "inspecttimeout": 10000}');
  using instance = state.open(podman.address);
  // What it gives all containers is known from here on.
  expect(instance.take(1, (event) => state.extract(event, ["docker.type", "docker.action"]))).toEqual([
    ["daemon", "existing"],
  ]);
  const create = (...options: string[]) => {
    const id = podman.podman("create", "--network", "none", ...options, "localhost/bb:1", "sleep", "60");
    let values: Value[] | undefined;
    while (values === undefined)
      for (const event of instance.nextBatch().events) {
        const [action, of] = state.extract(event, ["docker.action", "docker.container.id"]);
        if (action === "create" && of === id) values = state.extract(event, ASKS);
      }
    return values;
  };
  const id = expect.stringContaining(imageId);
  expect(create()).toEqual([true, false, id, undefined, BigInt(time), "web"]);
  expect(create("--security-opt", "no-new-privileges")).toEqual([true, true, id, undefined, BigInt(time), "web"]);
}, 60_000);
