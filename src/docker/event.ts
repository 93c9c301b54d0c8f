/** A Docker event: what an engine writes about it, read from its line. */
import * as v from "valibot";
import { errorMessage } from "../base/errors.ts";
import { type Line, lineOf } from "../base/line.ts";
import { U64_MAX } from "../base/time.ts";

/**
 * A Docker event as the engine writes it (moby 28.5.2: api/types/events, Message). `status`, `id` and `from` are gone with
 * API 1.52; `scope` came with 1.25.
 */
export const eventSchema = v.object({
  status: v.optional(v.string()),
  id: v.optional(v.string()),
  from: v.optional(v.string()),
  Type: v.string(),
  Action: v.string(),
  Actor: v.object({ ID: v.string(), Attributes: v.nullable(v.record(v.string(), v.string())) }),
  scope: v.optional(v.string()),
  time: v.optional(v.number()),
  timeNano: v.number(),
});

type EventJson = v.InferOutput<typeof eventSchema>;

export interface DockerEvent extends Omit<EventJson, "Actor" | "timeNano"> {
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  /** Nanoseconds since 1970, exact to the last digit: 0 to 2^64-1. */
  readonly timeNano: bigint;
  /** podman's result of a health check; of any type, as nobody checked it. */
  readonly HealthStatus?: unknown;
}

/** A line that is not a Docker event; the message says what is wrong with it. */
export class NotAnEvent extends Error {}

const isText = (value: unknown): boolean => value === undefined || typeof value === "string";

/** The same question as `eventSchema`, asked in a tenth of the time. */
function isEvent(json: unknown): json is EventJson {
  if (typeof json !== "object" || json === null) return false;
  const { status, id, from, Type, Action, Actor, scope, time, timeNano } = json as Partial<EventJson>;
  if (typeof Type !== "string" || typeof Action !== "string" || typeof Actor !== "object" || Actor === null)
    return false;
  if (typeof Actor.ID !== "string" || typeof Actor.Attributes !== "object") return false;
  for (const key in Actor.Attributes) if (typeof Actor.Attributes[key] !== "string") return false;
  if (!isText(status) || !isText(id) || !isText(from) || !isText(scope)) return false;
  return (time === undefined || typeof time === "number") && typeof timeNano === "number";
}

const KEY = '"timeNano":';

/**
 * The digits of `timeNano`. They exceed 2^53, so `JSON.parse` loses the last ones: they are read from the text. Inside
 * a string the key's first quote would be escaped, so only a key can match; the engine writes this one last.
 */
function exactTimeNano(text: string, rounded: number): bigint {
  const start = text.lastIndexOf(KEY) + KEY.length;
  let end = start;
  for (let c = text.charCodeAt(end); c >= 48 && c <= 57; c = text.charCodeAt(++end));
  const digits = text.slice(start, end);
  if (end > start && Number(digits) === rounded) return BigInt(digits);
  let exact: string | undefined;
  JSON.parse(text, function (this: unknown, key: string, value: unknown, context?: { source?: string }) {
    if (key === "timeNano" && value === rounded) exact = context?.source;
    return value;
  } as Parameters<typeof JSON.parse>[1]);
  return exact !== undefined && /^\d+$/.test(exact) ? BigInt(exact) : BigInt(rounded);
}

/**
 * Parses one line of an engine's event stream. Keys beyond those of an event stay as they are: nobody checked them.
 * @throws NotAnEvent where it is not JSON or not an event
 */
export function parseEvent(text: string): DockerEvent {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new NotAnEvent(`not JSON: ${errorMessage(error)}`);
  }
  if (!isEvent(json)) {
    const issue = v.safeParse(eventSchema, json).issues?.[0];
    throw new NotAnEvent(
      issue === undefined ? "not an event" : `${v.getDotPath(issue) ?? "the line"}: ${issue.message}`,
    );
  }
  if (!(Number.isInteger(json.timeNano) && json.timeNano >= 0 && json.timeNano < 2 ** 64))
    throw new NotAnEvent("timeNano: out of range");
  const timeNano = exactTimeNano(text, json.timeNano);
  if (timeNano > U64_MAX) throw new NotAnEvent("timeNano: out of range");
  const event = json as unknown as { Actor: { Attributes: unknown }; timeNano: unknown };
  event.timeNano = timeNano;
  event.Actor.Attributes ??= {};
  return event as unknown as DockerEvent;
}

/**
 * The line of an event, as engines write it: `timeNano` last, with all its digits, which are more than a number holds.
 */
export function writeEvent({ timeNano, ...event }: DockerEvent): Line {
  return lineOf(`${JSON.stringify(event).slice(0, -1)},"timeNano":${timeNano}}`);
}
