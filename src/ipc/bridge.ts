/** What the runtime calls in libdocker.so, and what it is called back for. */
import { dlopen, FFIType, JSCallback, type Pointer, toArrayBuffer } from "bun:ffi";
import { readDefaults } from "../plugin/config.ts";
import { type MetricName, metrics } from "../plugin/metrics.ts";
import { isTold, type Severity, severities } from "../plugin/severities.ts";
import { layout } from "./layout.ts";
import { Suspects } from "./suspects.ts";
import { callbacks, symbols } from "./symbols.ts";

const { u32 } = FFIType;

/** What the host asks for. Each request is answered once, through `Bridge.answer` or `Bridge.refuse`. */
export interface Requests {
  configure(id: number, config: string): void;
  /** @param openFor for how long the instance was open in runtimes that are gone, s; 0: it is opened now */
  open(id: number, instance: number, params: string, openFor: number): void;
  close(id: number, instance: number): void;
  extract(id: number, payload: Buffer): void;
  list(id: number): void;
  /** The host is gone or has let go of the runtime, which ends within 500 ms in any case. */
  abandoned(): void;
}

/** The bytes of an open instance's ring, and where its producer stands. */
export interface RingMemory {
  /** Twice the same RING_BYTES of data in a row. */
  readonly data: ArrayBuffer;
  /** What lies before the data: the header page and the journals. */
  readonly header: ArrayBuffer;
  readonly head: number;
}

/** The runtime's end of the joint with Falco's process: libdocker.so, called through bun:ffi. */
export class Bridge {
  readonly #lib;
  readonly #mailbox: Buffer;
  readonly #counters: BigUint64Array;
  readonly #request: Buffer;
  readonly #answer: Buffer;
  /** What of the log is told: the setting `loglevel`. */
  logLevel: Severity = readDefaults().loglevel;
  /** Where the answer of `extract` goes: the mailbox, from MAILBOX_ANSWER on. */
  readonly answerMemory: { readonly memory: ArrayBuffer; readonly offset: number };
  /** What of an engine is being read: its lines, and its answers by what was asked. */
  readonly suspects: { readonly lines: Suspects; readonly inspections: Suspects };

  /**
   * Starts to listen for the host's requests.
   * @param library the path of libdocker.so
   */
  constructor(library: string, requests: Requests) {
    this.#lib = dlopen(library, symbols).symbols;
    let question = new Uint32Array(1);
    const handlers: Record<keyof typeof callbacks, (...numbers: number[]) => void> = {
      configure: (id = 0, length = 0) => requests.configure(id, this.#text(length)),
      open: (id = 0, instance = 0, resume = 0, length = 0) => requests.open(id, instance, this.#text(length), resume),
      close: (id = 0, instance = 0) => requests.close(id, instance),
      extract: (id = 0, length = 0) => {
        // A question that ends this process is known by this.
        question[0] = id;
        requests.extract(id, this.#request.subarray(0, length));
        question[0] = 0;
      },
      list: (id = 0) => requests.list(id),
      abandoned: () => requests.abandoned(),
    };
    const pointers = Object.entries(callbacks).map(([name, numbers]) => {
      const args = numbers.map(() => u32);
      const handler = handlers[name as keyof typeof callbacks];
      return new JSCallback(handler, { returns: "void", threadsafe: true, args }).ptr;
    });
    const table = new BigUint64Array(pointers.map((pointer) => BigInt(pointer ?? 0)));
    const rc = this.#lib.docker_bridge_start(table);
    if (rc !== 0) throw new Error(rc === 1 ? "the mailbox cannot be mapped" : "no thread can be started");
    const memory = toArrayBuffer(this.#lib.docker_bridge_mailbox() as Pointer, 0, layout.MAILBOX_BYTES);
    this.#mailbox = Buffer.from(memory);
    this.#request = this.#mailbox.subarray(layout.MAILBOX_REQUEST, layout.MAILBOX_ANSWER);
    this.#answer = this.#mailbox.subarray(layout.MAILBOX_ANSWER);
    this.#counters = new BigUint64Array(memory, layout.MAILBOX_METRICS, metrics.length);
    this.answerMemory = { memory, offset: layout.MAILBOX_ANSWER };
    question = new Uint32Array(memory, layout.MAILBOX_QUESTION, 1);
    this.suspects = {
      lines: new Suspects(memory, layout.MAILBOX_LINE, layout.MAILBOX_BAD_LINES),
      inspections: new Suspects(memory, layout.MAILBOX_INSPECTION, layout.MAILBOX_BAD_INSPECTIONS),
    };
  }

  /** Answers a request; what goes with it stands in the first `length` bytes of `answerMemory`. */
  answer(id: number, length = 0, value = 0): void {
    this.#lib.docker_bridge_answer(id, 0, length, value);
  }

  answerText(id: number, text: string, value = 0): void {
    this.answer(id, this.#answer.write(text), value);
  }

  /** Answers a request with what went wrong. */
  refuse(id: number, why: string): void {
    this.#lib.docker_bridge_answer(id, 1, this.#answer.write(why.slice(0, layout.ERROR_MAX)), 0);
  }

  ring(instance: number): RingMemory {
    const base = this.#lib.docker_bridge_ring(instance) as Pointer;
    const header = toArrayBuffer(base, 0, layout.RING_DATA);
    const data = toArrayBuffer(base, layout.RING_DATA, 2 * layout.RING_BYTES);
    return { data, header, head: Number(this.#lib.docker_bridge_ring_head(instance)) };
  }

  ringTail(instance: number): number {
    return Number(this.#lib.docker_bridge_ring_tail(instance));
  }

  /** Makes everything below `head` visible to the host, and wakes it if it waits for that. */
  ringPublish(instance: number, head: number): void {
    this.#lib.docker_bridge_ring_publish(instance, head);
  }

  /** Tells the host that nothing comes after what is visible. */
  ringEnd(instance: number): void {
    this.#lib.docker_bridge_ring_end(instance);
  }

  /** Unmaps a ring: nothing may touch its memory any more. */
  ringClose(instance: number): void {
    this.#lib.docker_bridge_ring_close(instance);
  }

  /**
   * A line for Falco's log; Falco puts the plugin's name before it. Never waits: where Falco does not read, the line is
   * dropped and counted.
   */
  log(severity: Severity, text: string): void {
    if (!isTold(severity, this.logLevel)) return;
    const bytes = Buffer.from(text.slice(0, layout.LOG_MAX));
    this.#lib.docker_bridge_log(severities[severity], bytes, bytes.length);
  }

  count(metric: MetricName, by = 1): void {
    const place = places[metric];
    this.#counters[place] = (this.#counters[place] ?? 0n) + BigInt(by);
  }

  gauge(metric: MetricName, value: number): void {
    this.#counters[places[metric]] = BigInt(Math.max(0, Math.round(value)));
  }

  /** Tells the host that the event loop still turns. */
  heartbeat(): void {
    this.#mailbox.writeUInt32LE(
      (this.#mailbox.readUInt32LE(layout.MAILBOX_HEARTBEAT) + 1) >>> 0,
      layout.MAILBOX_HEARTBEAT,
    );
  }

  #text(length: number): string {
    return this.#request.toString("utf8", 0, length);
  }
}

const places = Object.fromEntries(metrics.map(({ name }, place) => [name, place])) as Record<MetricName, number>;
