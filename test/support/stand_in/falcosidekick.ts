/** Stands in for Falcosidekick: reads its configuration as the command says, and prints the alerts that it gets. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

const { config = "" } = parseArgs({ options: { config: { type: "string", short: "c" } } }).values;
const settings = Bun.YAML.parse(readFileSync(config, "utf8"));
Bun.serve({
  port: 2801,
  routes: {
    "/healthz": new Response('{"status": "ok"}'),
    "/": async (request) => {
      console.log(await request.text());
      return new Response();
    },
  },
});
process.on("SIGTERM", () => process.exit(0));
console.log(JSON.stringify({ stands: "in for Falcosidekick", user: process.getuid?.(), settings }));
