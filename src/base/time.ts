/** Times as engines and Falco count them: nanoseconds since 1970, exact to the last digit, in 64 bits. */

/** What a number of 64 bits without a sign holds at most. */
export const U64_MAX = 2n ** 64n - 1n;

const SECOND = 1_000_000_000n;

const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/**
 * The nanoseconds since 1970 of a time as Go's RFC3339Nano writes it, in decimal digits; undefined where it is no time
 * or lies outside of 0 to 2^64-1 (Go's zero time, year 1, is the engine's "never").
 */
export function nanoseconds(time: string): string | undefined {
  const [, local = "", fraction = "", sign, hours, minutes] = RFC3339.exec(time) ?? [];
  const ms = Date.parse(`${local}Z`);
  // A day that the month does not have is carried over to the next: it comes back as another one.
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(local)) return undefined;
  const offset = sign === undefined ? 0 : Number(`${sign}1`) * (Number(hours) * 3600 + Number(minutes) * 60);
  const ns = BigInt(ms / 1000 - offset) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
  return ns >= 0n && ns <= U64_MAX ? ns.toString() : undefined;
}

/** A time of `performance.now()` or `Date.now()`, ms, in nanoseconds. */
export const nanoOf = (ms: number): bigint => BigInt(Math.round(ms * 1e6));

export const earlier = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const later = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** Whole seconds, and nine digits of what is beyond them. */
const split = (nano: bigint): [seconds: bigint, fraction: string] => [
  nano / SECOND,
  String(nano % SECOND).padStart(9, "0"),
];

/** A time as an engine's `since` and `until` take it: seconds, a dot, nine digits. */
export function timestamp(nano: bigint): string {
  const [seconds, fraction] = split(nano);
  return `${seconds}.${fraction}`;
}

/** A time for a reader, in UTC: `2026-11-23T09:47:20.090068681Z`. */
export function isoTime(nano: bigint): string {
  const [seconds, fraction] = split(nano);
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}
