/**
 * An engine behind SSH, as the Docker CLI reaches one: the system's `ssh` starts `docker system dial-stdio` over there,
 * whose input and output are the connection to the engine (docker/cli 28.5.2: cli/connhelper/connhelper.go).
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import type { buildConnector } from "undici/index.js";
import { errorMessage } from "../base/errors.ts";
import type { SshTarget } from "./address.ts";
import { homeFolder } from "./environment.ts";
import { explainSsh } from "./ssh_errors.ts";
import { Trouble } from "./trouble.ts";

/** Paths for `ssh`; absent: as its own configuration says. */
export interface SshSettings {
  /** The private key; no other is tried then. */
  readonly identityfile?: string | undefined;
  /** The keys of hosts; those of others are refused. */
  readonly knownhosts?: string | undefined;
  /** In place of the account's and the system's `ssh_config`. */
  readonly config?: string | undefined;
}

/** Where programs are looked for: the runtime's environment says nothing of that. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** How long `ssh` may take for a TCP connection, s, and how soon it notices a dead one: three times so long, s. */
const CONNECT_S = 10;
const ALIVE_S = 15;
/** How often a shared connection that is being made is looked at, and for how long at most, ms. */
const LOOK_MS = 20;
const SHARE_MAX_MS = 20_000;
/** Sessions of one SSH connection (sshd allows 10, MaxSessions): that which holds it open, streams, questions. */
const SESSIONS_MAX = 6;
const STREAMS_MAX = 3;
/** Bytes of what `ssh` and the program over there say that are looked at. */
const WORDS_MAX = 4096;
/** The longest path of a control socket: `ssh` makes it under a longer name first (OpenSSH 9: mux.c, muxserver_listen). */
const CONTROL_PATH_MAX = 107 - 17;

/** In double quotes for `-o`, where `%` begins a token. */
const quoted = (path: string): string => `"${path.replaceAll("%", "%%")}"`;
/** For the shell over there. */
const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A running `ssh`, with what it and the program over there said of errors. */
class Child {
  readonly process: ChildProcessWithoutNullStreams;
  #words = "";
  /** Resolves when it has ended and said all; undefined: with success. */
  readonly ended: Promise<Trouble | undefined>;
  isOver = false;

