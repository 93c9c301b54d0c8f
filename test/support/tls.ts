/** Certificates for tests, and servers that show them: test/fixtures/tls/make.sh says which there are. */
import { readFileSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import { join } from "node:path";
import tls from "node:tls";

const FOLDER = join(import.meta.dir, "../fixtures/tls");

/** The path of a file of certificates or a key. */
export const pem = (name: string): string => join(FOLDER, `${name}.pem`);
export const CA = pem("ca");
export const CLIENT = { ca: CA, cert: pem("client"), key: pem("client-key") } as const;

/** What a TLS server has seen. */
export interface Seen {
  connections: number;
  /** Of these, how many went on with what an earlier one had agreed on. */
  resumed: number;
}

/** A server that ends with its scope. */
export class Listening implements Disposable {
  readonly seen: Seen = { connections: 0, resumed: 0 };

  constructor(readonly server: net.Server) {}

  get address(): string {
    return `tcp://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  [Symbol.dispose](): void {
    this.server.close();
  }
}

const listen = async (server: net.Server): Promise<Listening> => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return new Listening(server);
};

const ANSWER = "HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nServer: Docker/28\r\nContent-Length: 2\r\n\r\nOK";

/** Answers each request as an engine answers a ping. */
function answerAll(socket: net.Socket): void {
  socket.on("error", () => {});
  socket.on("data", (data: Buffer) => {
    for (let left = data.toString().split("\r\n\r\n").length - 1; left > 0; left--) socket.write(ANSWER);
  });
}

/**
 * An engine behind TLS that knows nothing but pings.
 * @param name of the certificate that it shows
 */
export async function tlsServer(name: string, options: tls.TlsOptions = {}): Promise<Listening> {
  const server = tls.createServer({
    cert: readFileSync(pem(name)),
    key: readFileSync(pem(`${name}-key`)),
    ...options,
  });
  const listening = await listen(server);
  server.on("secureConnection", (socket) => {
    listening.seen.connections++;
    if (socket.isSessionReused()) listening.seen.resumed++;
    answerAll(socket);
  });
  server.on("tlsClientError", () => {});
  return listening;
}

/** A server that speaks no TLS. */
export const plainServer = (connection: (socket: net.Socket) => void = answerAll): Promise<Listening> =>
  listen(net.createServer(connection));
