/** The engines that this machine offers, for whoever asks what can be opened. */
import { statSync } from "node:fs";
import { DEFAULT_ADDRESS } from "./endpoint.ts";

export interface KnownEngine {
  /** What to put into `open_params`. */
  readonly value: string;
  readonly desc: string;
}

const isSocket = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;

/** The engines that this machine offers: the one of `DOCKER_HOST`, the usual socket, the rootless ones, podman's. */
export function listEngines(dockerHost: string | undefined): KnownEngine[] {
  const engines: KnownEngine[] = [];
  if (dockerHost) engines.push({ value: dockerHost, desc: "the engine of DOCKER_HOST" });
  engines.push({ value: DEFAULT_ADDRESS, desc: "the engine of this machine" });
  for (const path of new Bun.Glob("*/docker.sock").scanSync({ cwd: "/run/user", absolute: true, onlyFiles: false }))
    if (isSocket(path)) engines.push({ value: `unix://${path}`, desc: "a rootless engine" });
  if (isSocket("/run/podman/podman.sock"))
    engines.push({ value: "unix:///run/podman/podman.sock", desc: "podman's Docker-compatible API" });
  return engines;
}
