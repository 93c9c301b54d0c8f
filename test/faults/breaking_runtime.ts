/** The real runtime, which breaks its ring when SIGUSR2 tells it to, and stops there: its successor does well. */
import { Bridge } from "../../src/ipc/bridge.ts";
import { layout } from "../../src/ipc/layout.ts";
import { runRuntime } from "../../src/runtime/main.ts";

/** @param all its memory of where the engines stood, too */
export function runBreaking(all: boolean, library: string): void {
  const take = Bridge.prototype.ring;
  Bridge.prototype.ring = function (instance) {
    const ring = take.call(this, instance);
    process.on("SIGUSR2", () => {
      new Uint8Array(ring.data).fill(0xff);
      if (all) new Uint8Array(ring.header).fill(0, layout.RING_ENGINES, layout.RING_DATA);
      process.kill(process.pid, "SIGSTOP");
    });
    return ring;
  };
  runRuntime(library);
}
