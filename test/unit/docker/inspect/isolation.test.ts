import { describe, expect, test } from "bun:test";
import { shortened } from "../../../../src/docker/inspect/bounds.ts";
import {
  type EngineDefaults,
  type IsolationFacts,
  isolationFactsOf,
} from "../../../../src/docker/inspect/isolation.ts";
import { inspectionOf } from "../../../support/recordings.ts";

const factsOf = (HostConfig: object, defaults?: EngineDefaults): IsolationFacts =>
  isolationFactsOf({ HostConfig } as never, defaults);

const engine = (...securityOptions: string[]): EngineDefaults => ({ securityOptions, tellsNoNewPrivileges: true });
/** Before 24.0. */
const old = (...securityOptions: string[]): EngineDefaults => ({ securityOptions, tellsNoNewPrivileges: false });

test("capabilities have one name however they were asked for, and are there once", () => {
  const CapAdd = ["net_admin", "all", "Cap_Sys_Admin", "SYS_TIME", "CAP_SYS_ADMIN"];
  expect(factsOf({ CapAdd, CapDrop: ["ALL"] })).toEqual({
    capAdd: ["CAP_NET_ADMIN", "ALL", "CAP_SYS_ADMIN", "CAP_SYS_TIME"],
    capDrop: ["ALL"],
  });
});

test("security options have one form however they were asked for", () => {
  const SecurityOpt = ["label=type:a_t", "seccomp:unconfined", "label:type:a_t", "no-new-privileges", "disable"];
  expect(factsOf({ SecurityOpt }).securityOpt).toEqual([
    "seccomp=unconfined",
    "no-new-privileges",
    "label=disable",
    "label=type:a_t",
  ]);
});

test("no junk before it hides what matters of a list, and what was cut is said", () => {
  const junk = Array.from({ length: 50_000 }, (_, i) => `junk${i}`);
  const facts = factsOf({
    CapAdd: [...junk, "sys_admin"],
    SecurityOpt: [...junk.map((each) => `label:${each}`), "apparmor:unconfined"],
  });
  const { capAdd, securityOpt, cut } = shortened(facts);
  expect(capAdd?.[0]).toBe("CAP_SYS_ADMIN");
  expect(securityOpt?.[0]).toBe("apparmor=unconfined");
  expect(cut).toEqual(["capAdd", "securityOpt"]);
  expect(JSON.stringify([capAdd, securityOpt]).length).toBeLessThan(80_000);
  expect(shortened(factsOf({ CapAdd: Array.from({ length: 50_000 }, () => "chown") }))).toEqual({
    capAdd: ["CAP_CHOWN"],
  });
});

describe("seccomp", () => {
  const builtin = engine("name=apparmor", "name=seccomp,profile=builtin");
  const cases: [
    options: string[] | null,
    privileged: boolean,
    defaults: EngineDefaults | undefined,
    is: string | undefined,
  ][] = [
    [["seccomp=unconfined"], false, undefined, "unconfined"],
    [["seccomp:unconfined"], false, builtin, "unconfined"],
    [["seccomp=builtin"], false, engine("name=seccomp,profile=unconfined"), "default"],
    [['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'], false, builtin, "custom"],
    // The last one is what the engine takes.
    [["seccomp=unconfined", "seccomp=builtin"], false, undefined, "default"],
    [["seccomp=builtin", "seccomp=unconfined"], false, undefined, "unconfined"],
    [null, true, builtin, "unconfined"],
    [["seccomp={}"], true, builtin, "custom"],
    [null, false, undefined, undefined],
    [null, false, builtin, "default"],
    [["seccomp="], false, builtin, "default"],
    [null, false, engine("name=seccomp,profile=default"), "default"],
    [null, false, engine("seccomp"), "default"],
    [null, false, engine("name=seccomp,profile=unconfined"), "unconfined"],
    [null, false, engine("name=seccomp,profile=/etc/docker/seccomp.json"), "custom"],
    [null, false, engine("name=cgroupns"), "unconfined"],
  ];
  test.each(cases)("%p, privileged %p, engine %j: %p", (SecurityOpt, Privileged, defaults, is) => {
    expect(factsOf({ SecurityOpt, Privileged }, defaults).seccomp).toBe(is as IsolationFacts["seccomp"]);
  });
});

describe("no new privileges", () => {
  const set = engine("name=no-new-privileges");
  const cases: [options: string[], defaults: EngineDefaults | undefined, is: boolean | undefined][] = [
    [["no-new-privileges"], undefined, true],
    [["no-new-privileges:true"], undefined, true],
    [["no-new-privileges=1"], engine(), true],
    [["no-new-privileges=false"], set, false],
    [["no-new-privileges", "no-new-privileges=F"], set, false],
    [["no-new-privileges-x"], undefined, undefined],
    [[], undefined, undefined],
    [[], engine(), false],
    [[], old(), undefined],
    [["no-new-privileges=false"], old(), false],
    [[], set, true],
  ];
  test.each(cases)("%p, engine %j: %p", (SecurityOpt, defaults, is) => {
    expect(factsOf({ SecurityOpt }, defaults).noNewPrivileges).toBe(is as boolean);
  });
});

describe("masked paths", () => {
  const { MaskedPaths, ReadonlyPaths } = inspectionOf("docker-20.10.24", "plain").HostConfig as Record<
    string,
    string[]
  >;
  const without = (list: readonly string[] | undefined, path: string) => list?.filter((each) => each !== path);
  const cases: [what: string, host: object, is: boolean | undefined][] = [
    ["the engine's", { MaskedPaths, ReadonlyPaths }, true],
    ["systempaths=unconfined", { MaskedPaths: [], ReadonlyPaths: [] }, false],
    ["only /proc/sys opened", { MaskedPaths, ReadonlyPaths: without(ReadonlyPaths, "/proc/sys") }, false],
    ["only /proc/kcore opened", { MaskedPaths: without(MaskedPaths, "/proc/kcore"), ReadonlyPaths }, false],
    ["privileged, which the lists do not bind", { MaskedPaths, ReadonlyPaths, Privileged: true }, false],
    ["not told (podman)", { MaskedPaths: null, ReadonlyPaths: null, Privileged: false }, undefined],
  ];
  test.each(cases)("%s: %p", (_, host, is) => {
    expect(factsOf(host).maskedPaths).toBe(is as boolean);
  });
  test("of a newer engine, which masks more", () => {
    expect(isolationFactsOf(inspectionOf("docker-29.7.2", "base")).maskedPaths).toBe(true);
  });
});

test("kernel settings by their names with dots, each a text", () => {
  const Sysctls = { "net/ipv4/conf/eth0.1/x": "1", "kernel.msgmax": "65536", "net.ipv4.conf.eth0/1.x": "2", n: 5 };
  expect(factsOf({ Sysctls }).sysctls).toEqual([
    ["kernel.msgmax", "65536"],
    ["net.ipv4.conf.eth0/1.x", "1"],
    ["net.ipv4.conf.eth0/1.x", "2"],
  ]);
  expect(factsOf({ Sysctls: {} })).toEqual({});
});
