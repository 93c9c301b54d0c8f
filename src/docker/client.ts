// Not "undici": Bun replaces that name by a stand-in whose Client does nothing.
import { Client, type Dispatcher, Pool } from "undici/index.js";
import { EngineClock } from "./clock.ts";
import type { Endpoint } from "./endpoint.ts";
import { nanoseconds } from "./inspect.ts";
import { fingerprintOf, NO_TRACE, type Trace } from "./trace.ts";

/** The newest API version this client asks for; an older engine is asked for its own. */
export const API_VERSION_MAX = "1.51";

/** Bounds, ms. An engine under load answers slowly, and a stream's headers come at once (moby: api/server/router/system). */
const CONNECT_TIMEOUT_MS = 4_000;
const ANSWER_TIMEOUT_MS = 4_000;
const CLOCK_TIMEOUT_MS = 2_000;
const ERROR_BODY_MAX = 4096;
/** Connections for questions beside the stream, all together; each is kept for a while when it is idle. */
const CONNECTIONS_MAX = 8;
/** Up to a second undici takes a timer of its own; above, one that ticks as long as it runs. */
const IDLE_MS = 1_000;

/** What went wrong with an engine, in words for the person who runs Falco. */
export class EngineError extends Error {
  constructor(
    message: string,
    /** The HTTP status of an engine that refused; undefined where none was reached. */
    readonly status?: number,
    /** Trying again does not help: a person has to change something. */
    readonly permanent = false,
  ) {
    super(message);
  }
}

export interface EngineInfo {
  /** The API version that both speak, such as `1.51`; undefined where the engine names none. */
  readonly apiVersion: string | undefined;
  /** The engine's `Server` header, such as `Docker/28.5.2 (linux)`. */
  readonly server: string | undefined;
  /** Whether it is podman, which keeps its events for ever: moby keeps 256, in memory. */
  readonly isPodman: boolean;
}

type Headers = Record<string, string | string[] | undefined>;

export interface StreamHandler {
  onOpen(): void;
  /** Bytes of the stream, split anywhere. */
  onData(chunk: Buffer): void;
  /** The stream is over: at its end, by `error`, or by `abort`. Called once, and nothing after it. */
  onEnd(error: EngineError | undefined): void;
}

const newer = (a: string, b: string): boolean => {
  const [aMajor = 0, aMinor = 0] = a.split(".").map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(".").map(Number);
  return aMajor > bMajor || (aMajor === bMajor && aMinor > bMinor);
};

/** One Docker Engine at an address, spoken to over HTTP. */
export class Engine {
  /** What time it is for the engine. */
  readonly clock = new EngineClock();
  #info: EngineInfo | undefined;
  readonly #pool: Pool;

