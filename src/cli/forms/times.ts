/** Times as Falco prints them, in local time. */

const two = (n: number): string => String(n).padStart(2, "0");
const dateOf = (timeNano: bigint): Date => new Date(Number(timeNano / 1_000_000n));
const nanosOf = (timeNano: bigint): string => String(timeNano % 1_000_000_000n).padStart(9, "0");

/** `14:53:29.092313000`, as Falco begins a line. */
export function timeOfDay(timeNano: bigint): string {
  const date = dateOf(timeNano);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${nanosOf(timeNano)}`;
}

/** `2026-11-23 14:53:29.092313000`, as `%evt.datetime`. */
export function dateTime(timeNano: bigint): string {
  const date = dateOf(timeNano);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${timeOfDay(timeNano)}`;
}

/** How long after another time: `+1.234s`, `-0.001s`. */
export function relativeTime(timeNano: bigint, before: bigint): string {
  const ms = Number(timeNano - before) / 1e6;
  return `${ms < 0 ? "-" : "+"}${(Math.abs(ms) / 1000).toFixed(3)}s`;
}
