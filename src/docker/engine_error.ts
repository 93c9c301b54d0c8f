/** What goes wrong with an engine, in words: what it is, where, and what to do about it. */
import { closeSync, openSync } from "node:fs";
import { printable } from "../base/text.ts";
import type { Endpoint } from "./endpoint.ts";
import { Trouble } from "./trouble.ts";

/** Characters that are shown of what an engine says of an error. */
const WORDS_MAX = 500;

/** What went wrong with an engine, in words for the person who runs Falco: one line that harms no terminal. */
export class EngineError extends Error {
  constructor(
    message: string,
    /** The HTTP status of an engine that answered, or the one that it meant; undefined where none was reached. */
    readonly status?: number,
    /** Trying again does not help: a person has to change something. */
    readonly permanent = false,
    /** The answer was larger than can be read. */
    readonly huge = false,
  ) {
    super(printable(message));
  }
}

/** An answer that is not read, as reading it ended a process before. */
export class UnreadableAnswer extends EngineError {}

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What makes a stream one that no engine sends. */
export function foreignStream(address: string, headers: Headers): EngineError | undefined {
  if (/^text\/html\b/i.test(String(headers["content-type"])))
    return new EngineError(`this is no Docker Engine: ${address} answers /events with a web page`);
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding === "identity") return undefined;
  return new EngineError(
    `the stream of ${address} comes compressed (${String(encoding)}), which no engine does and nobody asked for: set the proxy between`,
  );
}

/** The engine's own words: JSON with a message, or plain text from old engines; a proxy before it may have none. */
export function refused(endpoint: Endpoint, path: string, status: number, body: string): EngineError {
  if (isTls(status, body)) return speaksTls(endpoint);
  let words = body.trim();
  let meant = status;
  try {
    const { message, cause } = JSON.parse(body) as { message?: unknown; cause?: unknown };
    words = String(message ?? words);
    // podman 4.3 says so of a container that goes while it looks.
    if (status === 500 && /^no such /.test(String(cause))) meant = 404;
  } catch {}
  if (words === "") words = `no words; is it a Docker Engine, or a proxy that does not let ${path} pass?`;
  else if (words.startsWith("<")) words = `a web page; is it a Docker Engine, or a proxy that refuses ${path}?`;
  if (words.length > WORDS_MAX) words = `${words.slice(0, WORDS_MAX).toWellFormed()}…`;
  return new EngineError(`the engine at ${endpoint.address} answered ${path} with ${status}: ${words}`, meant);
}

export function noAnswer(address: string): EngineError {
  return new EngineError(`the engine at ${address} does not answer`);
}

export function tooLarge(address: string, path: string): EngineError {
  return new EngineError(`the answer of the engine at ${address} to ${path} is too large`, 200, false, true);
}

function speaksTls({ address, asker }: Endpoint): EngineError {
  return new EngineError(`the engine at ${address} speaks TLS: set ${asker.tls}`, undefined, true);
}

function withoutFiles(address: string): EngineError {
  return new EngineError(`no connection to the engine at ${address}: too many files are open; ${RAISE_FILES}`);
}

export function unreachable(endpoint: Endpoint, error: unknown): EngineError {
  const { address, asker } = endpoint;
  const trouble = error instanceof Trouble ? error : endpoint.explain(error);
  if (trouble !== undefined) return new EngineError(trouble.message, undefined, trouble.permanent);
  const { code, name, message, data } = error as { code?: string; name?: string; message?: string; data?: string };
  const none = `no Docker Engine at ${address}`;
  switch (code) {
    case "UND_ERR_DESTROYED":
      return new EngineError(`given up, as the engine at ${address} is not watched any more`);
    case "ENOENT":
    case "ENOTDIR":
      return new EngineError(`${none}: no such socket; start the engine or set ${asker.setting}`);
    case "ENOTSOCK":
    case "ECONNREFUSED": {
      if (!canOpen()) return withoutFiles(address);
      const there = endpoint.obstacle();
      if (there === undefined) return new EngineError(`${none}: connection refused; is the engine running?`);
      // A bind mount of a socket that is not there makes a folder, which then keeps the engine from starting.
      const how = there === "a folder" ? "remove it and start the engine, or" : "start the engine, or";
      return new EngineError(`${none}: ${there} is there and no socket; ${how} set ${asker.setting}`);
    }
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new EngineError(`${none}: the host's name is not known; correct it in ${asker.setting}, or the DNS`);
    case "EMFILE":
    case "ENFILE":
      return withoutFiles(address);
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return new EngineError(`${none}: there is no way to this host; is the network up?`);
    case "EACCES":
    case "EPERM":
      return new EngineError(
        `no permission for ${address}: run ${asker.program} as root or as a member of the socket's group (usually docker)`,
        undefined,
        true,
      );
  }
  if (name === "TimeoutError" || code?.endsWith("TIMEOUT") || code === "ETIMEDOUT") return noAnswer(address);
  if (name === "HTTPParserError" && TLS_ALERT.test(data ?? "")) return speaksTls(endpoint);
  if (name === "HTTPParserError")
    return new EngineError(`what answers at ${address} speaks no HTTP; set ${asker.setting} to an engine`);
  return new EngineError(`the connection to the engine at ${address} broke: ${message ?? String(error)}`);
}

/** Whether this process may open one more file. Bun says of a socket that it may not have: connection refused. */
function canOpen(): boolean {
  try {
    closeSync(openSync("/dev/null", "r"));
    return true;
  } catch {
    return false;
  }
}

/** What a person does who wants more files to be open. */
export const RAISE_FILES = "raise the limit of open files (with systemd, LimitNOFILE=)";

/** How the alert begins that a TLS server answers plain HTTP with (RFC 8446, 5.1). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it begins with
const TLS_ALERT = /^\u0015\u0003/;

/** What Go's and nginx's servers say where TLS is spoken and plain HTTP comes (net/http: server.go). */
const isTls = (status: number, body: string): boolean => status === 400 && /HTTPS (server|port)/i.test(body);
