/** Whether the engine can be reached, and what it tells and refuses. */
import { compareVersions } from "../../docker/api_version.ts";
import { Engine } from "../../docker/client.ts";
import { type Asker, BadAddress, type Endpoint, type Reach, resolveEngines } from "../../docker/endpoint.ts";
import { EngineError } from "../../docker/engine_error.ts";
import { recordingAt } from "../../sensor/recording.ts";
import { bad, type Finding, good, unknown } from "./finding.ts";

const ASK_MS = 4_000;
/** Clocks further apart make times that cannot be compared, ms. */
const CLOCK_MS = 2_000;
/** No container has this id. */
const NOBODY = "0".repeat(64);
/** The oldest API that is spoken, and the first without `status`, `id` and `from` (moby v29: api/types/events). */
export const OLDEST = "1.24";
const WITHOUT_STATUS = "1.52";

/** What is asked beside the events, what for, and which refusal is the right answer. */
const QUESTIONS: readonly (readonly [path: string, loss: string, right?: number])[] = [
  ["/info", "its clock is known to the second only, and docker.engine.name is absent"],
  ["/version", "docker.engine.version is absent"],
  ["/containers/json", "containers that run already are not reported"],
  [`/containers/${NOBODY}/json`, "docker.container.* are absent", 404],
  [`/exec/${NOBODY}/json`, "docker.exec.user, .privileged and .tty are absent", 404],
];

async function refusals(engine: Engine): Promise<Finding[]> {
  const found = await Promise.all(
    QUESTIONS.map(async ([path, loss, right]): Promise<Finding | undefined> => {
      try {
        await engine.getJson(path, ASK_MS);
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        if (right !== undefined && error.status === right) return undefined;
        const shown = path.replace(NOBODY, "{id}");
        return bad(
          `${error.message.replaceAll(NOBODY, "{id}")}: ${loss}`,
          `let GET ${shown} pass, in the proxy before the engine`,
        );
      }
      return undefined;
    }),
  );
  const refused = found.filter((finding) => finding !== undefined);
  return refused.length > 0 ? refused : [good("it answers what is asked about containers and execs")];
}

async function streams(engine: Engine): Promise<Finding> {
  const now = `${engine.clock.now / 1_000_000_000n}`;
  const { promise, resolve } = Promise.withResolvers<EngineError | undefined>();
  const stop = engine.events(`since=${now}.000000000&until=${now}.000000001`, {
    onOpen: () => {},
    onData: () => {},
    onEnd: resolve,
  });
  const late = setTimeout(() => stop(new EngineError("it does not stream its events in time")), ASK_MS);
  const error = await promise;
  clearTimeout(late);
  return error === undefined ? good("it streams its events") : bad(error.message, "let GET /events pass");
}

function clock({ clock }: Engine): Finding {
  const ahead = clock.nowMs - Date.now();
  if (Math.abs(ahead) <= CLOCK_MS) return good(`its clock and this machine's agree within ${CLOCK_MS / 1000} s`);
  const seconds = Math.round(Math.abs(ahead) / 1000);
  return bad(
    `its clock is ${seconds} s ${ahead > 0 ? "ahead of" : "behind"} this machine's`,
    "let both keep time by NTP",
  );
}

function version({ info }: Engine): Finding[] {
  const { apiVersion, server, isPodman = false } = info ?? {};
  const name = isPodman ? "podman" : (server ?? "the engine");
  if (apiVersion === undefined) return [unknown(`${name} names no API version`, "let /_ping or /version pass")];
  if (compareVersions(apiVersion, OLDEST) < 0)
    return [bad(`${name} speaks API ${apiVersion}: the oldest that will do is ${OLDEST}`, "use a newer engine")];
  const filled = "it sends no status, id and from: docker.status, docker.id and docker.from are filled in";
  return [
    good(`${name} speaks API ${apiVersion}`),
    ...(compareVersions(apiVersion, WITHOUT_STATUS) >= 0 ? [good(filled)] : []),
  ];
}

export interface EngineChecked {
  /** Its address, where what was named is one. */
  readonly address?: string;
  readonly findings: readonly Finding[];
  /** The engine's API version, where it was reached and names one. */
  readonly apiVersion: string | undefined;
}

/**
 * Looks at all engines that are named, at once.
 * @param text their addresses, as in `open_params`
 * @param asker who named them: errors name the setting
 * @param reach what the settings say of the way to them
 */
export async function checkEngines(text: string, asker: Asker, reach: Reach = {}): Promise<EngineChecked[]> {
  try {
    const wanted = resolveEngines(text, process.env, asker, reach);
    return await Promise.all(wanted.map(({ endpoint }) => checkEngine(endpoint)));
  } catch (error) {
    if (!(error instanceof BadAddress)) throw error;
    // Its message begins with the setting that is meant.
    return [{ findings: [bad(error.message, "correct it")], apiVersion: undefined }];
  }
}

async function checkEngine(endpoint: Endpoint): Promise<EngineChecked> {
  const { address } = endpoint;
  const engine = new Engine(endpoint);
  try {
    const { apiVersion } = await engine.negotiate();
    await engine.readClock();
    const [more, stream] = await Promise.all([refusals(engine), streams(engine)]);
    const reached = good(`${address} can be reached by this user`);
    const warnings = endpoint.warnings.map((warning) => unknown(warning, "where that is not meant, change it"));
    return {
      address,
      findings: [reached, ...version(engine), stream, ...more, clock(engine), ...warnings],
      apiVersion,
    };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const [what = "", ...advice] = error.message.split("; ");
    return { address, findings: [bad(what, advice.join("; ") || "start the engine")], apiVersion: undefined };
  } finally {
    engine.close();
  }
}

/** The newest API version of all; undefined where an engine's is not known. */
export function newestApi(engines: readonly EngineChecked[]): string | undefined {
  const versions = engines.map(({ apiVersion }) => apiVersion);
  if (versions.includes(undefined)) return undefined;
  return versions.reduce((a = "", b = "") => (compareVersions(a, b) > 0 ? a : b));
}

/** Looks at a recording that Falco is given in place of an engine. @param address of it, `file:///…` */
export function checkRecording(address: string): EngineChecked {
  try {
    recordingAt(address);
    return { findings: [good(`${address} is there: Falco plays it, and then ends`)], apiVersion: undefined };
  } catch (error) {
    if (!(error instanceof BadAddress)) throw error;
    return { findings: [bad(error.message, "correct it")], apiVersion: undefined };
  }
}
