/** The client of an engine: questions with an answer, and streams of events, over HTTP. */
import type { Dispatcher } from "undici/index.js";
import { type Debug, NO_DEBUG } from "../base/debug.ts";
import { Patience } from "../base/patience.ts";
import { nanoseconds } from "../base/time.ts";
import { compareVersions } from "./api_version.ts";
import { Budget, type Holder } from "./budget.ts";
import { EngineClock } from "./clock.ts";
import type { Endpoint } from "./endpoint.ts";
import {
  EngineError,
  foreignStream,
  type Headers,
  noAnswer,
  refused,
  tooLarge,
  UnreadableAnswer,
  unreachable,
} from "./engine_error.ts";
import { hashOf, NO_TRACE, type Trace } from "./trace.ts";
import { Client, Pool } from "./undici.ts";

/**
 * The newest API version whose answers to questions are known (test/fixtures/inspect). Events are asked for in the
 * engine's own version, whatever that is: an older one makes Engine 29 re-encode them, with times off by up to 128 ns.
 */
export const API_VERSION_KNOWN = "1.55";

/**
 * Bounds, ms. An engine under load answers slowly, and a stream's headers come at once (moby 28.5.2:
 * api/server/router/system).
 */
const CONNECT_TIMEOUT_MS = 4_000;
const ANSWER_TIMEOUT_MS = 4_000;
/**
 * Bytes of an answer: a container's environment and labels have no bound of their own. To parse as much takes a second
 * at the worst and some 250 MB; 64 MiB would take up to 12 s, longer than a runtime may stand still, and 1.8 GB.
 */
export const ANSWER_MAX = 16 * 1024 * 1024;
/** Bytes of all answers that are under way, of all engines. */
const ANSWERS_MAX = 64 * 1024 * 1024;
/** An answer that has brought so many bytes when its time is over is not late but huge: asking again is no use. */
const SLOW_MAX = 1024 * 1024;
const CLOCK_TIMEOUT_MS = 2_000;
/** Bytes that are read of what an engine says of an error. */
const ERROR_BODY_MAX = 4096;
/**
 * Connections for questions beside the stream, all together; each is kept for a while when it is idle. An engine answers
 * what is asked of a container only when its start is over: with few connections, those that start hold up all others.
 */
export const CONNECTIONS_MAX = 32;
/** Connections beside them: the stream, one that is to stand in for it, and two looks at what the engine keeps. */
export const STREAMS_MAX = 4;
/** Up to a second undici takes a timer of its own; above, one that ticks as long as it runs. */
const IDLE_MS = 1_000;

export interface EngineInfo {
  /** The engine's own API version, such as `1.51`; undefined where it names none. */
  readonly apiVersion: string | undefined;
  /** The `Server` header, such as `Docker/28.5.2 (linux)`; a proxy may put its own there. */
  readonly server: string | undefined;
  /** Whether it is podman, which keeps its events for ever: moby keeps 256, in memory. */
  readonly isPodman: boolean;
}

export interface StreamHandler {
  onOpen(): void;
  /** Bytes of the stream, split anywhere. */
  onData(chunk: Buffer): void;
  /** The stream is over: at its end, by `error`, or by `abort`. Called once, and nothing after it. */
  onEnd(error: EngineError | undefined): void;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

const answers = new Budget(ANSWERS_MAX);

/** An API version as engines write it; undefined where it is none. */
const versionOf = (value: unknown): string | undefined =>
  typeof value === "string" && /^\d{1,9}\.\d{1,9}$/.test(value) ? value : undefined;

/** One Docker Engine at an address, spoken to over HTTP. */
export class Engine {
  /** What time it is for the engine. */
  readonly clock = new EngineClock();
  #info: EngineInfo | undefined;
  /** The engine turned the version that it named down, and takes what has none. */
  #unversioned = false;
  readonly #pool: Pool;

