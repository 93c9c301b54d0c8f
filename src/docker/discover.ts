/** The engines that this machine offers, for whoever asks what can be opened. */
import { statSync } from "node:fs";
import { listContexts } from "./contexts.ts";
import { DEFAULT_ADDRESS } from "./endpoint.ts";
import { dockerFolder, type Environment, variable } from "./environment.ts";

export interface KnownEngine {
  /** What to put into `open_params`. */
  readonly value: string;
  readonly desc: string;
}

/** Where engines that root runs listen. */
const SYSTEM: readonly (readonly [path: string, desc: string])[] = [
  [DEFAULT_ADDRESS.slice("unix://".length), "the engine of this machine"],
  ["/run/podman/podman.sock", "podman's Docker-compatible API"],
];
/** Where those listen that users run. */
const OF_USERS: readonly (readonly [glob: string, desc: string])[] = [
  ["*/docker.sock", "a rootless engine"],
  ["*/podman/podman.sock", "a user's podman"],
];

/** A path may be of a folder that nobody may enter. */
function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket();
  } catch {
    return false;
  }
}

function socketsOfUsers(glob: string): string[] {
  try {
    const found = new Bun.Glob(glob).scanSync({ cwd: "/run/user", absolute: true, onlyFiles: false });
    return [...found].filter(isSocket).sort();
  } catch {
    return [];
  }
}

/**
 * What is there: the engine of `DOCKER_HOST`, the sockets of engines, the contexts of the Docker CLI; each address once.
 * @param dockerconfig the setting
 */
export function listEngines(environment: Environment, dockerconfig?: string): KnownEngine[] {
  const dockerHost = variable(environment, "DOCKER_HOST");
  const engines = new Map<string, string>();
  const add = (value: string, desc: string) => {
    if (!engines.has(value)) engines.set(value, desc);
  };
  if (dockerHost !== undefined) add(dockerHost, "the engine of DOCKER_HOST");
  for (const [path, desc] of SYSTEM) if (isSocket(path)) add(`unix://${path}`, desc);
  for (const [glob, desc] of OF_USERS) for (const path of socketsOfUsers(glob)) add(`unix://${path}`, desc);
  const current = variable(environment, "DOCKER_CONTEXT");
  for (const { name, host } of listContexts(dockerFolder(environment, dockerconfig))) {
    const which = name === current ? "the context of DOCKER_CONTEXT" : "a context of the Docker CLI";
    add(`context://${name}`, `${which}: ${host}`);
  }
  return [...engines].map(([value, desc]) => ({ value, desc }));
}
