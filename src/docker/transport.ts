/**
 * What a connection to an engine is made of. Nobody else asks which kind it is: another kind is another function here,
 * and a form of address in `address.ts`.
 */
import { statSync } from "node:fs";
import { isIP } from "node:net";
import type { Client } from "undici/index.js";
import { errorMessage } from "../base/errors.ts";
import type { SshTarget } from "./address.ts";
import { prepareFolder, type SshSettings, SshTunnel } from "./ssh.ts";
import { keyWarning, TlsConnector, type TlsFiles } from "./tls.ts";
import type { Trouble } from "./trouble.ts";

export interface Transport {
  /** As in `open_params`, in its one form. */
  readonly address: string;
  /** What requests name as the server. */
  readonly origin: string;
  /** How undici connects. What fails in it may say why itself, by a Trouble. */
  readonly connection: Pick<Client.Options, "socketPath" | "connect">;
  /** Connections for questions beside the stream, where they may be fewer than for others. */
  readonly questionsMax?: number;
  /** Open files of this process that one connection takes, where it is more than its socket. */
  readonly filesEach?: number;
  /** How long one for questions is kept that is idle, ms, where a new one costs more than with others. */
  readonly idleMs?: number;
  /** Whether another machine's engine may be at its end: then events say which one they are from. */
  readonly isRemote: boolean;
  /** What a person should know of it before it is used, each a sentence. */
  readonly warnings: readonly string[];
  /** What stands where the engine should listen, in words; undefined where nothing does, or that cannot be seen. */
  obstacle(): string | undefined;
  /** What an error of undici's or the system's means, where it means something else than with other connections. */
  explain(error: unknown): Trouble | undefined;
  /** Lets go of what serves several connections. */
  close(): void;
}

const plain = {
  warnings: [],
  obstacle: () => undefined,
  explain: () => undefined,
  close: () => {},
} as const satisfies Partial<Transport>;

/** What stands at a path where a socket should; undefined for a socket. */
function notASocket(path: string): string | undefined {
  try {
    const there = statSync(path);
    if (there.isSocket()) return undefined;
    return there.isDirectory() ? "a folder" : "a file";
  } catch {
    return undefined;
  }
}

export const unixSocket = (path: string): Transport => ({
  ...plain,
  address: `unix://${path}`,
  origin: "http://docker",
  connection: { socketPath: path },
  isRemote: false,
  obstacle: () => notASocket(path),
});

/** Whether nobody but this machine sees what is said. */
const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || (isIP(host) === 4 && host.startsWith("127."));

/**
 * @param host as in a URL
 * @param remedy what brings TLS
 */
export const tcp = (host: string, port: string, remedy: string): Transport => {
  const address = `tcp://${host}:${port}`;
  const why = "whoever is on the way reads and says what they like, and whoever reaches this port is root on that host";
  return {
    ...plain,
    address,
    origin: `http://${host}:${port}`,
    connection: {},
    isRemote: true,
    warnings: isLoopback(host) ? [] : [`the engine at ${address} is spoken to without TLS: ${why}; set ${remedy}`],
  };
};

/** @param address as it is shown */
export const tls = (address: string, host: string, port: string, files: TlsFiles): Transport => {
  const connector = new TlsConnector(address, host.replace(/^\[|\]$/g, ""), files);
  const warning = keyWarning(files);
  return {
    ...plain,
    address,
    origin: `https://${host}:${port}`,
    connection: { connect: connector.connect },
    isRemote: true,
    warnings: warning === undefined ? [] : [warning],
    explain: (error) => connector.explain(error),
  };
};

/** Longer than between two pings, as each connection starts a program over there, ms. */
const SSH_IDLE_MS = 60_000;

/** @param folder where the sockets of shared SSH connections may lie; undefined: each connection has one of its own */
export const ssh = (
  address: string,
  target: SshTarget,
  settings: SshSettings,
  folder: string | undefined,
): Transport => {
  const warnings: string[] = [];
  let usable = folder;
  try {
    if (folder !== undefined) prepareFolder(folder);
  } catch (error) {
    usable = undefined;
    warnings.push(
      `each connection to the engine at ${address} is an SSH connection of its own: ${errorMessage(error)}`,
    );
  }
  const tunnel = new SshTunnel(address, target, settings, usable);
  return {
    ...plain,
    address,
    origin: "http://docker",
    connection: { connect: tunnel.connect },
    questionsMax: SshTunnel.QUESTIONS_MAX,
    idleMs: SSH_IDLE_MS,
    // Input, output and errors of a child.
    filesEach: 3,
    isRemote: true,
    warnings,
    close: () => tunnel.close(),
  };
};
