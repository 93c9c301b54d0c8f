/** Where engines are, from what a person wrote: in `open_params`, in settings, in the environment, in a context. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Address, BadAddress, parseAddress, splitAddresses } from "./address.ts";
import { BadContext, currentContext, DEFAULT_CONTEXT, readContext } from "./contexts.ts";
import { dockerFolder, type Environment, variable } from "./environment.ts";
import type { Filters } from "./filters.ts";
import type { SshSettings } from "./ssh.ts";
import type { TlsFiles } from "./tls.ts";
import { ssh, type Transport, tcp, tls, unixSocket } from "./transport.ts";

export { BadAddress } from "./address.ts";

/** Who asks for an engine: errors speak to the person in front of it. */
export interface Asker {
  /** What has to have the rights to connect. */
  readonly program: string;
  /** Where the address is written. */
  readonly setting: string;
  /** What brings TLS. */
  readonly tls: string;
}

const TLS_VARIABLES = "DOCKER_TLS_VERIFY with DOCKER_CERT_PATH";
export const FALCO: Asker = { program: "Falco", setting: "open_params", tls: `the setting tls, or ${TLS_VARIABLES}` };
export const DEBUG_TOOL: Asker = { program: "docker-plugin", setting: "--host", tls: TLS_VARIABLES };

/** How an engine is reached, and who said so: `DOCKER_HOST` is a setting too. */
export interface Endpoint extends Transport {
  readonly asker: Asker;
}

/** What the settings say of one engine. */
export interface EngineSetting {
  readonly address: string;
  /** For a person, in place of what the engine calls itself. */
  readonly name?: string | undefined;
  readonly tls?: TlsFiles | undefined;
  readonly filters?: Filters | undefined;
  readonly exclude?: Filters | undefined;
}

/** What the settings say of how engines are reached. */
export interface Reach {
  readonly engines?: readonly EngineSetting[];
  readonly tls?: TlsFiles | undefined;
  readonly ssh?: SshSettings | undefined;
  /** The folder of the Docker CLI's configuration, whose current context counts. */
  readonly dockerconfig?: string | undefined;
  /** What is said of the events of all engines that say nothing themselves. */
  readonly filters?: Filters | undefined;
  readonly exclude?: Filters | undefined;
  /** Where sockets of shared SSH connections may lie. */
  readonly sshFolder?: string | undefined;
}

/** An engine that is wanted. */
export interface WantedEngine {
  readonly endpoint: Endpoint;
  readonly name?: string | undefined;
  /** Which of its events it is asked for; undefined: all. */
  readonly filters?: Filters | undefined;
  /** Which of these are left out; undefined: none. */
  readonly exclude?: Filters | undefined;
}

export const DEFAULT_ADDRESS = "unix:///var/run/docker.sock";

/** Docker's ports (docker/cli 28.5.2: opts/hosts.go), where none is written: in the clear, and with TLS. */
const PORT = "2375";
const TLS_PORT = "2376";

/** All that an address is read with. */
interface Given {
  readonly environment: Environment;
  readonly reach: Reach;
  readonly asker: Asker;
  /** What the engine's own entry or context says; counts before what is said for all. */
  readonly tls?: TlsFiles | undefined;
}

/**
 * The engines that are wanted: those of `open_params`, or of the setting `engines`; where neither names one, that of
 * `DOCKER_HOST`, else of a context, else of this machine, in the order of the Docker CLI (docker/cli 28.5.2:
 * cli/command/cli.go, resolveContextName).
 * @param text addresses, with commas between them or as a JSON list
 * @param by who gave `text`
 * @throws BadAddress that names the address and says what was expected
 */
export function resolveEngines(text: string, environment: Environment, by: Asker, reach: Reach): WantedEngine[] {
  const engines = resolveAll(text, environment, by, reach);
  const seen = new Set<string>();
  for (const { address, asker } of engines.map(({ endpoint }) => endpoint)) {
    // Its events would come twice, and both would keep their place in one file.
    if (seen.has(address)) throw new BadAddress(`${asker.setting}: the engine at ${address} is named twice`);
    seen.add(address);
  }
  return engines;
}

function resolveAll(text: string, environment: Environment, by: Asker, reach: Reach): WantedEngine[] {
  const { engines = [] } = reach;
  if (engines.length === 0) return resolveText(text, environment, by, reach);
  if (text.trim() !== "")
    throw new BadAddress(`${by.setting} ${JSON.stringify(text)} and the setting engines both name engines: keep one`);
  return engines.map(({ address, name, tls, filters = reach.filters, exclude = reach.exclude }, i) => {
    const asker = { ...by, setting: `engines[${i}].address` };
    return { endpoint: resolveOne(address, { environment, reach, asker, tls }), name, filters, exclude };
  });
}

/**
 * The one engine that is wanted; as `resolveEngines`.
 * @throws BadAddress also where there are several
 */
export function resolveEngine(text: string, environment: Environment, by = FALCO, reach: Reach = {}): WantedEngine {
  const [first, ...others] = resolveEngines(text, environment, by, reach);
  if (first === undefined || others.length > 0)
    throw new BadAddress(
      `${first?.endpoint.asker.setting}: ${others.length + 1} engines are named, and here it takes one`,
    );
  return first;
}

