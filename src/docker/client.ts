/** The client of an engine: questions with an answer, and streams of events, over HTTP. */
import { closeSync, openSync } from "node:fs";
import type { Dispatcher } from "undici/index.js";
import { type Debug, NO_DEBUG } from "../base/debug.ts";
import { Patience } from "../base/patience.ts";
import { printable } from "../base/text.ts";
import { nanoseconds } from "../base/time.ts";
import { compareVersions } from "./api_version.ts";
import { Budget, type Holder } from "./budget.ts";
import { EngineClock } from "./clock.ts";
import type { Endpoint } from "./endpoint.ts";
import { hashOf, NO_TRACE, type Trace } from "./trace.ts";
import { Trouble } from "./trouble.ts";
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
/** Characters that are shown of what an engine says of an error, and bytes that are read for them. */
const WORDS_MAX = 500;
const CLOCK_TIMEOUT_MS = 2_000;
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

export interface EngineInfo {
  /** The engine's own API version, such as `1.51`; undefined where it names none. */
  readonly apiVersion: string | undefined;
  /** The `Server` header, such as `Docker/28.5.2 (linux)`; a proxy may put its own there. */
  readonly server: string | undefined;
  /** Whether it is podman, which keeps its events for ever: moby keeps 256, in memory. */
  readonly isPodman: boolean;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

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
          const foreign = status === 200 ? this.#foreign(headers) : undefined;
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
          else over(refusal && this.#refused("/events", refusal.status, refusal.body));
        },
        onResponseError: (_controller, error) => over(this.#unreachable(error)),
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
    const holder: Holder = { bytes: 0, end: () => fail(this.#tooLarge(path)) };
    const late = new Patience(timeoutMs, () => fail(holder.bytes > SLOW_MAX ? this.#tooLarge(path) : this.#silent()));
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
        fail((error as { code?: string }).code === TOO_LARGE ? this.#tooLarge(path) : this.#unreachable(error)),
    } satisfies Dispatcher.DispatchHandler);
    return promise;
  }

  /** @throws EngineError where the answer is a refusal */
  #good(path: string, answer: Answer): Answer {
    if (answer.status !== 200) throw this.#refused(path, answer.status, answer.body);
    return answer;
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

  /** The engine's own words: JSON with a message, or plain text from old engines; a proxy before it may have none. */
  #refused(path: string, status: number, body: string): EngineError {
    if (isTls(status, body)) return this.#speaksTls();
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
    return new EngineError(`the engine at ${this.address} answered ${path} with ${status}: ${words}`, meant);
  }

  #silent(): EngineError {
    return new EngineError(`the engine at ${this.address} does not answer`);
  }

  #tooLarge(path: string): EngineError {
    return new EngineError(`the answer of the engine at ${this.address} to ${path} is too large`, 200, false, true);
  }

  #speaksTls(): EngineError {
    const { address, asker } = this.endpoint;
    return new EngineError(`the engine at ${address} speaks TLS: set ${asker.tls}`, undefined, true);
  }

  #withoutFiles(): EngineError {
    return new EngineError(`no connection to the engine at ${this.address}: too many files are open; ${RAISE_FILES}`);
  }

  #unreachable(error: unknown): EngineError {
    const { endpoint } = this;
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
        if (!canOpen()) return this.#withoutFiles();
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
        return this.#withoutFiles();
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
    if (name === "TimeoutError" || code?.endsWith("TIMEOUT") || code === "ETIMEDOUT") return this.#silent();
    if (name === "HTTPParserError" && TLS_ALERT.test(data ?? "")) return this.#speaksTls();
    if (name === "HTTPParserError")
      return new EngineError(`what answers at ${address} speaks no HTTP; set ${asker.setting} to an engine`);
    return new EngineError(`the connection to the engine at ${address} broke: ${message ?? String(error)}`);
  }
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

/** undici's code of an answer beyond `maxResponseSize`. */
const TOO_LARGE = "UND_ERR_RES_EXCEEDED_MAX_SIZE";

const versioned = (path: string, version: string | undefined): string =>
  version === undefined ? path : `/v${version}${path}`;

/** How the alert begins that a TLS server answers plain HTTP with (RFC 8446, 5.1). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it begins with
const TLS_ALERT = /^\u0015\u0003/;

/** What Go's and nginx's servers say where TLS is spoken and plain HTTP comes (net/http: server.go). */
const isTls = (status: number, body: string): boolean => status === 400 && /HTTPS (server|port)/i.test(body);
