/** Where an engine is, from what a person wrote. */
import { type Transport, tcp, unixSocket } from "./transport.ts";

/** Who asks for an engine: errors speak to the person in front of it. */
export interface Asker {
  /** What has to have the rights to connect. */
  readonly program: string;
  /** Where the address is written. */
  readonly setting: string;
}

export const FALCO: Asker = { program: "Falco", setting: "open_params" };
export const DEBUG_TOOL: Asker = { program: "docker-plugin", setting: "--host" };

/** How an engine is reached, and who said so: `DOCKER_HOST` is a setting too. */
export interface Endpoint extends Transport {
  readonly asker: Asker;
}

export const DEFAULT_ADDRESS = "unix:///var/run/docker.sock";

/** The kernel's bound for the path of a Unix socket: sun_path has 108 bytes, one is the NUL (man 7 unix). */
const UNIX_PATH_MAX = 107;

export class BadAddress extends Error {}

const FORMS = "expected unix:///path/to/docker.sock or tcp://host:port";

/**
 * Reads an engine's address in the forms of `docker -H` (docker/cli 28.5.2: opts/hosts.go).
 * @param text an address; empty means `DOCKER_HOST`, and where that is unset the default socket
 * @param by who gave `text`
 * @throws BadAddress that names the address and says what was expected
 */
export function resolveEndpoint(text: string, dockerHost: string | undefined, by = FALCO): Endpoint {
  const given = text.trim();
  const fromEnvironment = given === "" ? (dockerHost?.trim() ?? "") : "";
  const address = given || fromEnvironment || DEFAULT_ADDRESS;
  const asker = fromEnvironment === "" ? by : { ...by, setting: "DOCKER_HOST" };
  const bad = (why: string) => new BadAddress(`${asker.setting} ${JSON.stringify(address)}: ${why}`);

  const path = address.startsWith("/") ? address : /^unix:\/\/(.*)$/s.exec(address)?.[1];
  if (path !== undefined) {
    if (!path.startsWith("/")) throw bad(`a socket's path begins with a slash; ${FORMS}`);
    if (path.includes("\0")) throw bad("a socket's path holds no NUL");
    if (Buffer.byteLength(path) > UNIX_PATH_MAX) throw bad(`a socket's path has at most ${UNIX_PATH_MAX} bytes`);
    return { ...unixSocket(path), asker };
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  if (scheme === "https" || scheme === "ssh" || scheme === "npipe" || scheme === "fd")
    throw bad(`${scheme}:// is not supported; ${FORMS}`);
  if (scheme !== "tcp" && scheme !== "http") throw bad(`not an engine's address; ${FORMS}`);
  const url = URL.parse(address.replace(/^tcp:/i, "http:"));
  if (url === null || url.hostname === "" || url.username !== "" || url.pathname.length > 1 || url.search !== "")
    throw bad(`not an engine's address; ${FORMS}`);
  // docker/cli 28.5.2: opts/hosts.go, defaultHTTPPort; WHATWG drops a port 80 that was written.
  const port = url.port || (/:80\/?$/.test(address) ? "80" : "2375");
  return { ...tcp(`${url.hostname}:${port}`), asker };
}