  /** @param trace where the answer that is read leaves its trace, by what was asked */
  constructor(
    readonly endpoint: Endpoint,
    readonly trace: Trace = NO_TRACE,
  ) {
    this.#pool = new Pool(this.#origin, {
      ...this.#options(),
      connections: CONNECTIONS_MAX,
      keepAliveTimeout: IDLE_MS,
      pipelining: 1,
    });
  }

  get address(): string {
    return this.endpoint.address;
  }

  /** What the engine said of itself when it was last asked. */
  get info(): EngineInfo | undefined {
    return this.#info;
  }

  /** Closes all connections but those of streams. */
  close(): void {
    void this.#pool.destroy();
  }

  /**
   * Asks the engine which API versions it speaks (`GET /_ping`, header Api-Version, since API 1.25).
   * @throws EngineError where there is no engine, it may not be reached, or it does not answer within 4 s
   */
  async negotiate(): Promise<EngineInfo> {
    const { headers } = await this.#get("/_ping", ANSWER_TIMEOUT_MS);
    const own = String(headers["api-version"] ?? "");
    const known = /^\d+\.\d+$/.test(own);
    const apiVersion = known ? (newer(own, API_VERSION_MAX) ? API_VERSION_MAX : own) : undefined;
    const server = headers.server === undefined ? undefined : String(headers.server);
    this.#info = { apiVersion, server, isPodman: await this.#isPodman(headers, server) };
    return this.#info;
  }

  /** Reads the engine's own time, where it tells it (`GET /info`: SystemTime); else the header Date has to do. */
  async readClock(): Promise<void> {
    try {
      const { headers, body } = await this.#get(this.#path("/info"), CLOCK_TIMEOUT_MS);
      const { SystemTime } = JSON.parse(body) as { SystemTime?: unknown };
      const nano = typeof SystemTime === "string" ? nanoseconds(SystemTime) : undefined;
      if (nano !== undefined) this.clock.set(BigInt(nano), Date.parse(String(headers.date)));
    } catch {
      // Refused by a proxy, or too slow: the time of the answers' headers is known.
    }
  }

  /**
   * Tells podman from moby. Not by the header Server, which may be a proxy's: who takes moby for podman never announces
   * what it has forgotten.
   */
  async #isPodman(headers: Headers, server: string | undefined): Promise<boolean> {
    if (headers["libpod-api-version"] !== undefined) return true;
    if (server?.startsWith("Docker/")) return false;
    try {
      const { Components } = (await this.getJson("/version", ANSWER_TIMEOUT_MS)) as {
        Components?: { Name?: unknown }[];
      };
      return Components?.some((component) => component?.Name === "Podman Engine") ?? false;
    } catch {
      return false;
    }
  }

  /**
   * Whether the engine still answers.
   * @throws EngineError where it does not, within `timeoutMs`
   */
  async ping(timeoutMs: number): Promise<void> {
    await this.#get("/_ping", timeoutMs);
  }

  /**
   * The answer to a question such as `/containers/{id}/json`, in the API version that both speak.
   * @throws EngineError with the status of a refusal, where nothing came within `timeoutMs`, or where the answer ended a
   *   process before
   */
  async getJson(path: string, timeoutMs: number): Promise<unknown> {
    const fingerprint = fingerprintOf(path);
    if (!this.trace.begin(fingerprint)) throw new EngineError(`what ${this.address} answers to ${path} cannot be read`);
    this.trace.end();
    const { body } = await this.#get(this.#path(path), timeoutMs);
    this.trace.begin(fingerprint);
    try {
      return JSON.parse(body);
    } catch {
      throw new EngineError(`the engine at ${this.address} answered ${path} with what is not JSON`);
    } finally {
      this.trace.end();
    }
  }

  /**
   * Streams `GET /events`. Returns a function that ends the stream, with the reason where it is not wanted any more.
   * @param query `since=seconds.nanoseconds`: events from then on that the engine still has come first; with
   *   `&until=` the stream ends there
   */
  events(query: string, handler: StreamHandler): (why?: EngineError) => void {
    // podman sends the headers with the first event, whenever that is.
    const client = new Client(this.#origin, { ...this.#options(), headersTimeout: 0, bodyTimeout: 0 });
    const over = (error?: EngineError) => {
      if (ended) return;
      ended = true;
      void client.destroy();
      handler.onEnd(error);
    };
    let ended = false;
    let refusal: { status: number; body: string } | undefined;
    const path = this.#path(`/events?${query}`);
    client.dispatch({ path, method: "GET" }, {
      onRequestStart: () => {},
      onResponseStart: (_controller, status, headers) => {
        this.clock.date(Date.parse(String(headers.date)));
        const foreign = status === 200 ? this.#foreign(headers) : undefined;
        if (foreign !== undefined) over(foreign);
        else if (status === 200) handler.onOpen();
        else refusal = { status, body: "" };
      },
      onResponseData: (_controller, chunk) => {
        if (ended) return;
        if (refusal === undefined) handler.onData(chunk);
        else if (refusal.body.length < ERROR_BODY_MAX) refusal.body += chunk.toString("utf8");
      },
      onResponseEnd: () => over(refusal && this.#refused("/events", refusal.status, refusal.body)),
      onResponseError: (_controller, error) => over(this.#unreachable(error)),
    } satisfies Dispatcher.DispatchHandler);
    return over;
  }

  get #origin(): string {
    return this.endpoint.kind === "unix" ? "http://docker" : this.endpoint.origin;
  }

  #options(): Client.Options {
    const common = { connectTimeout: CONNECT_TIMEOUT_MS, headersTimeout: ANSWER_TIMEOUT_MS };
    return this.endpoint.kind === "unix" ? { ...common, socketPath: this.endpoint.path } : common;
  }

  #path(path: string): string {
    return this.#info?.apiVersion === undefined ? path : `/v${this.#info.apiVersion}${path}`;
  }

  async #get(path: string, timeoutMs: number): Promise<{ headers: Headers; body: string }> {
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const { statusCode, headers, body } = await this.#pool.request({ path, method: "GET", signal });
      this.clock.date(Date.parse(String(headers.date)));
      const text = await body.text();
      if (statusCode !== 200) throw this.#refused(path, statusCode, text);
      return { headers, body: text };
    } catch (error) {
      throw error instanceof EngineError ? error : this.#unreachable(error);
    }
  }

  /** What makes a stream one that no engine sends. */
  #foreign(headers: Headers): EngineError | undefined {
    if (/^text\/html\b/i.test(String(headers["content-type"])))
      return new EngineError(`this is no Docker Engine: ${this.address} answers /events with a web page`);
    const encoding = headers["content-encoding"] ?? "identity";
    if (encoding === "identity") return undefined;
    return new EngineError(
      `the stream of ${this.address} comes compressed (${String(encoding)}), which no engine does and nobody asked for: set the proxy between`,
    );
  }

  /** The engine's own words: JSON with a message, or plain text from old engines. */
  #refused(path: string, status: number, body: string): EngineError {
    let message = body.trim();
    try {
      message = String((JSON.parse(body) as { message?: unknown }).message ?? message);
    } catch {}
    return new EngineError(`the engine at ${this.address} answered ${path} with ${status}: ${message}`, status);
  }

  #unreachable(error: unknown): EngineError {
    const { address } = this.endpoint;
    const { code, name, message } = error as { code?: string; name?: string; message?: string };
    switch (code) {
      case "ENOENT":
        return new EngineError(`no Docker Engine at ${address}: no such socket; start the engine or set open_params`);
      case "ECONNREFUSED":
        return new EngineError(`no Docker Engine at ${address}: connection refused; is the engine running?`);
      case "EACCES":
      case "EPERM":
        return new EngineError(
          `no permission for ${address}: run Falco as root or as a member of the socket's group (usually docker)`,
          undefined,
          true,
        );
    }
    if (name === "TimeoutError" || code?.endsWith("TIMEOUT"))
      return new EngineError(`the engine at ${address} does not answer`);
    return new EngineError(`the connection to the engine at ${address} broke: ${message ?? String(error)}`);
  }
}
