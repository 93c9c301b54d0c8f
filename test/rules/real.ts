/** Scenarios on a real engine, with a libsinsp beside it that writes what the plugin makes of them. */
import type { Dockerd } from "../support/dockerd.ts";
import { captured, Sinsp } from "../support/sinsp.ts";
import type { Scenario } from "./scenarios.ts";

type Json = Record<string, unknown>;

/** How many listen to the engine's events. */
export const listening = (engine: Dockerd): number => Number(engine.docker("info", "--format", "{{.NEventsListener}}"));

/** Waits until each of these libsinsp listens to the engine's events. @param others so many did before they began */
export async function listened(engine: Dockerd, listeners: readonly Sinsp[], others = 0): Promise<void> {
  for (;;) {
    const ended = listeners.find(({ isOver }) => isOver);
    if (ended !== undefined) throw new Error(`libsinsp ended: ${JSON.stringify(await ended.end)}`);
    if (listening(engine) >= others + listeners.length) return;
    await Bun.sleep(20);
  }
}

/** What the engine answers to a question; undefined where it knows nothing of it. */
export async function asked(engine: Dockerd, path: string): Promise<Json | undefined> {
  const answer = await fetch(`http://d${path}`, { unix: engine.socket });
  return answer.ok ? ((await answer.json()) as Json) : undefined;
}

/** More events than libsinsp can be behind by when another one has printed the last of them. */
const LAST = 20;

/** Dozens of scenarios in one run of libsinsp, on a machine that does much else. */
Sinsp.runMs = 280_000;

/** What the plugin made of an event, in a capture file. */
export interface Recorded {
  /** Ns since 1970. */
  readonly time: bigint;
  /** The event, with what the plugin adds. */
  readonly event: { Type: string; Action: string; Actor: { ID: string; Attributes: Record<string, string> } } & Json;
}

/** Lets things happen to an engine, and writes all events of that time into a capture file. Returns them. */
export async function recorded(
  engine: Dockerd,
  file: string,
  config: object,
  act: () => unknown,
): Promise<readonly Recorded[]> {
  const source = ["-I", `docker:${engine.address}`];
  const others = listening(engine);
  await using writing = new Sinsp(config, ...source, "-q", "-w", file);
  await using printing = new Sinsp(config, ...source, "-p", "%docker.attributes.name", "docker.action = tag");
  await listened(engine, [writing, printing], others);
  await act();
  for (let i = 0; i < LAST; i++) engine.docker("tag", "bb:1", `last:${i}`);
  await printing.line((line) => line === `last:${LAST - 1}`);
  writing.kill("SIGINT");
  await writing.end;
  return captured(file).map(({ ts, payload }) => ({ time: ts, event: JSON.parse(payload) as Recorded["event"] }));
}

export interface Performed extends Recorded {
  readonly scenario: Scenario;
  /** What the engine said of its container, once all was done. */
  readonly inspect: Json | undefined;
}

/** Performs scenarios, one after the other, and writes all events into a capture file. */
export async function perform(
  engine: Dockerd,
  scenarios: readonly Scenario[],
  file: string,
  config: object,
): Promise<Performed[]> {
  const events = await recorded(engine, file, config, async () => {
    for (const [place, scenario] of scenarios.entries())
      await scenario.run((...args) => engine.docker(...args), idOf(place), engine);
  });
  const performed = scenarios.map(async (scenario, place) => {
    const { type = "container", action } = scenario;
    const mentions = new RegExp(`${idOf(place)}(?![0-9])`, "i");
    const found = events.filter(
      ({ event }) =>
        event.Type === type &&
        (event.Action === action || event.Action.startsWith(`${action}: `)) &&
        (type === "daemon" ||
          type === "node" ||
          action === "save" ||
          mentions.test(`${event.Actor.ID} ${event.Actor.Attributes.name}`)),
    );
    const last = found.at(-1);
    if (last === undefined) throw new Error(`${scenario.rule} (${scenario.why}): there was no ${type} ${action}`);
    const { ID } = last.event.Actor;
    return {
      scenario,
      ...last,
      inspect: type === "container" ? await asked(engine, `/containers/${ID}/json`) : undefined,
    };
  });
  return await Promise.all(performed);
}

const idOf = (place: number): string => `scenario${place}`;
