import { describe, expect, test } from "bun:test";
import { shortened } from "../../../../src/docker/inspect/bounds.ts";
import { deviceFactsOf, deviceOf } from "../../../../src/docker/inspect/devices.ts";

const kindsOf = (HostConfig: object): readonly string[] => deviceFactsOf({ HostConfig } as never).deviceKinds ?? [];
const device = (PathOnHost: string, CgroupPermissions = "rwm") => ({
  PathOnHost,
  PathInContainer: PathOnHost,
  CgroupPermissions,
});

describe("kinds by path", () => {
  const cases: [kind: string, ...paths: string[]][] = [
    ["all", "/dev", "/dev/", "/", "/dev/.", "/dev/x/.."],
    [
      "disk",
      "/dev/sda",
      "/dev/sda1",
      "/dev/vda",
      "/dev/xvdb",
      "/dev/nvme0n1p1",
      "/dev/mmcblk0",
      "/dev/dm-0",
      "/dev/md127",
    ],
    ["disk", "/dev/mapper/vg-root", "/dev/mapper", "/dev/disk/by-id/x", "/dev/loop-control", "/dev/loop7", "/dev/sg0"],
    ["disk", "/dev/block/8:0", "/dev//sda", "/dev/../dev/sda", "/dev/fd0"],
    ["memory", "/dev/mem", "/dev/kmem", "/dev/port", "/dev/cpu/0/msr", "/dev/char/1:1"],
    ["kvm", "/dev/kvm", "/dev/vhost-net", "/dev/vfio/vfio", "/dev/vfio"],
    ["fuse", "/dev/fuse", "/dev/cuse", "/dev/char/10:229"],
    ["gpu", "/dev/dri", "/dev/dri/renderD128", "/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/kfd"],
    ["input", "/dev/input", "/dev/input/event0", "/dev/uinput", "/dev/hidraw0"],
    ["tty", "/dev/ttyUSB0", "/dev/tty1", "/dev/console", "/dev/serial/by-id/x", "/dev/vcs1"],
    ["usb", "/dev/bus/usb/001/002", "/dev/bus/usb", "/dev/usb/hiddev0"],
    ["net", "/dev/net/tun", "/dev/ppp"],
    ["media", "/dev/snd", "/dev/snd/pcmC0D0p", "/dev/video0"],
    ["tpm", "/dev/tpm0", "/dev/tpmrm0"],
    ["kernel", "/dev/kmsg", "/dev/watchdog"],
    ["other", "/dev/i2c-1", "/srv/node", "/dev/sdaX", "/devil"],
  ];
  for (const [kind, ...paths] of cases)
    test.each(paths)(`%p is ${kind}`, (path) => {
      expect(kindsOf({ Devices: [device(path)] })).toEqual([kind]);
    });

  test.each(["/dev/null", "/dev/zero", "/dev/urandom", "/dev/shm", "/dev/fd"])("%p is harmless", (path) => {
    expect(kindsOf({ Devices: [device(path)] })).toEqual([]);
  });

  test("what may only be made a node of is not given; podman names no permissions and gives all", () => {
    expect(kindsOf({ Devices: [device("/dev/sda", "m")] })).toEqual([]);
    expect(kindsOf({ Devices: [device("/dev/sda", "")] })).toEqual(["disk"]);
  });
});

describe("kinds by number", () => {
  const cases: [rule: string, ...kinds: string[]][] = [
    ["a *:* rwm", "all"],
    ["a 1:3 rwm", "all"],
    ["c *:* rw", "all"],
    ["b 8:0 r", "disk"],
    ["b *:* w", "disk"],
    ["c 1:1 r", "memory"],
    ["c 001:001 r", "memory"],
    ["c 1:* r", "memory", "kernel"],
    ["c 1:3 rwm"],
    ["c 10:200 rwm", "net"],
    ["c 10:* rwm", "disk", "memory", "kvm", "fuse", "input", "net", "tpm", "kernel"],
    ["c 226:* rwm", "gpu"],
    ["c 13:64 r", "input"],
    ["c 137:0 rw", "tty"],
    ["c 189:* rwm", "usb"],
    ["c 89:1 rw", "other"],
    ["c *:* m"],
    ["b *:* m"],
    ["nonsense", "other"],
  ];
  test.each(cases)("%p", (rule, ...kinds) => {
    expect(kindsOf({ DeviceCgroupRules: [rule] })).toEqual(kinds);
  });
});

test("requests to drivers, without their options", () => {
  const DeviceRequests = [
    { Driver: "", Count: -1, DeviceIDs: null, Capabilities: [["gpu"]], Options: { token: "x" } },
    { Driver: "cdi", Count: 0, DeviceIDs: ["nvidia.com/gpu=0", "nvidia.com/gpu=1"], Capabilities: null },
    { Driver: "acme", Count: 2, Capabilities: [["net", "fast"], null, ["net"]] },
  ];
  expect(deviceFactsOf({ HostConfig: { DeviceRequests } } as never)).toEqual({
    deviceRequests: [":all:gpu", "cdi:nvidia.com/gpu=0,nvidia.com/gpu=1:", "acme:2:net,fast"],
    deviceKinds: ["gpu", "other"],
  });
});

test("the worst is first, whatever is listed before it, and nothing is there twice", () => {
  const Devices = [
    ...Array.from({ length: 50_000 }, (_, i) => device(`/dev/junk${i}`)),
    device("/dev/null"),
    device("/dev/sda"),
    device("/dev/sda"),
  ];
  const { devices, deviceKinds, cut } = shortened(deviceFactsOf({ HostConfig: { Devices } } as never));
  expect(devices?.slice(0, 2)).toEqual(["/dev/sda:/dev/sda:rwm", "/dev/junk0:/dev/junk0:rwm"]);
  expect(deviceKinds).toEqual(["disk", "other"]);
  expect(cut).toEqual(["devices"]);
});

test.each([
  ["/dev/fuse:/dev/fuse:rwm", "/dev/fuse", "rwm"],
  ["/dev/sda:/dev/xvda:r", "/dev/sda", "r"],
  ["/dev/null:/dev/x:", "/dev/null", "rwm"],
  ["/dev/a::", "/dev/a", "rwm"],
  ["/dev/by-path/pci-0:1:/dev/by-path/pci-0:1:rw", "/dev/by-path/pci-0:1", "rw"],
  ["", "", "rwm"],
  ["x", "", "x"],
])("%p is of %p with %p", (text, host, permissions) => {
  expect(deviceOf(text)).toEqual({ host, permissions });
});
