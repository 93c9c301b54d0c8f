/** What the environment says of engines, as it does to the Docker CLI (docker/cli 28.5.2: cli/command/cli.go, cli/flags/options.go). */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** All that is handed over from Falco's environment; build.ts tells `libdocker.so`. */
export const VARIABLES = [
  "DOCKER_HOST",
  "DOCKER_TLS_VERIFY",
  "DOCKER_CERT_PATH",
  "DOCKER_CONTEXT",
  "DOCKER_CONFIG",
] as const;

/** `process.env`, of which no more than these is read. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable's value; undefined where it is unset or empty, which is the same to the CLI. */
export const variable = (environment: Environment, name: (typeof VARIABLES)[number]): string | undefined =>
  environment[name]?.trim() || undefined;

/** The account's home folder, as the runtime's environment has none; `/` where the user has no account. */
export function homeFolder(): string {
  try {
    return homedir();
  } catch {
    return "/";
  }
}

/**
 * The folder of the Docker CLI's configuration.
 * @param named the setting `dockerconfig`
 */
export const dockerFolder = (environment: Environment, named?: string): string =>
  named ?? resolve(variable(environment, "DOCKER_CONFIG") ?? join(homeFolder(), ".docker"));
