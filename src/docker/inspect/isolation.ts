/**
 * What separates a container from its host (moby 29.7.2: api/types/container/hostconfig.go; checked against 20.10.24, 29.7.2
 * and podman 5.8.6).
 */
import * as v from "valibot";
import { allTexts, bool, compact, type Json, map, part, text, texts } from "../../base/lenient.ts";
import { judgedFirst } from "./bounds.ts";
import { capability } from "./capability.ts";

/** What the engine says of itself that containers get where they ask for nothing else. */
export interface EngineDefaults {
  /**
   * `SecurityOptions` of `GET /info`: `name=seccomp,profile=builtin`, `name=no-new-privileges` (from API 1.43 on) …
   * (moby 29.7.2: daemon/info.go, fillSecurityOptions).
   */
  readonly securityOptions: readonly string[];
  /** Whether they would tell that no process gains privileges: engines before 24.0 have that default, and do not say it. */
  readonly tellsNoNewPrivileges: boolean;
}

export const isolationFacts = {
  privileged: bool,
  /** `host`, `container:<id>`, or empty: one of its own. */
  pidMode: text,
  /** `none`, `private`, `shareable`, `host`, `container:<id>`. */
  ipcMode: text,
  /** `host`, or empty: one of its own. */
  utsMode: text,
  /** `host`, or empty: the engine's setting. */
  usernsMode: text,
  /** `host`, `private`. */
  cgroupnsMode: text,
  /** Empty: the engine's own. */
  cgroupParent: text,
  /** `CAP_SYS_ADMIN` …, or `ALL`; always written so, however it was asked for. Those that Linux has come first. */
  capAdd: texts,
  capDrop: texts,
  /**
   * `seccomp=unconfined`, `no-new-privileges` …; always with `=`. A seccomp profile of one's own is here as a whole.
   * What takes protection away comes first.
   */
  securityOpt: texts,
  /** The profile's name, or `unconfined`; empty where the host has no AppArmor, or before the start. */
  apparmor: text,
  /** Which system calls it may make; absent where the engine's default decides and is not known. */
  seccomp: part(v.picklist(["unconfined", "default", "custom"])),
  /** Absent where the engine's default decides and is not known. */
  noNewPrivileges: bool,
  /** Whether what of /proc and /sys tells of the host or changes it is hidden and read-only. */
  maskedPaths: bool,
  /** Kernel settings of its own namespaces, by their names with dots. */
  sysctls: part(v.pipe(v.array(v.tuple([v.string(), v.string()])), v.readonly())),
  /** Names or numbers of further groups of its first process. */
  groupAdd: texts,
  readonlyRootfs: bool,
  /** `runc`, or what the engine was set up with. */
  runtime: text,
} as const;

const isolationFactsSchema = v.object(isolationFacts);

export type IsolationFacts = Readonly<v.InferOutput<typeof isolationFactsSchema>>;

const isolationAnswer = v.object({
  AppArmorProfile: text,
  HostConfig: part(
    v.object({
      Privileged: bool,
      PidMode: text,
      IpcMode: text,
      UTSMode: text,
      UsernsMode: text,
      CgroupnsMode: text,
      CgroupParent: text,
      CapAdd: allTexts,
      CapDrop: allTexts,
      SecurityOpt: allTexts,
      MaskedPaths: texts,
      ReadonlyPaths: texts,
      Sysctls: part(map),
      GroupAdd: texts,
      ReadonlyRootfs: bool,
      Runtime: text,
    }),
  ),
});

type HostConfig = NonNullable<v.InferOutput<typeof isolationAnswer>["HostConfig"]>;

/** The capabilities of Linux (6.12: include/uapi/linux/capability.h), without `CAP_`. */
const CAPABILITIES: ReadonlySet<string> = new Set(
  `ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH
  FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE
  NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE
  SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM`.split(/\s+/),
);

const isCapability = (name: string): boolean => CAPABILITIES.has(name.replace(/^CAP_/, ""));

const capabilities = (given: readonly string[] | undefined): string[] | undefined =>
  given && judgedFirst(given, capability, isCapability);

/**
 * A security option's one form: the engine still takes `seccomp:unconfined`, and `disable` for `label=disable` (moby 29.7.2:
 * daemon/daemon_unix.go, parseSecurityOpt).
 */
function securityOption(given: string): string {
  if (given === "disable") return "label=disable";
  return given.includes("=") ? given : given.replace(":", "=");
}

const WEAKENS = /^(?:[\w-]+=unconfined|label=disable|(?:no-new-privileges|writable-cgroups)(?:=.{1,5})?)$/;

const securityOptions = (given: readonly string[] | undefined): string[] | undefined =>
  given && judgedFirst(given, securityOption, (option) => WEAKENS.test(option));

