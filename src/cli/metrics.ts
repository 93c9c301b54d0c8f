/** `--metrics`: what a running Falco says of the plugin. */
import { errorMessage } from "../base/errors.ts";
import { info } from "../plugin/info.ts";
import { metrics as known } from "../plugin/metrics.ts";
import { BadUsage, type Given } from "./args.ts";
import { EXIT } from "./commands.ts";
import { note, print } from "./say.ts";
import { wrap } from "./text/wrap.ts";

/** Falco's webserver listens here unless its configuration says otherwise (falco 0.40: falco.yaml, webserver). */
const DEFAULT_URL = "http://localhost:8765/metrics";
const TIMEOUT_MS = 3_000;
const NEEDS =
  "in falco.yaml webserver.enabled, webserver.prometheus_metrics_enabled, metrics.enabled and metrics.plugins_metrics_enabled must be true";

/** A metric's name and value, as Prometheus' text has them. */
const LINE = /^([a-zA-Z_:][\w:]*)(?:\{[^}]*\})?\s+([-+.\deE]+)/;

/** The plugin's metrics in what Falco answers: `falcosecurity_plugins_docker_NAME`, and `_total` where it only grows (Falco 0.41). */
export function metricsIn(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name = "", value = ""] = LINE.exec(line) ?? [];
    const metric = known.find((one) => new RegExp(`(^|_)${info.name}_${one.name}(_total)?$`).test(name));
    if (metric !== undefined) found.set(metric.name, Number(value));
  }
  return found;
}

async function fetched(url: string): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "error" });
  if (!answer.ok) throw new Error(`it answered ${answer.status}`);
  return await answer.text();
}

/** The metrics for a person, each with its meaning. @param columns of the terminal */
function table(found: ReadonlyMap<string, number>, columns: number): string {
  const names = Math.max(...known.map(({ name }) => name.length));
  const values = Math.max(...[...found.values()].map((value) => String(value).length));
  const indent = names + values + 4;
  return known
    .map(({ name, desc }) => {
      const head = `${name.padEnd(names)}  ${String(found.get(name) ?? "-").padStart(values)}  `;
      const lines = wrap(desc, Math.max(30, columns - indent));
      return lines.map((line, i) => `${i === 0 ? head : " ".repeat(indent)}${line}\n`).join("");
    })
    .join("");
}

/** Prints the metrics of the Falco at a URL. Returns the exit code. @throws BadUsage where it is none */
export async function metrics(given: Given): Promise<number> {
  const url = URL.parse(given.value ?? DEFAULT_URL);
  if (url === null || !["http:", "https:"].includes(url.protocol))
    throw new BadUsage(`--metrics ${JSON.stringify(given.value)}: expected a URL such as ${DEFAULT_URL}`);
  let text: string;
  try {
    text = await fetched(url.href);
  } catch (error) {
    note(`no metrics at ${url.href}: ${errorMessage(error)}; ${NEEDS}`);
    return EXIT.failed;
  }
  const found = metricsIn(text);
  if (found.size === 0) {
    note(`Falco at ${url.href} tells nothing of the plugin docker: is it loaded? And ${NEEDS}`);
    return EXIT.failed;
  }
  print(
    given.has("json") ? `${JSON.stringify(Object.fromEntries(found))}\n` : table(found, process.stdout.columns || 120),
  );
  return EXIT.done;
}
