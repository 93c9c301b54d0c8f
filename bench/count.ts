/**
 * The baseline of the stream: the same undici, the same socket, and nothing done but counting newlines. Prints the rate, and
 * the CPU an event of the second half, ns: the first is for the compiler of the runtime's code.
 */
import { Engine } from "../src/docker/client.ts";
import { resolveEndpoint } from "../src/docker/endpoint.ts";

const [address = "", wanted = "0"] = process.argv.slice(2);
const engine = new Engine(resolveEndpoint(address, undefined));
await engine.negotiate();
let lines = 0;
let counted = 0;
let began = 0;
let half: { cpu: NodeJS.CpuUsage; lines: number } | undefined;
engine.events("since=1.000000000", {
  onOpen: () => {},
  onData: (chunk) => {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
    if (began === 0) {
      began = performance.now();
      counted = lines;
    }
    if (half === undefined && lines >= Number(wanted) / 2) half = { cpu: process.cpuUsage(), lines };
    if (lines < Number(wanted)) return;
    const { user, system } = process.cpuUsage(half?.cpu);
    console.log(`cpu ${((user + system) * 1000) / (lines - (half?.lines ?? 0))}`);
    console.log(`rate ${((lines - counted) / (performance.now() - began)) * 1000}`);
    process.exit(0);
  },
  onEnd: () => process.exit(1),
});
