/** Reads JSON of others with patience: what is missing, null or of another type is absent, and the rest stays. */
import * as v from "valibot";
import { U64_MAX } from "./time.ts";

export type Json = Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A part of an answer; undefined where it is missing, null or of another type, which leaves the rest as it is. */
export function part<S extends v.GenericSchema>(schema: S) {
  return v.fallback(v.optional(schema), undefined);
}

/** A list without those of its elements that are of another type. */
export function listOf<T>(item: v.GenericSchema<unknown, T>) {
  const present = v.transform((items: (T | undefined)[]): readonly T[] => items.filter((each) => each !== undefined));
  return part(v.pipe(v.array(part(item)), present));
}

export const map = v.custom<Json>(isMap);
export const text = part(v.string());
/** Of a list of texts no more are looked at: more than `shortened` ever leaves of one, and each costs time. */
const TEXTS_MAX = 16 * 1024;
export const texts = part(
  v.pipe(
    v.custom<unknown[]>(Array.isArray),
    v.transform((list): readonly string[] => list.slice(0, TEXTS_MAX).filter((each) => typeof each === "string")),
  ),
);
/** All texts of a list, for those that look for some among them: each costs little then. */
export const allTexts = part(
  v.pipe(
    v.custom<unknown[]>(Array.isArray),
    v.transform((list): readonly string[] => list.filter((each) => typeof each === "string")),
  ),
);
export const bool = part(v.boolean());
/** A whole number from 0 on that JSON gave exactly: to 2^53-1. */
export const count = part(v.pipe(v.number(), v.safeInteger(), v.minValue(0)));

/** Nanoseconds since 1970 in decimal digits: 0 to 2^64-1. */
export const nanosecondsText = part(
  v.pipe(
    v.string(),
    // One check: the second of two is asked even where the first has failed.
    v.check((digits) => /^\d{1,20}$/.test(digits) && BigInt(digits) <= U64_MAX),
  ),
);

export type Parts<T> = { readonly [K in keyof T]-?: T[K] | undefined };

/** Leaves out what is undefined, and empty lists. */
export function compact<T extends object>(parts: Parts<T>): T {
  const known: Partial<T> = {};
  for (const key in parts) {
    const value = parts[key];
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) known[key] = value as T[typeof key];
  }
  return known as T;
}