  /**
   * @param trace where the answer that is read leaves its trace, by what was asked
   * @param debug told of each request, and of what its streams conclude
   * @param connectionsMax for questions; fewer where the transport bears no more
   */
  constructor(
    readonly endpoint: Endpoint,
    readonly trace: Trace = NO_TRACE,
    readonly debug: Debug = NO_DEBUG,
    connectionsMax = CONNECTIONS_MAX,
  ) {
    this.#pool = new Pool(this.endpoint.origin, {
      ...this.#options(),
      connections: Math.min(connectionsMax, this.endpoint.questionsMax ?? CONNECTIONS_MAX),
      keepAliveTimeout: this.endpoint.idleMs ?? IDLE_MS,
      pipelining: 1,
      maxResponseSize: ANSWER_MAX,
    });
  }

  get address(): string {
    return this.endpoint.address;
  }

  /** Whether it is podman, as far as is known. */
  get isPodman(): boolean {
    return this.#info?.isPodman ?? false;
  }

  /** What the engine said of itself when it was last asked. */
  get info(): EngineInfo | undefined {
    return this.#info;
  }

  /** Closes all connections but those of streams. */
  close(): void {
    void this.#pool.destroy();
    this.endpoint.close();
  }

  /**
   * Asks the engine which API version it speaks: `GET /_ping`, header Api-Version, since API 1.25. A proxy may refuse
   * that and let events pass: the header counts whatever the status, then what `GET /version` says.
   * @throws EngineError where there is no engine, it may not be reached, or it does not answer within 4 s
   */
  async negotiate(): Promise<EngineInfo> {
    const { headers } = await this.#ask("/_ping", ANSWER_TIMEOUT_MS);
    const apiVersion = versionOf(headers["api-version"]) ?? (await this.#versionAsked());
    const server = headers.server === undefined ? undefined : String(headers.server);
    if (apiVersion !== this.#info?.apiVersion) this.#unversioned = false;
    this.#info = { apiVersion, server, isPodman: await this.#isPodman(headers, server) };
    return this.#info;
  }

  /** Reads the engine's own time, where it tells it (`GET /info`: SystemTime); else the header Date has to do. */
  async readClock(): Promise<void> {
    try {
      const { headers, body } = await this.#ask(versioned("/info", this.#questionVersion), CLOCK_TIMEOUT_MS);
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
    this.#good("/_ping", await this.#ask("/_ping", timeoutMs));
  }

  /**
   * The answer to a question such as `/containers/{id}/json`, in the engine's API version or the newest that is known.
   * @throws EngineError with the status of a refusal, `huge` for more than ANSWER_MAX bytes, where nothing came within
   *   `timeoutMs`, or where the answer ended a process before
   */
  async getJson(path: string, timeoutMs: number): Promise<unknown> {
    const hash = hashOf(path);
    if (!this.trace.begin(hash))
      throw new UnreadableAnswer(`what ${this.address} answers to ${path} ended the runtime before`);
    this.trace.end();
    const version = this.#questionVersion;
    let answer = await this.#ask(versioned(path, version), timeoutMs);
    // An engine that no longer speaks a version says so with a 400, as to any other fault of a question.
    if (answer.status === 400 && version !== undefined) answer = await this.#ask(path, timeoutMs);
    const { status, body } = this.#good(path, answer);
    this.trace.begin(hash);
    try {
      return JSON.parse(body);
    } catch {
      throw new EngineError(`the engine at ${this.address} answered ${path} with what is not JSON`, status);
    } finally {
      this.trace.end();
    }
  }

  /**
   * The name of the engine's machine and the engine's own id (`GET /info`), and its version (`GET /version`).
   * @param refused takes why what one of both would say is absent
   */
  async identify(
    refused: (what: "name" | "version", error: EngineError) => void,
  ): Promise<{ name?: string; id?: string; version?: string }> {
    const ask = async (path: string, what: "name" | "version"): Promise<Record<string, unknown>> => {
      try {
        return ((await this.getJson(path, ANSWER_TIMEOUT_MS)) as Record<string, unknown> | null) ?? {};
      } catch (error) {
        refused(what, error as EngineError);
        return {};
      }
    };
    const [info, version] = await Promise.all([ask("/info", "name"), ask("/version", "version")]);
    const said = Object.entries({ name: info.Name, id: info.ID, version: version.Version });
    return Object.fromEntries(said.filter(([, value]) => typeof value === "string"));
  }

  /**
   * Streams `GET /events`. Returns a function that ends the stream, with the reason where it is not wanted any more.
   * @param query `since=seconds.nanoseconds`: events from then on that the engine still has come first; with
   *   `&until=` the stream ends there
   */
  events(query: string, handler: StreamHandler): (why?: EngineError) => void {
    // podman sends the headers with the first event, whenever that is.
    const client = new Client(this.endpoint.origin, { ...this.#options(), headersTimeout: 0, bodyTimeout: 0 });
    const over = (error?: EngineError) => {
      if (ended) return;
      ended = true;
      void client.destroy();
      handler.onEnd(error);
    };
    let ended = false;
    const ask = (version: string | undefined) => {
      const path = versioned(`/events?${query}`, version);
      const began = performance.now();
      let refusal: { status: number; body: string } | undefined;
      client.dispatch({ path, method: "GET" }, {
        onRequestStart: () => {},
        onResponseStart: (_controller, status, headers) => {
          this.clock.date(Date.parse(String(headers.date)));
          const foreign = status === 200 ? foreignStream(this.address, headers) : undefined;
          this.debug(() => `GET ${path}: ${status}, its headers after ${(performance.now() - began).toFixed(1)} ms`);
          if (foreign !== undefined) over(foreign);
          else if (status !== 200) refusal = { status, body: "" };
          else {
            if (version === undefined) this.#unversioned = true;
            handler.onOpen();
          }
        },
        onResponseData: (_controller, chunk) => {
          if (ended) return;
          if (refusal === undefined) handler.onData(chunk);
          else if (refusal.body.length < ERROR_BODY_MAX) refusal.body += chunk.toString("utf8");
        },
        onResponseEnd: () => {
          if (refusal?.status === 400 && version !== undefined && !ended) ask(undefined);
          else over(refusal && refused(this.endpoint, "/events", refusal.status, refusal.body));
        },
        onResponseError: (_controller, error) => over(unreachable(this.endpoint, error)),
      } satisfies Dispatcher.DispatchHandler);
    };
    ask(this.#version);
    return over;
  }

  /** The API version that `GET /version` names; undefined where it names none, or may not be asked. */
  async #versionAsked(): Promise<string | undefined> {
    try {
      const { ApiVersion } = (await this.getJson("/version", ANSWER_TIMEOUT_MS)) as { ApiVersion?: unknown };
      return versionOf(ApiVersion);
    } catch {
      return undefined;
    }
  }

  #options(): Client.Options {
    return {
      ...this.endpoint.connection,
      connectTimeout: CONNECT_TIMEOUT_MS,
      headersTimeout: ANSWER_TIMEOUT_MS,
    };
  }

  /** What questions are asked in: the engine's own version, or the newest that is known. */
  get #questionVersion(): string | undefined {
    const own = this.#version;
    return own !== undefined && compareVersions(own, API_VERSION_KNOWN) > 0 ? API_VERSION_KNOWN : own;
  }

  get #version(): string | undefined {
    return this.#unversioned ? undefined : this.#info?.apiVersion;
  }

  /**
   * The answer to a request, whatever its status.
   * @throws EngineError where there is none
   */
  #ask(path: string, timeoutMs: number): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const chunks: Buffer[] = [];
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let headers: Answer["headers"] = {};
    let failure: EngineError | undefined;
    const began = performance.now();
    const end = () => {
      late.end();
      this.debug(() => {
        const came = failure?.message ?? `${status}, ${holder.bytes} bytes`;
        return `GET ${path}: ${came}, after ${(performance.now() - began).toFixed(1)} ms`;
      });
      answers.release(holder);
    };
    const fail = (error: EngineError) => {
      if (failure !== undefined) return;
      failure = error;
      end();
      chunks.length = 0;
      controller?.abort(error);
      reject(error);
    };
    const holder: Holder = { bytes: 0, end: () => fail(tooLarge(this.address, path)) };
    const late = new Patience(timeoutMs, () =>
      fail(holder.bytes > SLOW_MAX ? tooLarge(this.address, path) : noAnswer(this.address)),
    );
    this.#pool.dispatch({ path, method: "GET" }, {
      onRequestStart: (own) => {
        controller = own;
        if (failure !== undefined) own.abort(failure);
      },
      onResponseStart: (_controller, code, fields) => {
        status = code;
        headers = fields;
        this.clock.date(Date.parse(String(fields.date)));
      },
      onResponseData: (_controller, chunk) => {
        if (failure !== undefined || (status !== 200 && holder.bytes > ERROR_BODY_MAX)) return;
        chunks.push(chunk);
        answers.hold(holder, chunk.length);
      },
      onResponseEnd: () => {
        if (failure !== undefined) return;
        end();
        const [only = Buffer.alloc(0)] = chunks;
        const body = (chunks.length > 1 ? Buffer.concat(chunks) : only).toString();
        resolve({ status, headers, body });
      },
      onResponseError: (_controller, error) =>
        fail(
          (error as { code?: string }).code === TOO_LARGE
            ? tooLarge(this.address, path)
            : unreachable(this.endpoint, error),
        ),
    } satisfies Dispatcher.DispatchHandler);
    return promise;
  }

  /** @throws EngineError where the answer is a refusal */
  #good(path: string, answer: Answer): Answer {
    if (answer.status !== 200) throw refused(this.endpoint, path, answer.status, answer.body);
    return answer;
  }
}

/** undici's code of an answer beyond `maxResponseSize`. */
const TOO_LARGE = "UND_ERR_RES_EXCEEDED_MAX_SIZE";

const versioned = (path: string, version: string | undefined): string =>
  version === undefined ? path : `/v${version}${path}`;
