/** Drives libdocker.so through its ABI as Falco does. The offsets are FALCO_ABI's, said once more on purpose. */
import { CString, dlopen, FFIType, JSCallback, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fields } from "../../src/plugin/fields.ts";
import { skipped } from "./needs.ts";
import { temporaryFolder } from "./temporary.ts";

const { u32, i32, ptr: pointer, cstring } = FFIType;

/** libdocker.so as it was built, and the one that the tests drive: asan.ts names another. */
export const BUILT = join(import.meta.dir, "../../dist/libdocker.so");
export const LIBRARY = Bun.env.LIBDOCKER ?? BUILT;
export const isVariant = LIBRARY !== BUILT;
if (isVariant) skipped("what is about the built library itself", "a variant of it is driven");
export const PROGRAM = join(import.meta.dir, "../../dist/docker-plugin");

export const rc = { success: 0, failure: 1, timeout: -1, eof: 2, notSupported: 3 } as const;

const symbols = {
  plugin_get_required_api_version: { args: [], returns: cstring },
  plugin_get_name: { args: [], returns: cstring },
  plugin_get_description: { args: [], returns: cstring },
  plugin_get_contact: { args: [], returns: cstring },
  plugin_get_version: { args: [], returns: cstring },
  plugin_get_id: { args: [], returns: u32 },
  plugin_get_event_source: { args: [], returns: cstring },
  plugin_get_fields: { args: [], returns: cstring },
  plugin_get_init_schema: { args: [pointer], returns: cstring },
  plugin_init: { args: [pointer, pointer], returns: pointer },
  plugin_destroy: { args: [pointer], returns: FFIType.void },
  plugin_get_last_error: { args: [pointer], returns: cstring },
  plugin_set_config: { args: [pointer, pointer], returns: i32 },
  plugin_get_metrics: { args: [pointer, pointer], returns: pointer },
  plugin_open: { args: [pointer, pointer, pointer], returns: pointer },
  plugin_close: { args: [pointer, pointer], returns: FFIType.void },
  plugin_next_batch: { args: [pointer, pointer, pointer, pointer], returns: i32 },
  plugin_list_open_params: { args: [pointer, pointer], returns: cstring },
  plugin_get_progress: { args: [pointer, pointer, pointer], returns: cstring },
  plugin_event_to_string: { args: [pointer, pointer], returns: cstring },
  plugin_extract_fields: { args: [pointer, pointer, pointer], returns: i32 },
} as const;

const cString = (text: string): Buffer => Buffer.from(`${text}\0`);
const address = (bytes: NodeJS.TypedArray): bigint => BigInt(ptr(bytes));

/** Sets a variable of this process as C sees it, which `process.env` does not do; undefined: takes it away. */
export function setVariable(name: string, value: string | undefined): void {
  const libc = dlopen("libc.so.6", {
    setenv: { args: [pointer, pointer, i32], returns: i32 },
    unsetenv: { args: [pointer], returns: i32 },
  });
  if (value === undefined) libc.symbols.unsetenv(cString(name));
  else libc.symbols.setenv(cString(name), cString(value), 1);
  libc.close();
}

/** A value as Falco gets it; undefined is absent. */
export type Value = string | bigint | boolean | (string | bigint)[] | undefined;

/** A field to ask for: its name, or its name with an argument. */
export type Ask = string | readonly [name: string, key: string];

export interface LogLine {
  readonly severity: number;
  readonly text: string;
}

/** An event at an address, as next_batch gave it or as a test laid it down. */
export class HostEvent {
  constructor(readonly at: Pointer) {}

  get bytes(): Buffer {
    return Buffer.from(toArrayBuffer(this.at, 0, read.u32(this.at, 16)));
  }

  get ts(): bigint {
    return read.u64(this.at, 0);
  }

  get payload(): string {
    return this.bytes.toString("utf8", 38);
  }
}

export interface Batch {
  readonly rc: number;
  readonly events: HostEvent[];
}

export class Plugin {
  readonly #lib;
  readonly call;

