/** Where an engine listens. */
export type Endpoint =
  | { readonly kind: "unix"; readonly path: string; readonly address: string }
  | { readonly kind: "tcp"; readonly origin: string; readonly address: string };

export const DEFAULT_ADDRESS = "unix:///var/run/docker.sock";

/** The kernel's bound for the path of a Unix socket: sun_path has 108 bytes, one is the NUL (man 7 unix). */
const UNIX_PATH_MAX = 107;

export class BadAddress extends Error {}

const FORMS = "expected unix:///path/to/docker.sock or tcp://host:port";

/**
 * Reads an engine's address in the forms of `docker -H` (docker/cli: opts/hosts.go).
 * @param text an address; empty means `DOCKER_HOST`, and where that is unset the default socket
 * @throws BadAddress that names the address and says what was expected
 */
export function parseEndpoint(text: string, dockerHost: string | undefined): Endpoint {
  const given = text.trim();
  const address = given || dockerHost?.trim() || DEFAULT_ADDRESS;
  const source = given === "" && address !== DEFAULT_ADDRESS ? "DOCKER_HOST" : "open_params";
  const bad = (why: string) => new BadAddress(`${source} ${JSON.stringify(address)}: ${why}`);

  const path = address.startsWith("/") ? address : /^unix:\/\/(.*)$/s.exec(address)?.[1];
  if (path !== undefined) {
    if (!path.startsWith("/")) throw bad(`a socket's path begins with a slash; ${FORMS}`);
    if (path.includes("\0")) throw bad("a socket's path holds no NUL");
    if (Buffer.byteLength(path) > UNIX_PATH_MAX) throw bad(`a socket's path has at most ${UNIX_PATH_MAX} bytes`);
    return { kind: "unix", path, address: `unix://${path}` };
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  if (scheme === "https" || scheme === "ssh" || scheme === "npipe" || scheme === "fd")
    throw bad(`${scheme}:// is not supported; ${FORMS}`);
  if (scheme !== "tcp" && scheme !== "http") throw bad(`not an engine's address; ${FORMS}`);
  const url = URL.parse(address.replace(/^tcp:/i, "http:"));
  if (url === null || url.hostname === "" || url.username !== "" || url.pathname.length > 1 || url.search !== "")
    throw bad(`not an engine's address; ${FORMS}`);
  // docker/cli: opts/hosts.go, DefaultHTTPPort; WHATWG drops a port 80 that was written.
  const port = url.port || (/:80\/?$/.test(address) ? "80" : "2375");
  return { kind: "tcp", origin: `http://${url.hostname}:${port}`, address: `tcp://${url.hostname}:${port}` };
}
