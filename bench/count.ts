/** The baseline of the stream: the same undici, the same socket, and nothing done but counting newlines. */
import { Engine } from "../src/docker/client.ts";
import { parseEndpoint } from "../src/docker/endpoint.ts";

const [address = "", wanted = "0"] = process.argv.slice(2);
const engine = new Engine(parseEndpoint(address, undefined));
await engine.negotiate();
let lines = 0;
let counted = 0;
let began = 0;
engine.events("since=1.000000000", {
  onOpen: () => {},
  onData: (chunk) => {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
    if (began === 0) {
      began = performance.now();
      counted = lines;
    }
    if (lines < Number(wanted)) return;
    console.log(`rate ${((lines - counted) / (performance.now() - began)) * 1000}`);
    process.exit(0);
  },
  onEnd: () => process.exit(1),
});
