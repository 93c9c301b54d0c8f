/** The forms of an engine's address, from what a person wrote. What they lead to is said by `endpoint.ts`. */

export type Address =
  | { readonly kind: "unix"; readonly path: string }
  /** `host` as in a URL, an IPv6 address in brackets; `port` undefined where none is written. */
  | {
      readonly kind: "tcp";
      readonly scheme: "tcp" | "http" | "https";
      readonly host: string;
      readonly port: string | undefined;
    }
  | ({ readonly kind: "ssh" } & SshTarget)
  | { readonly kind: "context"; readonly name: string };

/** Where ssh leads to. */
export interface SshTarget {
  /** Undefined: who ssh's configuration says, or the account's own name. */
  readonly user: string | undefined;
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: string | undefined;
  /** Of the engine's socket over there; undefined: the one that its Docker CLI takes. */
  readonly path: string | undefined;
}

export class BadAddress extends Error {}

/** What an address looks like, for whoever wrote none. */
export const FORMS = "expected unix:///path/to/docker.sock, tcp://host:port, ssh://user@host or context://NAME";

/** More engines than one runtime can watch over. */
export const ENGINES_MAX = 64;

/** The kernel's bound for the path of a Unix socket: sun_path has 108 bytes, one is the NUL (man 7 unix). */
const UNIX_PATH_MAX = 107;

/** What may stand for a user or a host of ssh: nothing that ssh or a shell could take for something else. */
const SSH_NAME = /^[\w.][\w.-]*$/;
const SSH_ADDRESS = /^\[([0-9a-f:.]+)\]$/i;
/** Names of contexts (docker/cli 28.5.2: cli/context/store/store.go, restrictedNamePattern). */
const CONTEXT_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/;

/** Why a kind of address is known and still not taken. */
const REFUSED: Readonly<Record<string, string>> = {
  npipe: "npipe:// is a pipe of Windows, and this plugin runs on Linux",
  fd: "fd:// is how an engine is started by systemd, and no address to connect to",
  file: "file:// is for a recording, and no engine's address",
};

/**
 * Reads one address, in the forms of `docker -H` (docker/cli 28.5.2: opts/hosts.go) and `context://NAME`.
 * @throws BadAddress that says what is wrong, without the address itself
 */
export function parseAddress(text: string): Address {
  if (text.startsWith("/")) return unix(text);
  const [, written = "", rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? [];
  const scheme = written.toLowerCase();
  switch (scheme) {
    case "unix":
      return unix(rest);
    case "tcp":
    case "http":
    case "https":
      return tcp(scheme, rest);
    case "ssh":
      return ssh(rest);
    case "context":
      if (rest !== "default" && !CONTEXT_NAME.test(rest)) throw new BadAddress("not a context's name");
      return { kind: "context", name: rest };
  }
  throw new BadAddress(`${REFUSED[scheme] ?? "not an engine's address"}; ${FORMS}`);
}

function unix(path: string): Address {
  if (!path.startsWith("/")) throw new BadAddress(`a socket's path begins with a slash; ${FORMS}`);
  if (path.includes("\0")) throw new BadAddress("a socket's path holds no NUL");
  if (Buffer.byteLength(path) > UNIX_PATH_MAX)
    throw new BadAddress(`a socket's path has at most ${UNIX_PATH_MAX} bytes`);
  return { kind: "unix", path };
}

function tcp(scheme: "tcp" | "http" | "https", rest: string): Address {
  const url = URL.parse(`http://${rest}`);
  const hasMore = url === null || url.username !== "" || url.pathname.length > 1 || url.search !== "";
  if (hasMore || url.hostname === "") throw new BadAddress(`not an engine's address; ${FORMS}`);
  // WHATWG drops a port 80 that was written.
  const port = url.port || (/:80\/?$/.test(rest) ? "80" : undefined);
  return { kind: "tcp", scheme, host: url.hostname, port };
}

function ssh(rest: string): Address {
  const url = URL.parse(`ssh://${rest}`);
  if (url === null || url.hostname === "")
    throw new BadAddress("not an address of ssh; expected ssh://user@host:port/path/to/docker.sock");
  if (url.password !== "")
    throw new BadAddress("ssh takes no password from an address: give it a key (setting ssh.identityfile)");
  if (url.search !== "" || url.hash !== "") throw new BadAddress("an address of ssh has nothing behind its path");
  const host = SSH_ADDRESS.exec(url.hostname)?.[1] ?? url.hostname;
  const user = url.username || undefined;
  if (!SSH_ADDRESS.test(url.hostname) && !SSH_NAME.test(host)) throw new BadAddress("not a host's name");
  if (user !== undefined && !SSH_NAME.test(user)) throw new BadAddress("not a user's name");
  const path = url.pathname.length > 1 ? decodePath(url.pathname) : undefined;
  if (path !== undefined) unix(path);
  return { kind: "ssh", user, host, port: url.port || undefined, path };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new BadAddress("a percent sign in the path that begins no character");
  }
}

/**
 * The addresses that a text names: one, several with commas between them, or a JSON list, where a path holds a comma.
 * @throws BadAddress
 */
export function splitAddresses(text: string): string[] {
  const trimmed = text.trim();
  if (trimmed === "") return [];
  const addresses = trimmed.startsWith("[") ? jsonList(trimmed) : trimmed.split(",");
  const clean = addresses.map((address) => address.trim());
  if (clean.includes("")) throw new BadAddress("an address in the list is empty");
  // Only a path can have been taken apart.
  const torn = trimmed.startsWith("[") ? undefined : clean.slice(1).find((part) => !/^\/|:\/\//.test(part));
  if (torn !== undefined)
    throw new BadAddress(
      `${JSON.stringify(torn)} is no address; a path with a comma goes into a JSON list: ["/a,b.sock"]`,
    );
  const twice = clean.find((address, i) => clean.indexOf(address) !== i);
  if (twice !== undefined) throw new BadAddress(`${JSON.stringify(twice)} is in the list twice`);
  if (clean.length > ENGINES_MAX)
    throw new BadAddress(`${clean.length} addresses are in the list: at most ${ENGINES_MAX} engines are watched`);
  return clean;
}

function jsonList(text: string): string[] {
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.length > 0 && list.every((each) => typeof each === "string")) return list;
  } catch {}
  throw new BadAddress('not a JSON list of addresses; expected ["unix:///path/to/docker.sock", …]');
}
