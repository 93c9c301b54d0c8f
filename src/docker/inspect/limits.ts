/**
 * What a container may use of its host (moby 29.7.2: api/types/container/hostconfig.go, Resources; checked against 20.10.24,
 * 29.7.2 and podman 5.8.6).
 */
import * as v from "valibot";
import { bool, compact, count, type Json, listOf, part, text, texts } from "../../base/lenient.ts";

export const limitFacts = {
  /** Bytes; 0: no limit. */
  memory: count,
  /** Thousandths of a CPU; 0: no limit. */
  cpus: count,
  /** Processes and threads; 0: no limit. */
  pidsLimit: count,
  /** Whether the kernel may not kill its processes for want of memory. */
  oomKillDisable: bool,
  /** `nofile=1024:2048`: soft and hard, -1 for no limit; the daemon's defaults among them. */
  ulimits: texts,
  /** `json-file`, `journald`, `none` …; what the driver was told never, as it holds tokens. */
  logDriver: text,
} as const;

const limitFactsSchema = v.object(limitFacts);

export type LimitFacts = Readonly<v.InferOutput<typeof limitFactsSchema>>;

const whole = part(v.pipe(v.number(), v.integer()));
const nullable = part(v.nullable(v.pipe(v.number(), v.safeInteger())));

const limitsAnswer = v.object({
  HostConfig: part(
    v.object({
      Memory: count,
      NanoCpus: count,
      CpuQuota: whole,
      CpuPeriod: whole,
      PidsLimit: nullable,
      OomKillDisable: bool,
      Ulimits: listOf(v.object({ Name: v.string(), Soft: whole, Hard: whole })),
      LogConfig: part(v.object({ Type: text })),
    }),
  ),
});

type HostConfig = NonNullable<v.InferOutput<typeof limitsAnswer>["HostConfig"]>;
type Ulimit = NonNullable<HostConfig["Ulimits"]>[number];

/** The kernel's own period, µs, where a quota names none (Linux: CFS bandwidth control). */
const CPU_PERIOD = 100_000;

/** `--cpus` sets the one, `--cpu-quota` the other; the engine takes no more than one of them (daemon_unix.go). */
function cpusOf({ NanoCpus, CpuQuota = 0, CpuPeriod = 0 }: HostConfig): number | undefined {
  if (NanoCpus !== undefined && NanoCpus > 0) return Math.round(NanoCpus / 1_000_000);
  if (CpuQuota > 0) return Math.round((CpuQuota / (CpuPeriod > 0 ? CpuPeriod : CPU_PERIOD)) * 1000);
  return NanoCpus;
}

/** 0, -1 and null are no limit (API's description of PidsLimit). */
const pidsLimitOf = ({ PidsLimit }: HostConfig): number | undefined =>
  PidsLimit === undefined ? undefined : Math.max(0, PidsLimit ?? 0);

/** podman says `RLIMIT_NOFILE`. */
const ulimitText = ({ Name, Soft = 0, Hard = 0 }: Ulimit): string =>
  `${Name.toLowerCase().replace(/^rlimit_/, "")}=${Soft}:${Hard}`;

/** Reads the limits of the parsed JSON of `GET /containers/{id}/json`. */
export function limitFactsOf(json: Json): LimitFacts {
  const { HostConfig: host } = v.parse(limitsAnswer, json);
  if (host === undefined) return {};
  return compact<LimitFacts>({
    memory: host.Memory,
    cpus: cpusOf(host),
    pidsLimit: pidsLimitOf(host),
    oomKillDisable: host.OomKillDisable,
    // The engine adds the daemon's defaults in no order.
    ulimits: host.Ulimits?.map(ulimitText).sort(),
    logDriver: host.LogConfig?.Type,
  });
}
