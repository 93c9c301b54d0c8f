/** Where a volume leads, by what a real engine answers (dockerd 20.10.24). */
import { expect, test } from "bun:test";
import { inspectVolume, localVolumesOf } from "../../../../src/docker/inspect/volume.ts";

const volume = (Options: object | null, Driver = "local") => ({
  CreatedAt: "2026-11-25T21:34:00Z",
  Driver,
  Labels: { token: "hunter2" },
  Mountpoint: "/var/lib/docker/volumes/v/_data",
  Name: "v",
  Options,
  Scope: "local",
});

test.each([
  ["an ordinary one", null, {}, []],
  ["a bind mount", { device: "/etc", o: "bind", type: "none" }, { type: "none", device: "/etc" }, ["/etc"]],
  // With `bind` among the options the kernel does not look at the type.
  [
    "a bind mount of another type",
    { device: "/etc", o: "ro,bind", type: "tmpfs" },
    { type: "tmpfs", device: "/etc" },
    ["/etc"],
  ],
  [
    "a path from the engine's folder",
    { device: "etc/../", o: "bind", type: "none" },
    { type: "none", device: "etc/../" },
    ["/etc/../"],
  ],
  ["a disk", { device: "/dev/sda1", type: "ext4" }, { type: "ext4", device: "/dev/sda1" }, ["/dev/sda1"]],
  [
    "an overlay",
    { device: "overlay", o: "lowerdir=/root:/srv/a,upperdir=/tmp/u,workdir=/tmp/w", type: "overlay" },
    { type: "overlay", device: "overlay" },
    ["/overlay", "/root", "/srv/a", "/tmp/u", "/tmp/w"],
  ],
  [
    "a server's share",
    { device: ":/export", o: "addr=10.0.0.9,rw", type: "nfs" },
    { type: "nfs", device: ":/export" },
    ["/:/export"],
  ],
  [
    "a share with a password",
    { device: "//srv/share", o: "addr=10.0.0.9,username=u,password=hunter2", type: "cifs" },
    { type: "cifs", device: "//srv/share" },
    ["//srv/share"],
  ],
])("%s", (_, options, said, paths) => {
  const got = inspectVolume(volume(options));
  expect(got).toEqual({ said: { driver: "local", ...said }, paths });
  expect(JSON.stringify(got)).not.toContain("hunter2");
});

test("the options of another driver are its own", () => {
  expect(inspectVolume(volume({ device: "/etc", o: "bind", type: "none" }, "vieux/sshfs"))?.paths).toEqual([]);
});

test("what is no volume is none, and what is wrong in one is absent", () => {
  expect(inspectVolume([])).toBeUndefined();
  expect(inspectVolume(volume({ device: 7, type: null }))).toEqual({ said: { driver: "local" }, paths: [] });
});

test("of a container's mounts those count that are volumes of the local driver, with what it asked of them", () => {
  const asked = { device: "/root", o: "bind,password=hunter2", type: "none" };
  const container = {
    Mounts: [
      { Type: "bind", Source: "/etc", Destination: "/a", RW: true },
      { Type: "volume", Name: "v", Driver: "local", Source: "/var/lib/docker/volumes/v/_data", Destination: "/b" },
      { Type: "volume", Name: "w", Driver: "vieux/sshfs", Source: "/mnt", Destination: "/c" },
      { Type: "volume", Name: "x", Destination: "/d", RW: false },
      { Type: "tmpfs", Destination: "/e" },
    ],
    HostConfig: {
      Mounts: [{ Type: "volume", Source: "v", Target: "/b", VolumeOptions: { DriverConfig: { Options: asked } } }],
    },
  };
  const volumes = localVolumesOf(container);
  expect(volumes).toEqual([
    {
      name: "v",
      destination: "/b",
      writable: true,
      asked: { said: { driver: "local", type: "none", device: "/root" }, paths: ["/root"] },
    },
    { name: "x", destination: "/d", writable: false, asked: undefined },
  ]);
  expect(JSON.stringify(volumes)).not.toContain("hunter2");
  expect(localVolumesOf("nothing")).toEqual([]);
});
