/**
 * What a connection to an engine is made of. Nobody else asks which kind it is: another kind (TLS, a child's pipes) is
 * another function here, and a form of address in `endpoint.ts`.
 */
import { statSync } from "node:fs";
import type { Client } from "undici/index.js";

export interface Transport {
  /** As in `open_params`, in its one form. */
  readonly address: string;
  /** What requests name as the server. */
  readonly origin: string;
  /** How undici connects. */
  readonly connection: Pick<Client.Options, "socketPath" | "connect">;
  /** Whether another machine's engine may be at its end: then events say which one they are from. */
  readonly isRemote: boolean;
  /** What stands where the engine should listen, in words; undefined where nothing does, or that cannot be seen. */
  readonly obstacle: () => string | undefined;
}

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
  address: `unix://${path}`,
  origin: "http://docker",
  connection: { socketPath: path },
  isRemote: false,
  obstacle: () => notASocket(path),
});

/** @param host name and port, as in a URL */
export const tcp = (host: string): Transport => ({
  address: `tcp://${host}`,
  origin: `http://${host}`,
  connection: {},
  isRemote: true,
  obstacle: () => undefined,
});
