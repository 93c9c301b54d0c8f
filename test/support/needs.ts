/** What some tests need of the machine. Where it is missing they are skipped, and say so: test/run.ts repeats it last. */

/** Says that tests are skipped. `brings` is what to do about it. */
export function skipped(what: string, why: string, brings?: string): void {
  console.log(`skipped: ${what}: ${why}${brings === undefined ? "" : `; ${brings}`}`);
}

/** Debian's packages of programs that tests run, and whose name is not the program's own. */
const PACKAGES: Record<string, string> = {
  dockerd: "docker.io",
  docker: "docker.io",
  busybox: "busybox-static",
  newuidmap: "uidmap",
  unshare: "util-linux",
  nsenter: "util-linux",
  setpriv: "util-linux",
  prlimit: "util-linux",
  nm: "binutils",
  "qemu-aarch64": "qemu-user libc6-arm64-cross",
  groff: "groff-base",
  sshd: "openssh-server",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
};

/** The command that brings programs on Debian. */
export const aptInstall = (...programs: string[]): string =>
  `apt-get install ${[...new Set(programs.map((program) => PACKAGES[program] ?? program))].join(" ")}`;

/** Whether all of these programs are there; where not, `what` is said to be skipped. */
export function has(what: string, ...programs: string[]): boolean {
  const missing = programs.filter((program) => Bun.which(program) === null);
  if (missing.length > 0) skipped(what, `there is no ${missing.join(", ")}`, aptInstall(...missing));
  return missing.length === 0;
}
