/**
 * Whether an exec is the container's own health check. moby runs each as an exec, whose events cannot be told from a
 * person's (moby 28.5.2: daemon/health.go, cmdProbe.run), so its command is compared with what the container was set up
 * with. podman runs them without an event of an exec (podman 5.8: libpod/container_exec.go, execStartAndAttach).
 */

import { isShortened } from "./inspect/bounds.ts";
import { isSameCommand } from "./inspect/command.ts";

/** What of a container tells how its health is checked. */
export interface Probed {
  /** `Config.Healthcheck.Test`. */
  readonly healthcheck?: readonly string[] | undefined;
  /** `Config.Shell`, which the image sets. */
  readonly shell?: readonly string[] | undefined;
  readonly user?: string | undefined;
}

/** What an exec's inspection tells. */
export interface Asked {
  readonly command?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly tty?: boolean | undefined;
  readonly privileged?: boolean | undefined;
}

/** moby: daemon/health.go, getShell. */
const SHELL = ["/bin/sh", "-c"];

/** Program and arguments of a container's health check; undefined where it has none. */
export function probeOf({ healthcheck = [], shell = SHELL }: Probed): readonly string[] | undefined {
  const [kind, ...test] = healthcheck;
  if (test.length === 0) return undefined;
  if (kind === "CMD") return test;
  return kind === "CMD-SHELL" ? [...shell, ...test] : undefined;
}

/** Whether an exec that was inspected is the health check: its command to the letter, and nothing asked beside. */
export function isProbe(container: Probed, exec: Asked): boolean {
  const probe = probeOf(container);
  if (probe === undefined || exec.command === undefined) return false;
  // Of what was cut nobody knows how it goes on.
  if (probe.some(isShortened) || exec.tty === true || exec.privileged === true) return false;
  return isSameCommand(probe, exec.command) && (exec.user ?? container.user) === container.user;
}

/** Whether a command, as an event says it, reads as the health check; where its arguments begin it does not say. */
export function readsAsProbe(container: Probed, said: string): boolean {
  const [program = "", ...args] = probeOf(container) ?? [];
  return program !== "" && said === `${program} ${args.join(" ")}`;
}