  constructor(readonly path = LIBRARY) {
    this.#lib = dlopen(path, symbols);
    this.call = this.#lib.symbols;
  }

  /** Unloads the library. */
  unload(): void {
    this.#lib.close();
  }

  init(config = ""): State {
    return new State(this, config);
  }
}

/** A copy of the library in a folder of its own, beside another docker-plugin: a script or program, or none. */
export function pluginBeside(script: string | Buffer | undefined, mode = 0o755): Plugin {
  const folder = temporaryFolder();
  copyFileSync(LIBRARY, join(folder, "libdocker.so"));
  if (script !== undefined) writeFileSync(join(folder, "docker-plugin"), script, { mode });
  return new Plugin(join(folder, "libdocker.so"));
}

/** A plugin state; `rc` and `error` tell whether init worked. */
export class State implements Disposable {
  readonly logs: LogLine[] = [];
  readonly rc: number;
  readonly at: Pointer | null;
  readonly #log: JSCallback;

  constructor(
    readonly plugin: Plugin,
    config: string,
  ) {
    this.#log = new JSCallback(
      (_owner: unknown, _component: unknown, text: Pointer, severity: number) => {
        this.logs.push({ severity, text: new CString(text).toString() });
      },
      { args: [pointer, pointer, pointer, i32], returns: FFIType.void },
    );
    const text = cString(config);
    const input = new BigUint64Array([address(text), 0n, 0n, 0n, BigInt(this.#log.ptr ?? 0)]);
    const code = new Int32Array(1);
    this.at = plugin.call.plugin_init(input, code) as Pointer | null;
    this.rc = code[0] ?? -99;
  }

  get error(): string {
    return String(plugin_error(this));
  }

  open(params: string): Instance {
    return new Instance(this, params);
  }

  /** An event laid into memory of the test's own, as a capture file is read. */
  foreign(payload: Buffer | string, pluginId = 5): HostEvent {
    const bytes = Buffer.from(payload);
    const event = Buffer.alloc(38 + bytes.length);
    event.writeBigUInt64LE(1n, 0);
    event.writeBigUInt64LE(2n ** 64n - 1n, 8);
    event.writeUInt32LE(event.length, 16);
    event.writeUInt16LE(322, 20);
    event.writeUInt32LE(2, 22);
    event.writeUInt32LE(4, 26);
    event.writeUInt32LE(bytes.length, 30);
    event.writeUInt32LE(pluginId, 34);
    bytes.copy(event, 38);
    this.#kept.push(event);
    return new HostEvent(ptr(event));
  }
  readonly #kept: Buffer[] = [];

  /** Asks for fields in one call, and reads the answers as Falco does. */
  extract(event: HostEvent, asks: readonly Ask[]): Value[] {
    const keep: Buffer[] = [];
    const table = Buffer.alloc(64 * asks.length, 0xaa);
    for (const [i, ask] of asks.entries()) {
      const [name, key] = typeof ask === "string" ? [ask, undefined] : ask;
      const id = fields.findIndex((field) => field.name === name);
      const at = i * 64;
      const text = cString(name);
      const argument = key === undefined ? undefined : cString(key);
      keep.push(text);
      if (argument !== undefined) keep.push(argument);
      table.writeUInt32LE(id < 0 ? 0xffff : id, at + 16);
      table.writeBigUInt64LE(address(text), at + 24);
      table.writeBigUInt64LE(argument === undefined ? 0n : address(argument), at + 32);
      table.writeBigUInt64LE(argument === undefined ? 2n ** 64n - 1n : 0n, at + 40);
      table.writeUInt32LE(argument === undefined ? 0 : 1, at + 48);
    }
    const source = cString("docker");
    const eventInput = new BigUint64Array([BigInt(event.at), 1n, address(source)]);
    const extractInput = new BigUint64Array([0n, 0n, BigInt(asks.length), address(table), 0n, 0n, 0n, 0n, 0n, 0n]);
    const code = this.plugin.call.plugin_extract_fields(this.at, eventInput, extractInput);
    if (code !== rc.success) throw new Error(`extract_fields returned ${code}`);
    return asks.map((ask, i) => this.#value(typeof ask === "string" ? ask : ask[0], table, i * 64));
  }

  #value(name: string, table: Buffer, at: number): Value {
    const count = Number(table.readBigUInt64LE(at + 8));
    if (count === 0) return undefined;
    const result = Number(table.readBigUInt64LE(at)) as Pointer;
    const field = fields.find((f) => f.name === name);
    if (field?.type === "bool") return read.u32(result, 0) !== 0;
    if (field?.type !== "string") {
      const numbers = Array.from({ length: count }, (_, i) => read.u64(result, i * 8));
      return field?.list ? numbers : numbers[0];
    }
    const strings = Array.from({ length: count }, (_, i) => new CString(read.ptr(result, i * 8) as Pointer).toString());
    return field.list ? strings : strings[0];
  }

  toText(event: HostEvent): string {
    const source = cString("docker");
    const input = new BigUint64Array([BigInt(event.at), 1n, address(source)]);
    return String(this.plugin.call.plugin_event_to_string(this.at, input));
  }

  metrics(): Record<string, number> {
    const count = new Uint32Array(1);
    const table = this.plugin.call.plugin_get_metrics(this.at, count) as Pointer;
    return Object.fromEntries(
      Array.from({ length: count[0] ?? 0 }, (_, i) => [
        new CString(read.ptr(table, i * 32) as Pointer).toString(),
        Number(read.u64(table, i * 32 + 16)),
      ]),
    );
  }

  setConfig(config: string): number {
    const text = cString(config);
    return this.plugin.call.plugin_set_config(this.at, new BigUint64Array([address(text)]));
  }

  listOpenParams(): { rc: number; text: string } {
    const code = new Int32Array(1);
    const text = this.plugin.call.plugin_list_open_params(this.at, code);
    return { rc: code[0] ?? -99, text: String(text) };
  }

  destroy(): void {
    if (!this.#isDestroyed) this.plugin.call.plugin_destroy(this.at);
    this.#isDestroyed = true;
  }
  #isDestroyed = false;

  [Symbol.dispose](): void {
    this.destroy();
  }
}

function plugin_error(state: State): unknown {
  return state.plugin.call.plugin_get_last_error(state.at);
}

/** An open instance. */
export class Instance implements Disposable {
  readonly rc: number;
  readonly at: Pointer | null;
  readonly #count = new Uint32Array(1);
  readonly #events = new BigUint64Array(1);
  #open: boolean;

  constructor(
    readonly state: State,
    params: string,
  ) {
    const code = new Int32Array(1);
    this.at = state.plugin.call.plugin_open(state.at, cString(params), code) as Pointer | null;
    this.rc = code[0] ?? -99;
    this.#open = this.at !== null;
  }

  nextBatch(): Batch {
    const code = this.state.plugin.call.plugin_next_batch(this.state.at, this.at, this.#count, this.#events);
    const table = Number(this.#events[0]) as Pointer;
    const events = Array.from(
      { length: this.#count[0] ?? 0 },
      (_, i) => new HostEvent(read.ptr(table, i * 8) as Pointer),
    );
    return { rc: code, events };
  }

  /** Batches until `count` events came or `ms` have passed; each event is looked at while its batch is valid. */
  take<T>(count: number, look: (event: HostEvent) => T, ms = 30_000): T[] {
    const taken: T[] = [];
    for (const end = performance.now() + ms; taken.length < count && performance.now() < end; ) {
      const batch = this.nextBatch();
      if (batch.rc !== rc.success && batch.rc !== rc.timeout)
        throw new Error(`next_batch returned ${batch.rc}: ${this.state.error}`);
      for (const event of batch.events) taken.push(look(event));
    }
    return taken;
  }

  payloads(count: number, ms?: number): string[] {
    return this.take(count, (event) => event.payload, ms);
  }

  close(): void {
    if (this.#open) this.state.plugin.call.plugin_close(this.state.at, this.at);
    this.#open = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
