// Not "undici": Bun replaces that name by a stand-in whose Client does nothing.
import { Client, type Dispatcher, request } from "undici/index.js";
import type { Endpoint } from "./endpoint.ts";

/** The newest API version this client asks for; an older engine is asked for its own. */
export const API_VERSION_MAX = "1.51";

/** Bounds, ms. An engine under load answers slowly, and a stream's headers come at once (moby: api/server/router/system). */
const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 8_000;
const ERROR_BODY_MAX = 4096;

/** What went wrong with an engine, in words for the person who runs Falco. */
export class EngineError extends Error {}

export interface EngineInfo {
  /** The API version that both speak, such as `1.51`; undefined where the engine names none. */
  readonly apiVersion: string | undefined;
  /** The engine's `Server` header, such as `Docker/28.5.2 (linux)`. */
  readonly server: string | undefined;
}

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
  #info: EngineInfo | undefined;

  constructor(readonly endpoint: Endpoint) {}

  /**
   * Asks the engine which API versions it speaks (`GET /_ping`, header Api-Version, since API 1.25).
   * @throws EngineError where there is no engine, it may not be reached, or it does not answer within 8 s
   */
  async negotiate(): Promise<EngineInfo> {
    const { headers } = await this.#get("/_ping");
    const own = String(headers["api-version"] ?? "");
    const known = /^\d+\.\d+$/.test(own);
    const apiVersion = known ? (newer(own, API_VERSION_MAX) ? API_VERSION_MAX : own) : undefined;
    const server = headers.server === undefined ? undefined : String(headers.server);
    this.#info = { apiVersion, server };
    return this.#info;
  }

  /**
   * Streams `GET /events`. Returns a function that ends the stream.
   * @param since `seconds.nanoseconds`: events from then on that the engine still has come first
   */
  events(since: string | undefined, handler: StreamHandler): () => void {
    const client = this.#client({ bodyTimeout: 0 });
    const over = (error: EngineError | undefined) => {
      if (ended) return;
      ended = true;
      void client.destroy();
      handler.onEnd(error);
    };
    let ended = false;
    let refusal: { status: number; body: string } | undefined;
    const path = this.#path(since === undefined ? "/events" : `/events?since=${since}`);
    client.dispatch({ path, method: "GET" }, {
      onRequestStart: () => {},
      onResponseStart: (_controller, status) => {
        if (status === 200) handler.onOpen();
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
    return () => over(undefined);
  }

  #client(options: Client.Options): Client {
    const { endpoint } = this;
    const common = { connectTimeout: CONNECT_TIMEOUT_MS, headersTimeout: ANSWER_TIMEOUT_MS, ...options };
    return endpoint.kind === "unix"
      ? new Client("http://docker", { ...common, socketPath: endpoint.path })
      : new Client(endpoint.origin, common);
  }

  #path(path: string): string {
    return this.#info?.apiVersion === undefined ? path : `/v${this.#info.apiVersion}${path}`;
  }

  async #get(path: string): Promise<{ headers: Record<string, string | string[] | undefined>; body: string }> {
    const client = this.#client({ bodyTimeout: ANSWER_TIMEOUT_MS });
    try {
      const url = this.endpoint.kind === "unix" ? "http://docker" : this.endpoint.origin;
      const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
      const { statusCode, headers, body } = await request(url + path, { dispatcher: client, signal });
      const text = await body.text();
      if (statusCode !== 200) throw this.#refused(path, statusCode, text);
      return { headers, body: text };
    } catch (error) {
      throw error instanceof EngineError ? error : this.#unreachable(error);
    } finally {
      void client.destroy();
    }
  }

  /** The engine's own words: JSON with a message, or plain text from old engines. */
  #refused(path: string, status: number, body: string): EngineError {
    let message = body.trim();
    try {
      message = String((JSON.parse(body) as { message?: unknown }).message ?? message);
    } catch {}
    return new EngineError(`the engine at ${this.endpoint.address} answered ${path} with ${status}: ${message}`);
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
        );
    }
    if (name === "TimeoutError" || code?.endsWith("TIMEOUT"))
      return new EngineError(`the engine at ${address} does not answer (waited ${ANSWER_TIMEOUT_MS / 1000} s)`);
    return new EngineError(`the connection to the engine at ${address} broke: ${message ?? String(error)}`);
  }
}
