/** `--metrics`: what a running Falco says of the plugin. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
// Not fetch: it would ask a proxy of the environment.
import request from "undici/lib/api/api-request.js";
import { errorMessage, fileTrouble } from "../base/errors.ts";
import { Client } from "../docker/undici.ts";
import { metrics as known } from "../plugin/metrics.ts";
import { BadUsage, type Given } from "./args.ts";
import { EXIT } from "./commands.ts";
import { type Found, lastMetricsIn, metricsIn } from "./metrics_text.ts";
import { note, print } from "./say.ts";
import { wrap } from "./text/wrap.ts";

/** Falco's webserver listens here unless its configuration says otherwise (falco 0.40: falco.yaml, webserver). */
const DEFAULT_URL = "http://localhost:8765/metrics";
const TIMEOUT_MS = 3_000;
/** Of a file its end is read: the newest stands there, and a line has some KiB. */
const TAIL_BYTES = 4 * 1024 * 1024;
const WEB_NEEDS =
  "in falco.yaml webserver.enabled, webserver.prometheus_metrics_enabled, metrics.enabled and metrics.plugins_metrics_enabled must be true";
const FILE_NEEDS =
  "in falco.yaml metrics.enabled and metrics.plugins_metrics_enabled must be true, and metrics.output_file name the file";

/** Why there are no metrics, in words. */
class NoMetrics extends Error {}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof DOMException && error.name === "TimeoutError") return `no answer within ${TIMEOUT_MS / 1000} s`;
  const reasons: Record<string, string> = {
    ECONNREFUSED: "nothing listens there",
    ENOTFOUND: "there is no such host",
    UND_ERR_SOCKET: "it ended the connection",
    UND_ERR_CONNECT_TIMEOUT: `no answer within ${TIMEOUT_MS / 1000} s`,
  };
  return reasons[code ?? ""] ?? errorMessage(error);
}

async function ofWeb(url: URL): Promise<Found> {
  const client = new Client(url.origin);
  let text: string;
  try {
    const path = `${url.pathname}${url.search}`;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const { statusCode, body } = await request.call(client, { method: "GET", path, signal });
    text = await body.text();
    if (statusCode === 404) throw new Error("it has no such page");
    if (statusCode !== 200) throw new Error(`it answered ${statusCode}`);
  } catch (error) {
    throw new NoMetrics(`no metrics at ${url.href}: ${reasonOf(error)}; ${WEB_NEEDS}`);
  } finally {
    await client.destroy();
  }
  const found = metricsIn(text);
  if (found.size === 0)
    throw new NoMetrics(`Falco at ${url.href} has no metrics of the plugin docker: is it loaded? And ${WEB_NEEDS}`);
  return found;
}

function ofFile(path: string): Found {
  let text: string;
  try {
    const fd = openSync(path, "r");
    try {
      const { size } = fstatSync(fd);
      const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
      text = tail.toString("utf8", 0, readSync(fd, tail, 0, tail.length, size - tail.length));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new NoMetrics(`${path}: ${fileTrouble(error)}`);
  }
  const found = lastMetricsIn(text);
  if (found.size === 0)
    throw new NoMetrics(`${path} has no metrics of the plugin docker: is it loaded? And ${FILE_NEEDS}`);
  return found;
}

/** A URL, of which scheme and page may be left out; undefined for what is a file. @throws BadUsage where it is neither */
function urlOf(text: string): URL | undefined {
  if (/^[./~]/.test(text) || /\.jsonl?$/.test(text)) return undefined;
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url === null || !["http:", "https:"].includes(url.protocol))
    throw new BadUsage(`--metrics ${JSON.stringify(text)}: expected a URL such as ${DEFAULT_URL}, or a file's path`);
  if (url.pathname === "/") url.pathname = "/metrics";
  return url;
}

/** The metrics for a person, each with its meaning. @param columns of the terminal */
function table(found: Found, columns: number): string {
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

/** Prints the metrics that Falco tells at a URL, or has written. Returns the exit code. @throws BadUsage */
export async function metrics(given: Given): Promise<number> {
  const where = given.value ?? DEFAULT_URL;
  const url = urlOf(where);
  try {
    const found = url === undefined ? ofFile(where) : await ofWeb(url);
    print(
      given.has("json")
        ? `${JSON.stringify(Object.fromEntries(found))}\n`
        : table(found, process.stdout.columns || 120),
    );
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof NoMetrics)) throw error;
    note(error.message);
    return EXIT.failed;
  }
}
