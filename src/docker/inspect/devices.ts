/**
 * The devices of its host that a container was given: by path, by rules of the devices cgroup, by requests to drivers
 * (moby 29.7.2: api/types/container/hostconfig.go; daemon/pkg/oci/oci.go).
 */
import * as v from "valibot";
import { allTexts, compact, type Json, listOf, part, text, texts } from "../../base/lenient.ts";
import { normalPath } from "../host_path.ts";
import { LIST_ITEMS_MAX } from "./bounds.ts";

/** What a device gives, the worst first. `all`: every one of the host's; `other`: none of those below. */
export const DEVICE_KINDS = [
  "all",
  "disk",
  "memory",
  "kvm",
  "fuse",
  "gpu",
  "input",
  "tty",
  "usb",
  "net",
  "media",
  "tpm",
  "kernel",
  "other",
] as const;

export type DeviceKind = (typeof DEVICE_KINDS)[number];

/** The kinds of one thing; undefined stands for what is harmless. */
type Kinds = readonly (DeviceKind | undefined)[];

export const deviceFacts = {
  /** `host:container:permissions`, permissions out of `rwm`; a part that was not given is empty. The worst first. */
  devices: texts,
  /** `c 10:200 rwm`: type, major and minor number or `*`, permissions. The worst first. */
  deviceCgroupRules: texts,
  /** `driver:which:capabilities`, which being a number, `all`, or ids: `:all:gpu`, `cdi:nvidia.com/gpu=0:`. */
  deviceRequests: texts,
  /** What all of these give; of DEVICE_KINDS, in their order. */
  deviceKinds: texts,
} as const;

const deviceFactsSchema = v.object(deviceFacts);

export type DeviceFacts = Readonly<v.InferOutput<typeof deviceFactsSchema>>;

/** The kinds by the name in /dev, of files and of folders that hold nothing else. */
const BY_NAME: readonly (readonly [kind: DeviceKind | undefined, names: RegExp])[] = [
  // What each container has anyway.
  [undefined, /^(?:null|zero|full|u?random|shm|fd|stdin|stdout|stderr)$/],
  ["all", /^$/],
  ["disk", /^(?:[hsv]d|xvd)[a-z]+\d*$|^(?:nvme|mmcblk|loop|ram|zram|nbd|drbd|rbd|bcache|pmem|dasd|mtd|ubi)[\w-]*$/],
  ["disk", /^(?:dm-|md|sr|sg|st|nst|scd|fd)\d\w*$|^(?:cdrom|dvd|btrfs-control|zfs)$/],
  ["disk", /^(?:mapper|disk|block|md|bsg|zvol|rbd|drbd)(?:\/|$)/],
  ["memory", /^(?:k?mem|oldmem|port|core|nvram)$|^cpu(?:\/|$)/],
  ["kvm", /^(?:kvm|vhost-\w+)$|^vfio(?:\/|$)/],
  ["fuse", /^(?:fuse|cuse)$/],
  ["gpu", /^(?:nvidia[\w-]*|dri)(?:\/|$)|^(?:kfd|dxg|mali\d*)$/],
  ["input", /^input(?:\/|$)|^(?:uinput|uhid|hidraw\d+|psaux|mice)$/],
  ["tty", /^(?:tty\w*|console|ptmx|vcs\w*|hvc\d+|rfcomm\d+)$|^(?:pts|serial)(?:\/|$)/],
  ["usb", /^(?:bus|usb)(?:\/|$)|^usbmon\d+$/],
  ["net", /^net(?:\/|$)|^(?:tun|tap\d*|ppp)$/],
  ["media", /^(?:snd|v4l|dvb)(?:\/|$)|^(?:video|media)\d+$|^(?:audio|dsp)\d*$/],
  ["tpm", /^tpm\w*$/],
  ["kernel", /^(?:kmsg|userfaultfd|mcelog)$|^(?:watchdog|rtc)\d*$/],
];

/** Kinds of character devices by major and minor number (Linux: Documentation/admin-guide/devices.txt). */
const MEMORY_DEVICES: Readonly<Record<string, DeviceKind | undefined>> = {
  ...{ 1: "memory", 2: "memory", 4: "memory", 11: "kernel", 12: "memory" },
  ...{ 3: undefined, 5: undefined, 7: undefined, 8: undefined, 9: undefined },
};
const MISC_DEVICES: Readonly<Record<string, DeviceKind>> = {
  ...{ 130: "kernel", 144: "memory", 196: "kvm", 200: "net", 203: "fuse", 223: "input", 224: "tpm", 229: "fuse" },
  ...{ 232: "kvm", 234: "disk", 236: "disk", 237: "disk", 238: "kvm", 239: "input", 241: "kvm" },
};
const BY_MAJOR: Readonly<Record<string, DeviceKind>> = {
  ...{ 4: "tty", 5: "tty", 7: "tty", 166: "tty", 188: "tty", 204: "tty" },
  ...{ 9: "disk", 21: "disk", 90: "disk", 202: "memory", 203: "memory", 226: "gpu", 195: "gpu", 13: "input" },
  ...{ 180: "usb", 189: "usb", 108: "net", 14: "media", 81: "media", 116: "media" },
};

/** The kinds of devices by their numbers, each a number or `*`. */
function kindsByNumber(type: string, majorText: string, minorText: string): Kinds {
  const [major, minor] = [majorText, minorText].map((digits) => digits.replace(/^0+(?=\d)/, "")) as [string, string];
  if (type === "b") return ["disk"];
  if (type === "a" || major === "*") return ["all"];
  if (Number(major) >= 136 && Number(major) <= 143) return ["tty"];
  const minors = major === "1" ? MEMORY_DEVICES : major === "10" ? MISC_DEVICES : undefined;
  if (minors === undefined) return [BY_MAJOR[major] ?? "other"];
  if (minor === "*") return Object.values(minors);
  return minor in minors ? [minors[minor]] : ["other"];
}

