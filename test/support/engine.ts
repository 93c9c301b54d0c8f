/**
 * A Docker Engine to test against: speaks enough of the API over a Unix socket, and does what a real one does only on
 * its worst day. It runs in a process of its own, as the tests' own thread waits inside `next_batch`.
 */
import { rmSync, unlinkSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { temporaryFolder } from "./temporary.ts";

/** How the engine behaves; what is left out is as in Docker 28. */
export interface Behaviour {
  /** The header Api-Version of `/_ping`; empty: none. */
  apiVersion?: string;
  /** Bytes a write of the stream, 0: each event in one. */
  split?: number;
  /** Answer `/events` with this status and body, of this type. */
  refuse?: { status: number; body: string; type?: string };
  /** Further header lines of the answer to `/events`, each with its `\r\n`. */
  eventsHeaders?: string;
  /** The headers of `/events` come with the first event, as podman 5 does it. */
  lateHeaders?: boolean;
  /** Take a subscriber, send what it asked for, and end. */
  endAtOnce?: boolean;
  /** The header Server, a proxy's for example; empty: none. */
  server?: string;
  /** It is podman: says so in `/_ping` (`header`) or in `/version` alone, and forgets nothing. */
  podman?: "header" | "version";
  /** How long a ping takes, ms. */
  pingMs?: number;
  /** Answer `/info` with this status. */
  refuseInfo?: number;
  /** How far its clock is off ours, ms. */
  clockMs?: number;
  /** How far the header Date, a proxy's, is off ours, ms; absent: it is the engine's own. */
  dateMs?: number;
  /** The times of a flow are whole 20 ms, and some are 10 ms early: equal and inverted ones. */
  coarse?: boolean;
  /** Take connections and never answer. */
  hang?: boolean;
  /** What `/containers/{id}/json` says, by id; `*` of any other id. The ids but `*` are also what the list holds. */
  containers?: Record<string, object>;
  /** What `/exec/{id}/json` says, by id; `*` of any other id. */
  execs?: Record<string, object>;
  /** How long such an answer takes, ms. */
  inspectMs?: number;
  /** Answer the list of containers with this status. */
  refuseList?: number;
  /** Answers in place of the engine's own, by path without version and query; `headers` are whole lines. */
  answers?: Record<string, { status: number; body?: string; headers?: string[] }>;
  /** A socket proxy before it lets these paths pass, without version and query; all others it refuses with 403. */
  passes?: readonly string[];
  /** The newest API version that is taken, where it is another than `/_ping` names. */
  accepts?: string;
  /** Bytes that the answer about a container has more, by id. */
  padding?: Record<string, number>;
}

interface Seen {
  readonly path: string;
}

/** What an engine is told first. */
interface Beginning {
  readonly path: string;
  readonly flowed: number;
  readonly behaviour: Behaviour;
}

type Command =
  | { do: "behave"; behaviour: Behaviour }
  | { do: "send"; lines: string[] }
  | { do: "repeat"; line: string; count: number }
  | { do: "flow"; line: string; perSecond: number; count: number }
  | { do: "flowed" }
  | { do: "settle" }
  | { do: "raw"; bytes: string }
  | { do: "cut"; reset: boolean }
  | { do: "deaden" }
  | { do: "unlink" }
  | { do: "ahead"; ms: number }
  | { do: "end" }
  | { do: "seen" }
  | { do: "subscribers" };

/** How many events an engine keeps for those who ask with `since` (moby: daemon/events, eventsLimit). */
const KEPT = 256;

/** About the 1,024 events that moby keeps for a slow subscriber, beside what the socket holds. */
const BACKLOG_BYTES = 512 * 1024;

class Server {
  readonly #subscribers = new Set<net.Socket>();
  /** Connections that a balancer holds open: nothing goes through any more. */
  readonly #dead = new WeakSet<net.Socket>();
  /** How far ahead the next event of a flow is, ms. */
  #ahead = 0;
  #path = "";
  readonly #sockets = new Set<net.Socket>();
  #kept: string[] = [];
  #seen: Seen[] = [];
  #dropped = 0;
  /** How many events in a row nobody has listened to, and the most so far. */
  #unheard = 0;
  #mostUnheard = 0;

  /**
   * @param flowed where the numbers of `flow` go on
   * @param behaviour how the engine before this one behaved
   */
  constructor(flowed: number, behaviour: Behaviour) {
    this.#flowed = flowed;
    this.#behaviour = behaviour;
  }
  #flowed: number;
  /** Which flow is the one that runs; 0: none. */
  #flow = 0;

  #behaviour: Behaviour;

  /** The engine's clock, ns since 1970, in microseconds. */
  get #now(): bigint {
    const ms = performance.timeOrigin + performance.now() + (this.#behaviour.clockMs ?? 0);
    return BigInt(Math.floor(ms * 1000)) * 1000n;
  }

  get #date(): string {
    const { clockMs = 0, dateMs = clockMs } = this.#behaviour;
    return new Date(Date.now() + dateMs).toUTCString();
  }

  listen(path: string): Promise<void> {
    this.#path = path;
    const server = net.createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        this.#subscribers.delete(socket);
      });
      let text = "";
      socket.on("data", (data) => {
        text += data.toString("latin1");
        for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
          const [, path = "/"] = text.slice(0, end).split(" ");
          text = text.slice(end + 4);
          this.#answer(socket, path);
        }
      });
    });
    return new Promise((resolve) => server.listen(path, resolve));
  }

  async run(command: Command): Promise<unknown> {
    switch (command.do) {
      case "behave":
        this.#behaviour = command.behaviour;
        return;
      case "send":
        for (const line of command.lines) await this.#event(`${line}\n`);
        return;
      case "repeat": {
        // Every copy is an event of its own time: `@` stands for its number.
        for (let i = 0; i < command.count; i++)
          await this.#event(`${command.line.replaceAll("@", String(i).padStart(9, "0"))}\n`);
        return;
      }
      case "flow":
        void this.#emit(command.line, command.perSecond, command.count);
        return;
      case "settle":
        this.#flow = 0;
        return;
      case "flowed":
        return { flowed: this.#flowed, dropped: this.#dropped, unheard: this.#mostUnheard };
      case "raw":
        for (const socket of this.#subscribers) await this.#write(socket, Buffer.from(command.bytes, "base64"));
        return;
      case "cut":
        for (const socket of this.#sockets) command.reset ? socket.resetAndDestroy() : socket.destroy();
        return;
      case "deaden":
        for (const socket of this.#subscribers) this.#dead.add(socket);
        this.#subscribers.clear();
        return;
      case "unlink":
        unlinkSync(this.#path);
        return;
      case "ahead":
        this.#ahead = command.ms;
        return;
      case "end":
        for (const socket of this.#subscribers) socket.end("0\r\n\r\n");
        return;
      case "seen":
        return this.#seen.splice(0);
      case "subscribers":
        return this.#subscribers.size;
    }
  }

  /** Emits at a rate, and waits for nobody. */
  async #emit(line: string, perSecond: number, count: number): Promise<void> {
    const from = this.#flowed;
    const began = performance.now();
    const own = Math.random();
    this.#flow = own;
    while (this.#flow === own && this.#flowed - from < count) {
      const due = Math.min(count, Math.floor(((performance.now() - began) / 1000) * perSecond));
      while (this.#flowed - from < due) {
        const nano = this.#stamp(this.#flowed);
        const number = String(this.#flowed++).padStart(9, "0");
        const text = line.replaceAll("@", number).replaceAll("#", String(nano));
        await this.#event(`${text}\n`, true);
      }
      await Bun.sleep(5);
    }
  }

  /** The time of a flow's event. */
  #stamp(number: number): bigint {
    const ahead = BigInt(this.#ahead) * 1_000_000n;
    this.#ahead = 0;
    const nano = this.#now + ahead;
    return this.#behaviour.coarse ? nano - (nano % 20_000_000n) - (number % 3 === 0 ? 10_000_000n : 0n) : nano;
  }

  #answer(socket: net.Socket, path: string): void {
    this.#seen.push({ path });
    const { apiVersion = "1.51", refuse, hang, pingMs = 0, podman, endAtOnce } = this.#behaviour;
    if (hang || this.#dead.has(socket)) return;
    const bare = path.replace(/^\/v[\d.]+/, "").replace(/\?.*/, "");
    if (this.#behaviour.passes?.includes(bare) === false) {
      this.#reply(socket, 403, "<html><body><h1>403 Forbidden</h1></body></html>");
      return;
    }
    const own = this.#behaviour.answers?.[bare];
    if (own !== undefined) {
      this.#reply(socket, own.status, own.body ?? "", own.headers);
      return;
    }
    if (path.endsWith("/_ping")) {
      const version = apiVersion === "" ? "" : `Api-Version: ${apiVersion}\r\n`;
      const libpod = podman === "header" ? "Libpod-API-Version: 5.8.6\r\n" : "";
      const reply = () =>
        socket.write(`HTTP/1.1 200 OK\r\n${version}${libpod}${this.#headers}Content-Length: 2\r\n\r\nOK`);
      if (pingMs === 0) reply();
      else setTimeout(reply, pingMs);
      return;
    }
    const asked = /^\/v(\d+)\.(\d+)\//.exec(path);
    const newest = this.#behaviour.accepts ?? apiVersion;
    if (asked !== null && Number(asked[2]) > Number(newest.split(".")[1] ?? 0)) {
      const message = `client version ${asked[1]}.${asked[2]} is too new. Maximum supported API version is ${newest}`;
      this.#reply(socket, 400, JSON.stringify({ message }));
    } else if (/\/events(\?|$)/.test(path)) {
      if (refuse !== undefined) {
        this.#reply(
          socket,
          refuse.status,
          refuse.body,
          refuse.type === undefined ? [] : [`Content-Type: ${refuse.type}`],
        );
        return;
      }
      const since = time(path, "since");
      const until = time(path, "until");
      if (since !== undefined && until !== undefined && until < since) {
        this.#reply(socket, 400, JSON.stringify({ message: "`since` time cannot be after `until` time" }));
        return;
      }
      if (this.#behaviour.lateHeaders) this.#withoutHeaders.add(socket);
      else socket.write(this.#eventsHead);
      const fits = wanted(path);
      // podman looks at the time of what happens, too.
      const isWanted = (line: string) => fits(line) && (podman === undefined || timeOf(line) >= (since ?? 0n));
      this.#wants.set(socket, isWanted);
      for (const line of this.#replay(since, until)) if (isWanted(line)) void this.#write(socket, chunk(line));
      const end = () => {
        this.#subscribers.delete(socket);
        void this.#write(socket, Buffer.from("0\r\n\r\n"));
      };
      if (endAtOnce || (until !== undefined && until <= this.#now)) end();
      else {
        this.#subscribers.add(socket);
        if (until !== undefined) setTimeout(end, Number((until - this.#now) / 1_000_000n));
      }
    } else {
      const { containers = {}, execs = {}, inspectMs = 0, refuseList } = this.#behaviour;
      const [, kind, id = ""] = /\/(containers|exec)\/(\w+)\/json$/.exec(path) ?? [];
      const known = kind === "exec" ? execs : containers;
      if (path.endsWith("/containers/json")) {
        const list = Object.keys(containers).filter((id) => id !== "*");
        const body = list.map((Id) => ({ Id, Names: [`/listed-${Id.slice(0, 8)}`], Image: "listed:1", Labels: {} }));
        this.#reply(
          socket,
          refuseList ?? 200,
          JSON.stringify(refuseList === undefined ? body : { message: "no list" }),
        );
      } else if (kind !== undefined) {
        const json = known[id] ?? known["*"];
        const bytes = kind === "exec" ? 0 : (this.#behaviour.padding?.[id] ?? 0);
        const reply = () =>
          json === undefined
            ? this.#reply(socket, 404, JSON.stringify({ message: `no such ${id}` }))
            : this.#replyPadded(socket, JSON.stringify(json), bytes);
        if (inspectMs === 0) void reply();
        else setTimeout(reply, inspectMs);
      } else if (path.endsWith("/info")) {
        const SystemTime = `${new Date(Number(this.#now / 1_000_000n)).toISOString().slice(0, -1)}000000Z`;
        const { refuseInfo } = this.#behaviour;
        const body = { Name: "node-1", ServerVersion: "28.5.2", SystemTime };
        this.#reply(
          socket,
          refuseInfo ?? 200,
          JSON.stringify(refuseInfo === undefined ? body : { message: "no info" }),
        );
      } else if (path.endsWith("/version")) {
        const Name = podman === undefined ? "Engine" : "Podman Engine";
        this.#reply(socket, 200, JSON.stringify({ Version: "28.5.2", ApiVersion: apiVersion, Components: [{ Name }] }));
      } else {
        this.#reply(socket, 404, JSON.stringify({ message: "page not found" }));
      }
    }
  }

  /** A JSON object with so many bytes more, which are written as they are read. */
  async #replyPadded(socket: net.Socket, json: string, padding: number): Promise<void> {
    if (padding === 0) {
      this.#reply(socket, 200, json);
      return;
    }
    const [before, after] = ['{"padding":"', `",${json.slice(1)}`];
    const bytes = before.length + padding + Buffer.byteLength(after);
    await this.#write(socket, Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n${before}`));
    const piece = Buffer.alloc(1024 * 1024, "x");
    for (let left = padding; left > 0 && !socket.destroyed; left -= piece.length)
      await this.#write(socket, piece.subarray(0, left));
    await this.#write(socket, Buffer.from(after));
  }

  get #headers(): string {
    const { server = "Docker/28.5.2 (linux)" } = this.#behaviour;
    return `${server === "" ? "" : `Server: ${server}\r\n`}Date: ${this.#date}\r\n`;
  }

  get #eventsHead(): string {
    const type = "Content-Type: application/json\r\n";
    return `HTTP/1.1 200 OK\r\n${type}${this.#behaviour.eventsHeaders ?? ""}${this.#headers}Transfer-Encoding: chunked\r\n\r\n`;
  }

  /** What the engine still has of a time (moby: daemon/events, loadBufferedEvents). */
  #replay(since: bigint | undefined, until: bigint | undefined): string[] {
    if (since === undefined && until === undefined) return [];
    const found: string[] = [];
    for (const line of this.#kept.toReversed()) {
      const at = timeOf(line);
      if (at < (since ?? 0n)) {
        // moby goes back to the first that is older, whatever lies before it; podman reads its journal.
        if (this.#behaviour.podman === undefined) break;
      } else if (until === undefined || at <= until) found.unshift(line);
    }
    return found;
  }

  #reply(socket: net.Socket, status: number, body: string, headers: readonly string[] = []): void {
    socket.write(
      `HTTP/1.1 ${status} X\r\n${headers.map((line) => `${line}\r\n`).join("")}Date: ${this.#date}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }

  /** @param drop a subscriber that does not read loses events without a mark, as with moby */
  async #event(line: string, drop = false): Promise<void> {
    this.#kept.push(line);
    if (this.#kept.length > KEPT && this.#behaviour.podman === undefined) this.#kept.shift();
    this.#unheard = this.#subscribers.size === 0 ? this.#unheard + 1 : 0;
    this.#mostUnheard = Math.max(this.#mostUnheard, this.#unheard);
    for (const socket of this.#subscribers) {
      if (this.#wants.get(socket)?.(line) === false) continue;
      if (drop && socket.writableLength > BACKLOG_BYTES) this.#dropped++;
      else await this.#write(socket, chunk(line));
    }
  }

  /** Writes one after the other, in the pieces that the behaviour asks for. */
  #write(socket: net.Socket, bytes: Buffer): Promise<void> {
    const written = (this.#writing.get(socket) ?? Promise.resolve()).then(() => this.#writeNow(socket, bytes));
    this.#writing.set(socket, written);
    return written;
  }
  /** What each subscriber has asked for. */
  readonly #wants = new WeakMap<net.Socket, (line: string) => boolean>();
  readonly #writing = new WeakMap<net.Socket, Promise<void>>();
  readonly #withoutHeaders = new WeakSet<net.Socket>();

  async #writeNow(socket: net.Socket, bytes: Buffer): Promise<void> {
    if (this.#withoutHeaders.delete(socket)) socket.write(this.#eventsHead);
    const size = this.#behaviour.split || bytes.length;
    for (let at = 0; at < bytes.length; at += size) {
      if (socket.destroyed) return;
      if (!socket.write(bytes.subarray(at, at + size)))
        await new Promise<void>((resolve) => {
          const go = () => {
            socket.off("drain", go).off("close", go);
            resolve();
          };
          socket.on("drain", go).on("close", go);
        });
      // Let the pieces leave one by one.
      if (size < bytes.length && this.#behaviour.split) await new Promise(setImmediate);
    }
  }
}

/** A time of the query, ns since 1970. */
function time(path: string, name: string): bigint | undefined {
  const match = new RegExp(`[?&]${name}=(\\d+)\\.(\\d{9})`).exec(path);
  return match === null ? undefined : BigInt(`${match[1]}${match[2]}`);
}

/** When an event happened, ns since 1970. */
const timeOf = (line: string): bigint => BigInt(/"timeNano":(\d+)/.exec(line)?.[1] ?? 0);

/** What the query's filters want, by type, event and label as moby has it; all else is ignored. */
function wanted(path: string): (line: string) => boolean {
  const text = new URLSearchParams(path.replace(/^[^?]*\??/, "")).get("filters");
  if (text === null) return () => true;
  const sets = Object.entries(JSON.parse(text)).map(([key, set]) => [key, Object.keys(set as object)]);
  const { type, event, label } = Object.fromEntries(sets) as Record<string, string[] | undefined>;
  return (line) => {
    const { Type, Action, Actor } = JSON.parse(line);
    if (type !== undefined && !type.includes(Type)) return false;
    if (event !== undefined && !event.includes(Action)) return false;
    return label === undefined || label.every((each) => Actor.Attributes[each.split("=")[0] ?? ""] !== undefined);
  };
}

function chunk(line: string): Buffer {
  const bytes = Buffer.from(line);
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

/** The test's handle on an engine in its own process. */
export class TestEngine implements AsyncDisposable {
  readonly #pending: { resolve(value: unknown): void; reject(error: Error): void }[] = [];
  #process: Bun.Subprocess;
  #behaviour: Behaviour;

  private constructor(
    readonly socket: string,
    behaviour: Behaviour,
  ) {
    this.#behaviour = behaviour;
    this.#process = this.#spawn(0);
  }

  #spawn(flowed: number): Bun.Subprocess {
    const engine = Bun.spawn([process.execPath, import.meta.path], {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message) => this.#pending.shift()?.resolve(message),
      // Without this a test would wait for ever, or end as if all were well.
      onExit: (process, code, signal) => {
        if (process !== this.#process) return;
        for (const { reject } of this.#pending.splice(0)) reject(new Error(`the engine ended: ${signal ?? code}`));
      },
      serialization: "json",
    });
    engine.send({ path: this.socket, flowed, behaviour: this.#behaviour } satisfies Beginning);
    return engine;
  }

  /** Kills the engine and starts another like it on the same socket: what it kept is gone, and the flow goes on. */
  async restart(): Promise<void> {
    const flow = this.#flow;
    // What it emitted after it was asked would get its number a second time.
    await this.settle();
    const { flowed } = await this.flowed();
    await this.stop();
    rmSync(this.socket, { force: true });
    const up = this.#message();
    this.#process = this.#spawn(flowed);
    await up;
    if (flow !== undefined) await this.flow(flow.line, flow.perSecond, flow.until - flowed);
  }
  #flow: { line: string; perSecond: number; until: number } | undefined;

  get address(): string {
    return `unix://${this.socket}`;
  }

  get pid(): number {
    return this.#process.pid;
  }

  static async start(behaviour: Behaviour = {}, socket = join(temporaryFolder(), "docker.sock")): Promise<TestEngine> {
    rmSync(socket, { force: true });
    const engine = new TestEngine(socket, behaviour);
    await engine.#message();
    return engine;
  }

  /** The next message of the engine's process. */
  #message(): Promise<unknown> {
    return new Promise((resolve, reject) => this.#pending.push({ resolve, reject }));
  }

  #ask(command: Command): Promise<unknown> {
    const answer = this.#message();
    this.#process.send(command);
    return answer;
  }

  /** What it is to be like from now on, in full. */
  async behave(behaviour: Behaviour): Promise<void> {
    this.#behaviour = behaviour;
    await this.#ask({ do: "behave", behaviour });
  }

  /** Emits events to all subscribers. */
  async send(...lines: string[]): Promise<void> {
    await this.#ask({ do: "send", lines });
  }

  /** Emits `count` events; `@` in the line becomes each one's number, nine digits. */
  async repeat(line: string, count: number): Promise<void> {
    await this.#ask({ do: "repeat", line, count });
  }

  /** Begins to emit `count` events at a rate; `@` becomes each one's number, `#` the time in nanoseconds. */
  async flow(line: string, perSecond: number, count: number): Promise<void> {
    const { flowed } = await this.flowed();
    this.#flow = { line, perSecond, until: flowed + count };
    await this.#ask({ do: "flow", line, perSecond, count });
  }

  /** Ends what `flow` still has to emit. */
  async settle(): Promise<void> {
    await this.#ask({ do: "settle" });
  }

  /**
   * How many events `flow` has emitted so far, how many a subscriber lost as it did not read, and the most in a row that
   * nobody has listened to, of all events.
   */
  async flowed(): Promise<{ flowed: number; dropped: number; unheard: number }> {
    return (await this.#ask({ do: "flowed" })) as { flowed: number; dropped: number; unheard: number };
  }

  /** Writes bytes as they are into the subscribers' connections. */
  async raw(bytes: Buffer): Promise<void> {
    await this.#ask({ do: "raw", bytes: bytes.toString("base64") });
  }

  /** Breaks every connection. */
  async cut(reset = false): Promise<void> {
    await this.#ask({ do: "cut", reset });
  }

  /** Makes the streams dead: they stay open, and bring nothing any more. New ones are well. */
  async deaden(): Promise<void> {
    await this.#ask({ do: "deaden" });
  }

  /** Removes the socket's file as an engine that ends does first; what is connected stays. */
  async unlink(): Promise<void> {
    await this.#ask({ do: "unlink" });
  }

  /** Gives the next event of a flow a time so far in the future, ms. */
  async ahead(ms: number): Promise<void> {
    await this.#ask({ do: "ahead", ms });
  }

  /** Ends the streams as an engine does that shuts down well. */
  async end(): Promise<void> {
    await this.#ask({ do: "end" });
  }

  /** The requests since the last look. */
  async seen(): Promise<Seen[]> {
    return (await this.#ask({ do: "seen" })) as Seen[];
  }

  async subscribers(): Promise<number> {
    return (await this.#ask({ do: "subscribers" })) as number;
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

if (import.meta.main) {
  process.on("disconnect", () => process.exit(0));
  process.once("message", async ({ path, flowed, behaviour }: Beginning) => {
    const server = new Server(flowed, behaviour);
    process.on("message", async (command: Command) => process.send?.((await server.run(command)) ?? null));
    await server.listen(path);
    process.send?.("listening");
  });
}
