/** libdocker.so through its ABI, as Falco calls it (ffi/shared/falco_abi.h has the layouts). */
import { CString, dlopen, FFIType, JSCallback, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";
import { writeEventTo } from "../../ipc/event_header.ts";
import { layout } from "../../ipc/layout.ts";
import type { Value } from "../../ipc/record_reader.ts";
import type { Field } from "../../plugin/fields/field.ts";
import { fields } from "../../plugin/fields.ts";
import { info } from "../../plugin/info.ts";

/** What goes wrong at the library's side of the ABI, in words. */
export class AbiError extends Error {}

const { i32, ptr: pointer, cstring } = FFIType;

const SYMBOLS = {
  plugin_get_version: { args: [], returns: cstring },
  plugin_get_fields: { args: [], returns: cstring },
  plugin_init: { args: [pointer, pointer], returns: pointer },
  plugin_destroy: { args: [pointer], returns: FFIType.void },
  plugin_get_last_error: { args: [pointer], returns: cstring },
  plugin_open: { args: [pointer, pointer, pointer], returns: pointer },
  plugin_close: { args: [pointer, pointer], returns: FFIType.void },
  plugin_next_batch: { args: [pointer, pointer, pointer, pointer], returns: i32 },
  plugin_extract_fields: { args: [pointer, pointer, pointer], returns: i32 },
} as const;

/** enum falco_rc. */
const RC = { success: 0, timeout: -1, eof: 2 } as const;

/** struct falco_extract_field. */
const FIELD = { bytes: 64, result: 0, count: 8, id: 16, name: 24, key: 32, index: 40, isPresent: 48 } as const;
/** The index of what has none, as libsinsp writes it. */
const NO_INDEX = 2n ** 64n - 1n;

const cString = (text: string): Buffer => Buffer.from(`${text}\0`);
const address = (bytes: NodeJS.TypedArray): bigint => BigInt(ptr(bytes));
const SOURCE = cString(info.eventSource);

/** An event in the library's memory, valid until the next batch, or in our own. */
export class AbiEvent {
  /** @param own the memory itself, where it is ours: it must outlive the event */
  constructor(
    readonly at: Pointer,
    readonly own?: Buffer,
  ) {}

  get timeNano(): bigint {
    return read.u64(this.at, 0);
  }

  get payload(): string {
    const bytes = Buffer.from(toArrayBuffer(this.at, 0, read.u32(this.at, layout.EVENT_LENGTH)));
    return bytes.toString("utf8", layout.EVENT_PAYLOAD);
  }
}

/** A payload as an event in memory of our own, as a capture file is read. */
export function foreignEvent(timeNano: bigint, payload: Buffer): AbiEvent {
  const event = Buffer.alloc(layout.EVENT_PAYLOAD + payload.length);
  writeEventTo(event, 0, timeNano, payload);
  return new AbiEvent(ptr(event), event);
}

/** A field to be extracted, with its argument. */
export interface Extracted {
  readonly field: Field;
  readonly key: string | undefined;
}

/** The library, loaded and with its runtime running. */
export class Library {
  readonly #lib: ReturnType<typeof dlopen<typeof SYMBOLS>>;
  readonly #log: JSCallback;
  readonly #state: Pointer;
  #instance: Pointer | undefined;
  readonly #count = new Uint32Array(1);
  readonly #events = new BigUint64Array(1);
  readonly #ids: ReadonlyMap<string, number>;

  /**
   * Loads a library and starts its runtime.
   * @param config `init_config`, as JSON text
   * @throws AbiError where it is none, or does not start
   */
  constructor(
    readonly path: string,
    config: string,
    log: (text: string) => void,
  ) {
    try {
      this.#lib = dlopen(path, SYMBOLS);
    } catch (error) {
      throw new AbiError(`${path} cannot be loaded: ${(error as Error).message}`);
    }
    this.#log = new JSCallback(
      (_owner: unknown, _component: unknown, text: Pointer) => log(new CString(text).toString()),
      {
        args: [pointer, pointer, pointer, i32],
        returns: FFIType.void,
      },
    );
    const text = cString(config);
    const input = new BigUint64Array([address(text), 0n, 0n, 0n, BigInt(this.#log.ptr ?? 0)]);
    const code = new Int32Array(1);
    const state = this.#lib.symbols.plugin_init(input, code) as Pointer | null;
    if (state === null) throw new AbiError(`${path}: its plugin_init returned nothing`);
    this.#state = state;
    const list = JSON.parse(String(this.#lib.symbols.plugin_get_fields())) as { name: string }[];
    this.#ids = new Map(list.map(({ name }, id) => [name, id]));
    if (code[0] !== RC.success) {
      const { lastError } = this;
      this.close();
      throw new AbiError(`${path}: ${lastError}`);
    }
  }

  get version(): string {
    return String(this.#lib.symbols.plugin_get_version());
  }

  /** The fields of ours that it does not have. */
  get missing(): string[] {
    return fields.map(({ name }) => name).filter((name) => !this.#ids.has(name));
  }

  /** @throws AbiError */
  open(params: string): void {
    const code = new Int32Array(1);
    const instance = this.#lib.symbols.plugin_open(this.#state, cString(params), code) as Pointer | null;
    if (instance === null || code[0] !== RC.success) throw new AbiError(this.lastError);
    this.#instance = instance;
  }

  /**
   * What has come; waits up to 100 ms for it. Undefined at the end of all.
   * @throws AbiError
   */
  nextBatch(): AbiEvent[] | undefined {
    const instance = this.#instance;
    if (instance === undefined) throw new AbiError("it is not open");
    const code = this.#lib.symbols.plugin_next_batch(this.#state, instance, this.#count, this.#events);
    if (code === RC.eof) return undefined;
    if (code !== RC.success && code !== RC.timeout) throw new AbiError(this.lastError);
    const table = Number(this.#events[0]) as Pointer;
    return Array.from({ length: this.#count[0] ?? 0 }, (_, i) => new AbiEvent(read.ptr(table, i * 8) as Pointer));
  }

  /** The values of several fields of an event. @throws AbiError */
  extract(event: AbiEvent, asks: readonly Extracted[]): (Value | undefined)[] {
    const names = asks.map(({ field }) => cString(field.name));
    const keys = asks.map(({ key }) => (key === undefined ? undefined : cString(key)));
    const table = Buffer.alloc(FIELD.bytes * asks.length);
    for (const [i, { field }] of asks.entries()) {
      const at = i * FIELD.bytes;
      const key = keys[i];
      table.writeUInt32LE(this.#ids.get(field.name) ?? 0xffff_ffff, at + FIELD.id);
      table.writeBigUInt64LE(address(names[i] ?? SOURCE), at + FIELD.name);
      table.writeBigUInt64LE(key === undefined ? 0n : address(key), at + FIELD.key);
      table.writeBigUInt64LE(key === undefined ? NO_INDEX : 0n, at + FIELD.index);
      table.writeUInt32LE(key === undefined ? 0 : 1, at + FIELD.isPresent);
    }
    const eventInput = new BigUint64Array([BigInt(event.at), 1n, address(SOURCE)]);
    const input = new BigUint64Array([0n, 0n, BigInt(asks.length), address(table), 0n, 0n, 0n, 0n, 0n, 0n]);
    const code = this.#lib.symbols.plugin_extract_fields(this.#state, eventInput, input);
    if (code !== RC.success) throw new AbiError(this.lastError);
    return asks.map(({ field }, i) => valueAt(table, i * FIELD.bytes, field));
  }

  get lastError(): string {
    return String(this.#lib.symbols.plugin_get_last_error(this.#state));
  }

  /** Ends the runtime and lets the library go. */
  close(): void {
    if (this.#instance !== undefined) this.#lib.symbols.plugin_close(this.#state, this.#instance);
    this.#instance = undefined;
    this.#lib.symbols.plugin_destroy(this.#state);
    this.#log.close();
    this.#lib.close();
  }
}

/** A value that was extracted. */
function valueAt(table: Buffer, at: number, field: Field): Value | undefined {
  const count = Number(table.readBigUInt64LE(at + FIELD.count));
  if (count === 0) return undefined;
  const result = Number(table.readBigUInt64LE(at + FIELD.result)) as Pointer;
  if (field.type === "bool") return read.u32(result, 0) !== 0;
  const numberAt = (i: number): bigint => read.u64(result, i * layout.NUMBER_BYTES);
  if (field.type !== "string") return field.list ? Array.from({ length: count }, (_, i) => numberAt(i)) : numberAt(0);
  const texts = Array.from({ length: count }, (_, i) => new CString(read.ptr(result, i * 8) as Pointer).toString());
  return field.list ? texts : texts[0];
}
