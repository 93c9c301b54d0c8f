import { expect, test } from "bun:test";
import { mountFactsOf } from "../../../../src/docker/inspect/mounts.ts";
import { inspectionOf } from "../../../support/recordings.ts";

test("mounts, by destination", () => {
  const Mounts = [
    { Type: "bind", Source: "/etc/localtime", Destination: "/z", Mode: "ro", RW: false, Propagation: "rslave" },
    { Type: "tmpfs", Source: "", Destination: "/tm2", Mode: "", RW: true, Propagation: "" },
    { Type: "volume", Name: "v", Source: "/d/volumes/v/_data", Destination: "/a", Mode: "z", RW: true },
    { Type: "bind", Source: "/b", Destination: "/b", Mode: "z,ro" },
    { Type: "bind", Source: "/a:b", Destination: "/B:c", Mode: "ro", RW: true },
    { Destination: "/c" },
    { Type: "bind", Source: "/nowhere" },
  ];
  expect(mountFactsOf({ Mounts })).toStrictEqual({
    mounts: [
      { source: "/a:b", destination: "/B:c", mode: "rw", type: "bind" },
      { source: "/d/volumes/v/_data", destination: "/a", mode: "rw", type: "volume" },
      { source: "/b", destination: "/b", mode: "z,ro", type: "bind" },
      { source: "", destination: "/c", mode: "", type: "" },
      { source: "", destination: "/tm2", mode: "rw", type: "tmpfs" },
      { source: "/etc/localtime", destination: "/z", mode: "ro", type: "bind", propagation: "rslave" },
    ],
  });
});

test("the order of mounts in the answer does not matter", () => {
  const mounts = ["/c", "/a", "/b", "/a/b", "/é"].map((path) => ({ Type: "bind", Source: path, Destination: path }));
  expect(mountFactsOf({ Mounts: mounts.toReversed() })).toStrictEqual(mountFactsOf({ Mounts: mounts }));
});

test("recorded mounts, and the containers whose mounts one has", () => {
  const mount = { source: "/srv/proj", type: "bind", propagation: "rprivate" };
  for (const engine of ["docker-29.7.2", "podman-5.8.6"] as const)
    expect(mountFactsOf(inspectionOf(engine, "o-proj")).mounts?.slice(2)).toEqual([
      { ...mount, destination: "/m", mode: "ro" },
      { ...mount, destination: "/src", mode: "rw" },
    ]);
  expect(mountFactsOf({ HostConfig: { VolumesFrom: ["db:ro", "web"] } })).toEqual({ volumesFrom: ["db:ro", "web"] });
});
