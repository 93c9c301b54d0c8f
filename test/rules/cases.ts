/**
 * The cases of the rules, test/fixtures/rules/*.jsonl, a JSON object a line, and their events as the plugin makes them: the
 * engine's line goes in, and what Falco would be given comes out, in a capture file.
 *
 * What a case leaves out is filled in: an event's type (container), its id, its time, its image and name; of an answer
 * all that a plain container has (test/fixtures/inspect/docker-29.7.2/base.json).
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isMap } from "../../src/base/lenient.ts";
import { type Behaviour, TestEngine } from "../support/engine.ts";
import { inspectionsOf } from "../support/recordings.ts";
import { capture, captured, eventBlocks } from "../support/sinsp.ts";

const FOLDER = join(import.meta.dir, "../fixtures/rules");

type Json = Record<string, unknown>;

/** A line of a file of cases. */
export interface Case {
  readonly rule: string;
  /** The engine's event. `exec_start` without more takes its command from `exec`. */
  readonly event: Json;
  /** What the engine answers about the container, or what of it differs from a plain one; null: it knows none. */
  readonly inspect?: Json | null;
  /** `ProcessConfig` of the exec that the event is about. */
  readonly exec?: { entrypoint: string; arguments?: string[]; user?: string; tty?: boolean; privileged?: boolean };
  /** What the engine answers to other questions, by path. */
  readonly answers?: Record<string, unknown>;
  /** Bytes that the answer about the container has more. */
  readonly padding?: number;
  readonly match: boolean;
  /** Why, for a reader. */
  readonly why: string;
  /** Other rules of the same file that match too. */
  readonly also?: readonly string[];
  /** Lists and macros that a user has put in the place of ours, for this case alone. */
  readonly override?: readonly object[];
  /** The engine that sent the event and the answer; without it they were written by hand. */
  readonly real?: string;
  /** The campaign that went so. */
  readonly campaign?: string;
}

export interface Named extends Case {
  /** `escape.jsonl:12`, for a person. */
  readonly at: string;
}

/** All cases, by the names of their files. */
export function cases(): Named[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".jsonl"));
  return files.sort().flatMap((file) =>
    readFileSync(join(FOLDER, file), "utf8")
      .split("\n")
      .flatMap((line, i) => {
        if (line === "") return [];
        try {
          return [{ ...(JSON.parse(line) as Case), at: `${basename(file)}:${i + 1}` }];
        } catch (error) {
          throw new Error(`${file}:${i + 1}: ${(error as Error).message}`);
        }
      }),
  );
}

const PLAIN = JSON.parse(readFileSync(join(inspectionsOf("docker-29.7.2"), "base.json"), "utf8")) as Json;

/** An object with what differs; a list is taken whole. */
function merged(base: unknown, other: unknown): unknown {
  if (!isMap(base) || !isMap(other)) return other;
  const keys = new Set([...Object.keys(base), ...Object.keys(other)]);
  return Object.fromEntries([...keys].map((key) => [key, key in other ? merged(base[key], other[key]) : base[key]]));
}

const idOf = (text: string): string => Bun.SHA256.hash(text, "hex");
const BASE = BigInt(Date.now()) * 1_000_000n;
/** Where a case's event stands among all, by its time. */
export const placeOf = (time: bigint): number => Number(time - BASE);

/** The engine's line of a case's event, and what the engine is to answer. */
function made({ event, inspect = {}, exec, answers, padding, real, at }: Named, place: number) {
  const { Type = "container", Action = "", Actor = {}, ...more } = event as { Action?: string; Actor?: Json } & Json;
  const isExec = Action.startsWith("exec");
  const isContainer = Type === "container";
  const execID = idOf(`exec ${at}`);
  const ID = isContainer ? idOf(at) : String(Actor.ID ?? at);
  const own = (Actor.Attributes ?? {}) as Json;
  const about = isContainer ? { image: "bb:1", name: `case-${place}` } : {};
  const Attributes = { ...about, ...(isExec ? { execID } : {}), ...own, ...(isExec ? { execID } : {}) };
  const command = exec === undefined ? "" : [exec.entrypoint, ...(exec.arguments ?? [])].join(" ");
  const action = /^exec_(create|start)$/.test(Action) ? `${Action}: ${command}` : Action;
  const legacy = "status" in more ? { status: action, id: ID } : {};
  const { time: _, timeNano: __, ...rest } = { ...more, ...legacy } as Json;
  const line = { ...rest, Type, Action: action, Actor: { ID, Attributes }, scope: event.scope ?? "local" };
  const text = `${JSON.stringify(line).slice(0, -1)},"timeNano":${BASE + BigInt(place)}}`;
  const behaviour: Behaviour = { containers: {}, execs: {}, answers: {}, padding: {} };
  // A container's other events name it in an attribute.
  const container = isContainer ? idOf(at) : (own.container as string | undefined);
  if (container !== undefined && inspect !== null) {
    const whole = merged(real === undefined ? PLAIN : {}, { ...inspect, Id: container });
    behaviour.containers = { [container]: whole as object };
    if (padding !== undefined) behaviour.padding = { [container]: padding };
  }
  if (exec !== undefined)
    behaviour.execs = {
      [execID]: {
        ID: execID,
        ContainerID: container,
        Running: true,
        ProcessConfig: { user: "", arguments: [], ...exec },
      },
    };
  for (const [path, answer] of Object.entries(answers ?? {}))
    behaviour.answers = { ...behaviour.answers, [path]: { status: 200, body: JSON.stringify(answer) } };
  return { text, behaviour };
}

const INFO = "/info";
/** What an engine says of itself, as far as it holds for its containers. */
const DAEMON = { Name: "node-1", OSType: "linux", SecurityOptions: ["name=seccomp,profile=builtin"], Warnings: [] };

/** Events of one engine: each is asked about, and far below the questions that may wait, so that none is late. */
const AT_ONCE = 80;

/**
 * Lets engines send the events of cases, and writes them into a capture file, as a Falco with the plugin would. What an
 * engine says of itself holds for all its events: so each kind of engine is one of its own.
 */
export async function captureCases(all: readonly Named[], file: string, config: object): Promise<void> {
  const engines = Map.groupBy(all.map(made), ({ behaviour }) => behaviour.answers?.[INFO]?.body);
  const some = [...engines.values()].flatMap((events) =>
    Array.from({ length: Math.ceil(events.length / AT_ONCE) }, (_, i) => events.slice(i * AT_ONCE, (i + 1) * AT_ONCE)),
  );
  const parts: Buffer[] = [];
  for (const events of some) {
    const together = <K extends "containers" | "execs" | "answers" | "padding">(key: K) =>
      Object.assign({}, ...events.map(({ behaviour }) => behaviour[key])) as NonNullable<Behaviour[K]>;
    // Another one each time, as one sends again what it sent in the second that a stream begins in.
    await using engine = await TestEngine.start({
      containers: together("containers"),
      execs: together("execs"),
      answers: { [INFO]: { status: 200, body: JSON.stringify(DAEMON) }, ...together("answers") },
      padding: together("padding"),
    });
    const lines = events.map(({ text }) => text);
    await capture(engine, config, lines, file);
    parts.push(parts.length === 0 ? readFileSync(file) : eventBlocks(readFileSync(file)));
  }
  writeFileSync(file, Buffer.concat(parts));
  const places = new Set(captured(file).map(({ ts }) => placeOf(ts)));
  const lost = all.filter((_, place) => !places.has(place));
  if (lost.length > 0) throw new Error(`the events of ${lost.length} cases are missing, ${lost[0]?.at} the first`);
}
