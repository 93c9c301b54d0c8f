/** Lets an engine of the tests start privileged containers on a machine that itself has not all capabilities, as in CI. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** By their bits (linux 6.6: include/uapi/linux/capability.h). */
const CAPABILITIES =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE".split(
    " ",
  );

/** What dockerd is to find in its environment: a runc before its own, which leaves out what the machine cannot give. */
export function lenientEnvironment(): Record<string, string> {
  const [, bounding = "0"] = /^CapBnd:\s*(\w+)$/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
  const lacking = CAPABILITIES.filter((_, bit) => ((BigInt(`0x${bounding}`) >> BigInt(bit)) & 1n) === 0n);
  return {
    PATH: `${join(import.meta.dir, "lenient")}:${Bun.env.PATH}`,
    DOCKER_TEST_LACKING: lacking.map((name) => `CAP_${name}`).join(" "),
  };
}