/** What an option was set to; the last one wins, as in the engine. Empty: it is there without a value. */
function optionOf(options: readonly string[], name: string): string | undefined {
  const option = options.findLast((each) => each === name || each.startsWith(`${name}=`));
  return option?.slice(name.length + 1);
}

type Seccomp = NonNullable<IsolationFacts["seccomp"]>;

/** What a profile's name means; `default` was called so before 23.0 (moby 29.7.2: daemon/config, SeccompProfileDefault). */
const seccompProfile = (profile: string): Seccomp =>
  profile === "unconfined" ? "unconfined" : profile === "builtin" || profile === "default" ? "default" : "custom";

/** As moby 29.7.2 decides it: daemon/seccomp_linux.go, WithSeccomp. */
function seccompOf(options: readonly string[], privileged: boolean, defaults?: EngineDefaults): Seccomp | undefined {
  const asked = optionOf(options, "seccomp");
  if (asked) return seccompProfile(asked);
  if (privileged) return "unconfined";
  if (defaults === undefined) return undefined;
  const ofEngine = defaults.securityOptions.find((each) => /^(?:name=)?seccomp(?:,|$)/.test(each));
  // Where the engine does not name it, its kernel has no seccomp.
  if (ofEngine === undefined) return "unconfined";
  return seccompProfile(/,profile=(.*)$/.exec(ofEngine)?.[1] ?? "default");
}

/** As Go's strconv.ParseBool, which the engine reads it with. */
const TRUE: ReadonlySet<string> = new Set(["", "1", "t", "T", "TRUE", "true", "True"]);

function noNewPrivilegesOf(options: readonly string[], defaults?: EngineDefaults): boolean | undefined {
  const asked = optionOf(options, "no-new-privileges");
  if (asked !== undefined) return TRUE.has(asked);
  if (defaults === undefined) return undefined;
  if (defaults.securityOptions.some((each) => /^name=no-new-privileges(?:,|$)/.test(each))) return true;
  return defaults.tellsNoNewPrivileges ? false : undefined;
}

/** Those that every engine since 18.06 names (moby 29.7.2: daemon/pkg/oci/defaults.go); later ones have more. */
const MASKED = ["/proc/kcore", "/proc/timer_list", "/proc/sched_debug", "/sys/firmware"];
const READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

function maskedPathsOf({ Privileged, MaskedPaths, ReadonlyPaths }: HostConfig): boolean | undefined {
  if (Privileged === true) return false;
  if (MaskedPaths === undefined || ReadonlyPaths === undefined) return undefined;
  const isIn = (list: readonly string[]) => (path: string) => list.includes(path);
  return MASKED.every(isIn(MaskedPaths)) && READ_ONLY.every(isIn(ReadonlyPaths));
}

/** A setting's name with dots: `net/ipv4/ip_forward` is the same one, and then a dot in it is a slash (sysctl.d(5)). */
function sysctlName(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  return first === "/" ? name.replace(/[./]/g, (each) => (each === "/" ? "." : "/")) : name;
}

function sysctlsOf(sysctls: Json | undefined): [string, string][] | undefined {
  return Object.entries(sysctls ?? {})
    .filter((entry): entry is [string, string] => typeof entry[1] === "string")
    .map(([name, value]): [string, string] => [sysctlName(name), value])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Reads what isolates a container, of the parsed JSON of `GET /containers/{id}/json`.
 * @param defaults what the engine gives a container that asks for nothing else; undefined where that is not known
 */
export function isolationFactsOf(json: Json, defaults?: EngineDefaults): IsolationFacts {
  const { HostConfig: host, AppArmorProfile } = v.parse(isolationAnswer, json);
  if (host === undefined) return compact<Pick<IsolationFacts, "apparmor">>({ apparmor: AppArmorProfile });
  // In their order and each of them: the engine takes the last.
  const asked = host.SecurityOpt?.map(securityOption) ?? [];
  return compact<IsolationFacts>({
    privileged: host.Privileged,
    pidMode: host.PidMode,
    ipcMode: host.IpcMode,
    utsMode: host.UTSMode,
    usernsMode: host.UsernsMode,
    cgroupnsMode: host.CgroupnsMode,
    cgroupParent: host.CgroupParent,
    capAdd: capabilities(host.CapAdd),
    capDrop: capabilities(host.CapDrop),
    securityOpt: securityOptions(host.SecurityOpt),
    apparmor: AppArmorProfile,
    seccomp: seccompOf(asked, host.Privileged === true, defaults),
    noNewPrivileges: noNewPrivilegesOf(asked, defaults),
    maskedPaths: maskedPathsOf(host),
    sysctls: sysctlsOf(host.Sysctls),
    groupAdd: host.GroupAdd,
    readonlyRootfs: host.ReadonlyRootfs,
    runtime: host.Runtime,
  });
}