/** The kinds of what lies at a path of the host; a folder gives all that is in it. */
function kindsByPath(path: string): Kinds {
  const normal = normalPath(path);
  if (normal === "/") return ["all"];
  if (normal !== "/dev" && !normal.startsWith("/dev/")) return ["other"];
  const name = normal.slice("/dev/".length);
  const [, major, minor] = /^char\/(\d+):(\d+)$/.exec(name) ?? [];
  if (major !== undefined && minor !== undefined) return kindsByNumber("c", major, minor);
  const found = BY_NAME.find(([, names]) => names.test(name));
  return [found === undefined ? "other" : found[0]];
}

/** Who may only make a node of a device cannot use it. */
const isUsable = (permissions: string): boolean => permissions === "" || /[rw]/.test(permissions);

/** moby's form of a rule (29.7.2: daemon/pkg/oci/oci.go, deviceCgroupRuleRegex). */
const RULE = /^([abc]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/;

function kindsByRule(rule: string): Kinds {
  const [, type, major, minor, permissions] = RULE.exec(rule) ?? [];
  if (type === undefined || major === undefined || minor === undefined || permissions === undefined) return ["other"];
  return isUsable(permissions) ? kindsByNumber(type, major, minor) : [];
}

const devicesAnswer = v.object({
  HostConfig: part(
    v.object({
      Devices: listOf(v.object({ PathOnHost: v.string(), PathInContainer: text, CgroupPermissions: text })),
      DeviceCgroupRules: allTexts,
      DeviceRequests: listOf(
        v.object({ Driver: text, Count: part(v.number()), DeviceIDs: texts, Capabilities: listOf(listOf(v.string())) }),
      ),
    }),
  ),
});

type HostConfig = NonNullable<v.InferOutput<typeof devicesAnswer>["HostConfig"]>;
type DeviceRequest = Partial<NonNullable<HostConfig["DeviceRequests"]>[number]>;

/** Its options never: a driver may take anything there. */
function requestText({ Driver = "", Count = 0, DeviceIDs = [], Capabilities = [] }: DeviceRequest): string {
  const which = DeviceIDs.length > 0 ? DeviceIDs.join(",") : Count < 0 ? "all" : String(Count);
  return `${Driver}:${which}:${[...new Set(Capabilities.flatMap((each) => each ?? []))].join(",")}`;
}

const NO_REQUEST = requestText({});

/** Drivers of GPUs are called so, CDI's names (`nvidia.com/gpu=0`) and the capability too (moby 29.7.2: daemon/devices.go). */
const kindsByRequest = (request: string): Kinds => [/gpu|nvidia|amd/i.test(request) ? "gpu" : "other"];

const rank = (kinds: Kinds): number =>
  Math.min(
    DEVICE_KINDS.length,
    ...kinds.map((kind) => (kind === undefined ? Number.POSITIVE_INFINITY : DEVICE_KINDS.indexOf(kind))),
  );

/** What a list of devices gives. */
class Judged {
  readonly kinds = new Set<DeviceKind | undefined>();
  /** By their rank; most lists hold nothing. */
  readonly #texts: Set<string>[] = [];

  add(text: string, kinds: Kinds): void {
    for (const kind of kinds) this.kinds.add(kind);
    const place = rank(kinds);
    let alike = this.#texts[place];
    if (alike === undefined) this.#texts[place] = alike = new Set();
    if (alike.size <= LIST_ITEMS_MAX) alike.add(text);
  }

  /** Each once and the worst first: what is cut off is then the least. */
  get texts(): string[] {
    return this.#texts.flatMap((alike) => [...alike]);
  }
}

/** Reads the devices of the parsed JSON of `GET /containers/{id}/json`. */
export function deviceFactsOf(json: Json): DeviceFacts {
  const { HostConfig: { Devices = [], DeviceCgroupRules = [], DeviceRequests = [] } = {} } = v.parse(
    devicesAnswer,
    json,
  );
  const [devices, rules, requests] = [new Judged(), new Judged(), new Judged()];
  for (const { PathOnHost, PathInContainer = "", CgroupPermissions = "" } of Devices) {
    const kinds = isUsable(CgroupPermissions) ? kindsByPath(PathOnHost) : [];
    devices.add(`${PathOnHost}:${PathInContainer}:${CgroupPermissions}`, kinds);
  }
  for (const rule of DeviceCgroupRules) rules.add(rule, kindsByRule(rule));
  for (const request of DeviceRequests.map(requestText))
    if (request !== NO_REQUEST) requests.add(request, kindsByRequest(request));
  return compact<DeviceFacts>({
    devices: devices.texts,
    deviceCgroupRules: rules.texts,
    deviceRequests: requests.texts,
    deviceKinds: DEVICE_KINDS.filter((kind) => [devices, rules, requests].some(({ kinds }) => kinds.has(kind))),
  });
}

/**
 * The path on the host and the permissions of a text of `devices`; all permissions where the engine says none (podman).
 * A path may hold colons (`/dev/disk/by-path/pci-0000:00:…`): then it is mostly the same on both sides.
 */
export function deviceOf(device: string): { readonly host: string; readonly permissions: string } {
  const end = device.lastIndexOf(":");
  const paths = device.slice(0, Math.max(0, end));
  const half = (paths.length - 1) / 2;
  const isTwice = Number.isInteger(half) && paths === `${paths.slice(0, half)}:${paths.slice(0, half)}`;
  const host = isTwice ? paths.slice(0, half) : (paths.split(":", 1)[0] ?? "");
  return { host, permissions: device.slice(end + 1) || "rwm" };
}