export const resolveEndpoint = (text: string, environment: Environment = {}, by = FALCO, reach: Reach = {}): Endpoint =>
  resolveEngine(text, environment, by, reach).endpoint;

function resolveText(text: string, environment: Environment, by: Asker, reach: Reach): WantedEngine[] {
  const { setting, address } = text.trim() === "" ? fallback(environment, by, reach) : { ...by, address: text };
  const given = { environment, reach, asker: { ...by, setting } };
  return namingSetting(setting, address, () => splitAddresses(address)).map((each) => ({
    endpoint: resolveOne(each, given),
    filters: reach.filters,
    exclude: reach.exclude,
  }));
}

/** What is wanted where nobody says it, and who says so. */
function fallback(environment: Environment, by: Asker, reach: Reach): { setting: string; address: string } {
  const dockerHost = variable(environment, "DOCKER_HOST");
  if (dockerHost !== undefined) return { setting: "DOCKER_HOST", address: dockerHost };
  const context = variable(environment, "DOCKER_CONTEXT");
  if (context !== undefined) return { setting: "DOCKER_CONTEXT", address: `context://${context}` };
  const { dockerconfig } = reach;
  if (dockerconfig === undefined) return { setting: by.setting, address: DEFAULT_ADDRESS };
  const setting = "dockerconfig";
  const current = namingSetting(setting, dockerconfig, () => currentContext(dockerconfig));
  return { setting, address: `context://${current}` };
}

/** Does something, whose error then says who is to correct what. */
function namingSetting<T>(setting: string, value: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BadAddress || error instanceof BadContext)) throw error;
    throw new BadAddress(`${setting} ${JSON.stringify(value)}: ${error.message}`);
  }
}

function resolveOne(text: string, given: Given): Endpoint {
  return namingSetting(given.asker.setting, text, () => ({
    ...transportOf(parseAddress(text.trim()), given),
    asker: given.asker,
  }));
}

function transportOf(address: Address, given: Given): Transport {
  switch (address.kind) {
    case "unix":
      if (given.tls !== undefined) throw new BadAddress("TLS is for tcp:// and https://, not for a socket");
      return unixSocket(address.path);
    case "tcp":
      return tcpOf(address, given);
    case "ssh": {
      if (given.tls !== undefined) throw new BadAddress("TLS is for tcp:// and https://, not for ssh://");
      const { user, host, port, path } = address;
      const name = host.includes(":") ? `[${host}]` : host;
      const shown = `ssh://${user === undefined ? "" : `${user}@`}${name}${port === undefined ? "" : `:${port}`}${path ?? ""}`;
      return ssh(shown, address, given.reach.ssh ?? {}, given.reach.sshFolder);
    }
    case "context":
      return contextOf(address.name, given);
  }
}

function tcpOf({ scheme, host, port }: Address & { kind: "tcp" }, given: Given): Transport {
  const { environment, reach, asker } = given;
  const files = given.tls ?? reach.tls ?? tlsOfEnvironment(environment, reach) ?? (scheme === "https" ? {} : undefined);
  if (files === undefined) return tcp(host, port ?? PORT, asker.tls);
  if (scheme === "http") throw new BadAddress("http:// is without TLS, and TLS is asked for: write tcp:// or https://");
  return tls(`${scheme}://${host}:${port ?? TLS_PORT}`, host, port ?? TLS_PORT, files);
}

/** The files of the CLI's variables: who signs is always needed, our own certificate where it is there. */
function tlsOfEnvironment(environment: Environment, reach: Reach): TlsFiles | undefined {
  if (variable(environment, "DOCKER_TLS_VERIFY") === undefined) return undefined;
  const folder = variable(environment, "DOCKER_CERT_PATH") ?? dockerFolder(environment, reach.dockerconfig);
  const [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map((name) => join(folder, name));
  const own = [cert, key].some((path) => path !== undefined && existsSync(path));
  return own ? { ca, cert, key } : { ca };
}

function contextOf(name: string, given: Given): Transport {
  const { environment, reach } = given;
  if (name === DEFAULT_CONTEXT) {
    const host = variable(environment, "DOCKER_HOST") ?? DEFAULT_ADDRESS;
    return transportOf(notAContext(parseAddress(host)), given);
  }
  if (given.tls !== undefined) throw new BadAddress("a context brings its own TLS: take tls away here");
  const context = readContext(dockerFolder(environment, reach.dockerconfig), name);
  const { DOCKER_TLS_VERIFY: _, ...others } = environment;
  const { tls: __, ...rest } = reach;
  const address = namingSetting("its host", context.host, () => notAContext(parseAddress(context.host)));
  const isTls = address.kind === "tcp" && context.tls !== undefined;
  const transport = transportOf(address, {
    ...given,
    environment: others,
    reach: rest,
    ...(isTls ? { tls: context.tls } : {}),
  });
  if (!context.unverified) return transport;
  const warning = `context ${name} asks not to verify certificates (SkipTLSVerify): they are verified all the same`;
  return { ...transport, warnings: [...transport.warnings, warning] };
}

function notAContext(address: Address): Address {
  if (address.kind === "context") throw new BadAddress("a context that leads to a context");
  return address;
}
