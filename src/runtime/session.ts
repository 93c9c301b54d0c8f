import { Engine } from "../docker/client.ts";
import { parseEndpoint } from "../docker/endpoint.ts";
import { type DockerEvent, parseEvent } from "../docker/event.ts";
import { EventStream } from "../docker/stream.ts";
import { printable } from "../text.ts";
import type { Bridge } from "./bridge.ts";
import { LineQueue } from "./queue.ts";
import { RateLimit } from "./rate_limit.ts";
import { RingProducer } from "./ring.ts";

/** How much may wait for a Falco that stands still, bytes. */
const QUEUE_MAX_BYTES = 64 * 1024 * 1024;
/** How soon the ring is looked at again while events wait for room in it, ms. */
const DRAIN_MS = 5;

/** One open instance: the stream of an engine's events, and the ring they go into. */
export class Session {
  readonly #ring: RingProducer;
  readonly #queue = new LineQueue(QUEUE_MAX_BYTES);
  readonly #stream: EventStream;
  readonly #badLines = new RateLimit(10, 60_000);
  #drain: Timer | undefined;
  #dropped = 0;

  /**
   * @param params `open_params`: an engine's address, or empty
   * @throws BadAddress
   */
  constructor(
    readonly bridge: Bridge,
    readonly instance: number,
    params: string,
  ) {
    const engine = new Engine(parseEndpoint(params, process.env.DOCKER_HOST));
    this.#ring = new RingProducer(bridge, instance);
    this.#stream = new EventStream(engine, {
      event: (event, line, start, end) => this.#event(event, line, start, end),
      malformed: (why, head) => this.#malformed(why, head),
      settled: () => this.#ring.publish(),
      connection: (error) => {
        if (error === undefined) bridge.log("notice", `connected to ${engine.endpoint.address} again`);
        else bridge.log("warning", `${error.message}; connecting again`);
      },
    });
  }

  /**
   * Subscribes to the engine's events.
   * @param resume the instance was open before: go on, and keep trying where the engine is not there
   * @throws EngineError
   */
  async open(resume: boolean): Promise<void> {
    if (resume) this.#stream.reopen();
    else await this.#stream.open();
  }

  close(): void {
    this.#stream.close();
    clearInterval(this.#drain);
  }

  #event(event: DockerEvent, line: Buffer, start: number, end: number): void {
    this.bridge.count("received");
    this.bridge.gauge("lag_ms", Date.now() - Number(event.timeNano / 1_000_000n));
    if (this.#queue.isEmpty && this.#ring.write(line, start, end, event)) return;
    if (this.#queue.push(line, start, end)) {
      this.#drain ??= setInterval(() => this.#drainQueue(), DRAIN_MS);
      this.bridge.gauge("queue_bytes", this.#queue.bytes);
      return;
    }
    this.bridge.count("dropped");
    if (this.#dropped++ === 0)
      this.bridge.log("error", `Falco is too slow: ${QUEUE_MAX_BYTES} bytes of events wait; the newest are dropped`);
  }

  #drainQueue(): void {
    for (let line = this.#queue.peek(); line !== undefined; line = this.#queue.peek()) {
      if (!this.#ring.write(line, 0, line.length, parseEvent(line.toString()))) break;
      this.#queue.shift();
    }
    this.#ring.publish();
    this.bridge.gauge("queue_bytes", this.#queue.bytes);
    if (!this.#queue.isEmpty) return;
    clearInterval(this.#drain);
    this.#drain = undefined;
    if (this.#dropped > 0) this.bridge.log("error", `Falco keeps up again; ${this.#dropped} events were dropped`);
    this.#dropped = 0;
  }

  #malformed(why: string, head: Buffer): void {
    this.bridge.count("malformed");
    if (this.#badLines.allows())
      this.bridge.log("warning", `a line of the engine is no event (${printable(why)}): ${printable(head.toString())}`);
  }
}
