import { expect, test } from "bun:test";
import { type LimitFacts, limitFactsOf } from "../../../../src/docker/inspect/limits.ts";
import { inspectionOf } from "../../../support/recordings.ts";

test("recorded limits", () => {
  expect(limitFactsOf(inspectionOf("docker-20.10.24", "oom"))).toEqual({
    memory: 16_777_216,
    cpus: 0,
    pidsLimit: 0,
    oomKillDisable: false,
    logDriver: "json-file",
  });
  expect(limitFactsOf(inspectionOf("podman-5.8.6", "base"))).toMatchObject({
    pidsLimit: 2048,
    ulimits: ["nofile=1024:1024", "nproc=4096:4096"],
  });
});

const cases: [host: object, expected: LimitFacts][] = [
  [{ NanoCpus: 1_500_000_000 }, { cpus: 1500 }],
  [{ NanoCpus: 0, CpuQuota: 25_000, CpuPeriod: 50_000 }, { cpus: 500 }],
  [{ NanoCpus: 0, CpuQuota: 200_000, CpuPeriod: 0 }, { cpus: 2000 }],
  [{ NanoCpus: 0, CpuQuota: -1 }, { cpus: 0 }],
  [{ PidsLimit: -1 }, { pidsLimit: 0 }],
  [{ PidsLimit: null }, { pidsLimit: 0 }],
  [{ PidsLimit: 100 }, { pidsLimit: 100 }],
  [{ PidsLimit: "100" }, {}],
  [{ PidsLimit: 1.5 }, {}],
  // More than a double holds exactly is no figure to compare with.
  [{ Memory: 2 ** 63, PidsLimit: 1 }, { pidsLimit: 1 }],
  [
    { PidsLimit: 1, Ulimits: [{ Name: "x" }, { Name: "core", Soft: -1, Hard: -1 }] },
    { pidsLimit: 1, ulimits: ["core=-1:-1", "x=0:0"] },
  ],
];
test.each(cases)("%j", (HostConfig, expected) => {
  expect(limitFactsOf({ HostConfig } as never)).toStrictEqual(expected);
});
