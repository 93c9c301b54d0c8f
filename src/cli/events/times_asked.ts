/** Times as a person writes them: `--since`, `--until`. */
import { nanoseconds, U64_MAX } from "../../base/time.ts";
import { BadUsage } from "../args.ts";

const UNITS: Readonly<Record<string, number>> = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, µs: 1e3, ns: 1 };

/** As Go writes durations: `10m`, `1h30m`, `1.5h` (docker/cli v28.5: opts, and moby: daemon/internal/timestamp). */
const DURATION = /^(?:\d{1,12}(?:\.\d{1,9})?(?:h|ms|m|s|us|µs|ns))+$/;
const DURATION_PART = /(\d{1,12}(?:\.\d{1,9})?)(h|ms|m|s|us|µs|ns)/g;
const SECONDS = /^(\d{1,11})(?:\.(\d{1,9}))?$/;
/** A time without a zone is one of this machine's. */
const LOCAL = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?$/;

function local(text: string): bigint | undefined {
  const fraction = /\.(\d{1,9})$/.exec(text)?.[1] ?? "";
  const whole = text.replace(/\.\d+$/, "");
  const ms = new Date(whole.includes("T") ? whole : `${whole}T00:00`).getTime();
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

function read(text: string, now: () => bigint): bigint | undefined {
  const seconds = SECONDS.exec(text);
  if (seconds !== null) return BigInt(`${seconds[1]}${(seconds[2] ?? "").padEnd(9, "0")}`);
  if (DURATION.test(text)) {
    let ago = 0;
    for (const [, count, unit = ""] of text.matchAll(DURATION_PART)) ago += Number(count) * (UNITS[unit] ?? 0);
    const at = now() - BigInt(Math.round(ago));
    return at < 0n ? 0n : at;
  }
  if (LOCAL.test(text)) return local(text);
  const exact = nanoseconds(text);
  return exact === undefined ? undefined : BigInt(exact);
}

/**
 * The time that was asked for, ns since 1970.
 * @param name of the option
 * @param now the engine's time, which `10m` is counted back from
 * @throws BadUsage that says what is expected
 */
export function timeAsked(name: string, text: string, now: () => bigint): bigint {
  const time = read(text.trim(), now);
  if (time === undefined || time > U64_MAX)
    throw new BadUsage(
      `--${name} ${JSON.stringify(text)}: expected a time such as 2026-11-25T08:00:00Z, seconds since 1970, or a time ago such as 10m`,
    );
  return time;
}
