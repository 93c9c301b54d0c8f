/**
 * A registry in memory, on a port of loopback, to push to and pull from (OCI distribution specification 1.1). It keeps what
 * it is given and asks for no account. It runs in a process of its own, as the tests' own thread waits for docker.
 */
import { createHash } from "node:crypto";

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

class Server {
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #manifests = new Map<string, { bytes: Uint8Array; type: string }>();
  readonly #uploads = new Map<string, Uint8Array[]>();
  readonly #server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => this.#answer(request) });

  /** `127.0.0.1:5000`, as an image's name begins. */
  get name(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/v2/") return new Response("{}");
    const [, name, kind, reference = ""] = /^\/v2\/(.+)\/(blobs|manifests)\/(.*)$/.exec(pathname) ?? [];
    const bytes = request.method === "GET" || request.method === "HEAD" ? new Uint8Array() : await request.bytes();
    if (kind === "manifests") return this.#manifest(request, `${name}/${reference}`, `${name}`, bytes);
    if (kind !== "blobs") return new Response(null, { status: 404 });
    if (!reference.startsWith("uploads/")) return this.#blob(request, reference);
    const upload = request.method === "POST" ? crypto.randomUUID() : reference.slice("uploads/".length);
    const parts = [...(this.#uploads.get(upload) ?? []), bytes];
    this.#uploads.set(upload, parts);
    const digest = searchParams.get("digest");
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    const headers = {
      location: `/v2/${name}/blobs/uploads/${upload}`,
      range: `0-${size}`,
      "docker-upload-uuid": upload,
    };
    if (digest === null) return new Response(null, { status: 202, headers });
    this.#blobs.set(digest, Buffer.concat(parts));
    return new Response(null, { status: 201, headers: { location: `/v2/${name}/blobs/${digest}` } });
  }

  #blob({ method }: Request, digest: string): Response {
    const blob = this.#blobs.get(digest);
    if (blob === undefined) return new Response(null, { status: 404 });
    const headers = { "content-length": String(blob.length), "docker-content-digest": digest };
    return new Response(method === "HEAD" ? null : blob.slice(), { headers });
  }

  #manifest({ method, headers: asked }: Request, key: string, name: string, bytes: Uint8Array): Response {
    if (method === "PUT") {
      const manifest = { bytes, type: asked.get("content-type") ?? "application/json" };
      this.#manifests.set(key, manifest).set(`${name}/${digestOf(bytes)}`, manifest);
      return new Response(null, { status: 201, headers: { "docker-content-digest": digestOf(bytes) } });
    }
    const manifest = this.#manifests.get(key);
    if (manifest === undefined) return new Response(null, { status: 404 });
    const headers = {
      "content-type": manifest.type,
      "content-length": String(manifest.bytes.length),
      "docker-content-digest": digestOf(manifest.bytes),
    };
    return new Response(method === "HEAD" ? null : manifest.bytes.slice(), { headers });
  }
}

/** The test's handle on a registry. */
export class Registry implements Disposable {
  readonly #process: Bun.Subprocess;

  private constructor(
    process: Bun.Subprocess,
    /** `127.0.0.1:5000`, as an image's name begins. */
    readonly name: string,
  ) {
    this.#process = process;
  }

  static async start(): Promise<Registry> {
    const server = Bun.spawn([process.execPath, import.meta.path], { stdio: ["pipe", "pipe", "inherit"] });
    const { value } = await server.stdout.getReader().read();
    return new Registry(
      server,
      Buffer.from(value ?? [])
        .toString()
        .trim(),
    );
  }

  [Symbol.dispose](): void {
    this.#process.kill("SIGKILL");
  }
}

if (import.meta.main) {
  console.log(new Server().name);
  // The end of its parent closes this, and ends it.
  for await (const _ of Bun.stdin.stream());
  process.exit(0);
}