  constructor(address: string, args: readonly string[]) {
    const { SSH_AUTH_SOCK } = process.env;
    // stdio is all that it gets of this process, and signals act on it as on any other (Bun resets them for children).
    this.process = spawn("ssh", args, {
      cwd: "/",
      env: { PATH, HOME: homeFolder(), LC_ALL: "C", ...(SSH_AUTH_SOCK === undefined ? {} : { SSH_AUTH_SOCK }) },
    });
    this.process.stderr.on("data", (data: Buffer) => {
      if (this.#words.length < WORDS_MAX) this.#words += data.toString();
    });
    this.ended = new Promise((resolve) => {
      this.process.on("error", (error: NodeJS.ErrnoException) => {
        this.isOver = true;
        const missing = "there is no program ssh on this machine: install OpenSSH's client, such as openssh-client";
        const why = error.code === "ENOENT" ? missing : errorMessage(error);
        resolve(new Trouble(`cannot reach the engine at ${address}: ${why}`, true));
      });
      this.process.on("close", (code) => {
        this.isOver = true;
        resolve(code === 0 ? undefined : explainSsh(address, code, this.#words));
      });
    });
    // One that has ended takes nothing any more: its end says why.
    this.process.stdin.on("error", () => {});
  }

  end(): void {
    this.process.stdin.destroy();
    this.process.kill("SIGTERM");
  }
}

/** The input and output of a child as a connection. */
class ChildSocket extends Duplex {
  constructor(readonly child: Child) {
    super({ allowHalfOpen: false });
    const { stdout } = child.process;
    stdout.on("data", (data: Buffer) => {
      if (!this.push(data)) stdout.pause();
    });
    // Its end alone does not say why: what it said of errors may come later.
    void child.ended.then((trouble) => {
      if (trouble !== undefined) this.destroy(trouble);
      else this.push(null);
    });
  }

  override _read(): void {
    this.child.process.stdout.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.child.process.stdin.write(chunk, encoding, () => done());
  }

  override _final(done: () => void): void {
    this.child.process.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.child.end();
    done(error);
  }
}

/**
 * Makes the folder of control sockets, for its owner alone, and takes away what processes left there that were killed.
 * @throws where it cannot be made, or is not ours alone
 */
export function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(folder);
  if (uid !== process.geteuid?.() || (mode & 0o170077) !== 0o040000)
    throw new Error(`${folder}: others may enter this folder, or it is another user's`);
  for (const name of readdirSync(folder))
    if (!existsSync(`/proc/${name.split("-")[0]}`)) rmSync(join(folder, name), { force: true });
}

/** How many there were in this process: each has a control socket of its own. */
let tunnels = 0;

/** The way to one engine. */
export class SshTunnel {
  /** Connections for questions: the rest of the sessions is for streams, and for what holds the SSH connection open. */
  static readonly QUESTIONS_MAX = SESSIONS_MAX - STREAMS_MAX - 1;

  readonly #base: readonly string[];
  readonly #command: readonly string[];
  readonly #control: string | undefined;
  #keeper: { readonly child: Child; readonly stands: Promise<void> } | undefined;

  /**
   * @param address as it is shown
   * @param folder where the socket of a shared SSH connection may lie; undefined: each connection has one of its own
   */
  constructor(
    readonly address: string,
    target: SshTarget,
    settings: SshSettings,
    folder: string | undefined,
  ) {
    const { user, host, port, path } = target;
    const { identityfile, knownhosts, config } = settings;
    const options = [
      "BatchMode=yes",
      "StrictHostKeyChecking=yes",
      "UpdateHostKeys=no",
      `ConnectTimeout=${CONNECT_S}`,
      `ServerAliveInterval=${ALIVE_S}`,
      "ServerAliveCountMax=3",
      "ClearAllForwardings=yes",
      "PermitLocalCommand=no",
      "RemoteCommand=none",
      ...(knownhosts === undefined
        ? []
        : [`UserKnownHostsFile=${quoted(knownhosts)}`, "GlobalKnownHostsFile=/dev/null"]),
      ...(identityfile === undefined ? [] : [`IdentityFile=${quoted(identityfile)}`, "IdentitiesOnly=yes"]),
    ];
    // Not -a and -x alone: neither an agent nor a display has anything to do over there.
    this.#base = ["-T", "-a", "-x", ...options.flatMap((option) => ["-o", option])];
    if (config !== undefined) this.#base = ["-F", config, ...this.#base];
    const docker = path === undefined ? "docker" : `docker --host=${shellQuoted(`unix://${path}`)}`;
    this.#command = [
      ...(user === undefined ? [] : ["-l", user]),
      ...(port === undefined ? [] : ["-p", port]),
      "--",
      host,
      `${docker} system dial-stdio`,
    ];
    const control = folder === undefined ? undefined : join(folder, `${process.pid}-${tunnels++}`);
    this.#control = control !== undefined && Buffer.byteLength(control) <= CONTROL_PATH_MAX ? control : undefined;
  }

  /** How undici connects. */
  readonly connect: buildConnector.connector = (_options, callback) => {
    this.#open().then(
      // undici asks no more of a connection than a Duplex has, and what it is told of errors.
      (socket) => callback(null, socket as unknown as Socket),
      (error: Trouble) => callback(error, null),
    );
  };

  /** Ends the SSH connection, and with it all that goes through it. */
  close(): void {
    this.#keeper?.child.end();
    this.#keeper = undefined;
  }

  async #open(): Promise<ChildSocket> {
    const control = this.#control;
    if (control === undefined) return new ChildSocket(new Child(this.address, this.#args("ControlMaster=no", "none")));
    await this.#share(control);
    return new ChildSocket(new Child(this.address, this.#args("ControlMaster=no", control)));
  }

  #args(master: string, control: string): string[] {
    const path = control === "none" ? control : quoted(control);
    return [...this.#base, ...["-o", master, "-o", `ControlPath=${path}`, "-o", "ControlPersist=no"], ...this.#command];
  }

  /**
   * Settles when the shared SSH connection stands. What holds it open is a session like the others, of a child whose
   * input nobody closes but the end of this process: so it ends with that, however that ends.
   * @throws Trouble
   */
  #share(control: string): Promise<void> {
    if (this.#keeper !== undefined && !this.#keeper.child.isOver) return this.#keeper.stands;
    rmSync(control, { force: true });
    const child = new Child(this.address, this.#args("ControlMaster=yes", control));
    child.process.stdout.resume();
    const stands = this.#standing(child, control);
    this.#keeper = { child, stands };
    return stands;
  }

  async #standing(child: Child, control: string): Promise<void> {
    const ended = child.ended.then((trouble) => {
      throw (
        trouble ?? new Trouble(`ssh to ${this.address} ended at once: does the account over there run commands?`, false)
      );
    });
    // Only of interest as long as the connection is being made.
    ended.catch(() => {});
    for (const until = performance.now() + SHARE_MAX_MS; performance.now() < until; ) {
      await Promise.race([Bun.sleep(LOOK_MS), ended]);
      if (existsSync(control)) return;
    }
    child.end();
    throw new Trouble(`ssh to ${this.address} does not get through`, false);
  }
}
