/** What an engine tells of itself: how it is protected (moby 29.7.2: api/types/system/info.go, daemon/info.go). */
import * as v from "valibot";
import { bool, compact, isMap, part, text, texts } from "../../base/lenient.ts";
import { compareVersions } from "../api_version.ts";
import type { EngineInfo } from "../client.ts";
import type { EngineDefaults } from "./isolation.ts";

/** What `GET /info` tells of how the engine is protected, made small. */
export const daemonInspection = v.object({
  /** One text each, as the engine words it: `WARNING: API is accessible on http://0.0.0.0:2375 without encryption. …` */
  warnings: texts,
  /** `name=seccomp,profile=default`, `name=apparmor`, `name=rootless`, `name=no-new-privileges` … (API 1.25). */
  securityOptions: texts,
  /** The plugins that are asked whether a request is allowed. */
  authorization: texts,
  /** Whether it runs without root's rights (API 1.40). */
  rootless: bool,
  /** `inactive`, `pending`, `active`, `error`, `locked`. */
  swarm: text,
  /** Whether who reaches a TCP port of its API is let in without a certificate (the warnings say it from API 1.39 on). */
  insecure: bool,
});

export type DaemonInspection = Readonly<v.InferOutput<typeof daemonInspection>>;

const daemonAnswer = v.object({
  ID: text,
  Name: text,
  Warnings: texts,
  SecurityOptions: texts,
  Plugins: part(v.object({ Authorization: texts })),
  Swarm: part(v.object({ LocalNodeState: text })),
  /** podman's own; of its security options only version 5 says it. */
  Rootless: bool,
});

/** The engine's id and its machine's name, as its own events have them; undefined where it has no id. */
export function daemonIdentityOf(json: unknown): { readonly id: string; readonly name: string } | undefined {
  if (!isMap(json)) return undefined;
  const { ID: id, Name: name = "" } = v.parse(daemonAnswer, json);
  return id === undefined || id === "" ? undefined : { id, name };
}

/** Without encryption, or with it and without a look at the client's certificate: both let anybody in. */
const OPEN_API = /API is accessible on https?:/;

/** Who answers. */
type Answers = Pick<EngineInfo, "apiVersion" | "isPodman">;

/** The first API whose engine names the default no-new-privileges (moby 24.0: daemon/info.go; docs/api/version-history.md). */
const TELLS_NO_NEW_PRIVILEGES = "1.43";

/**
 * What the engine gives containers that ask for nothing else; undefined where it does not say.
 * @param engine whose answer it is; undefined where that is not known
 */
export function engineDefaultsOf(json: unknown, engine: Answers | undefined): EngineDefaults | undefined {
  const securityOptions = isMap(json) ? v.parse(daemonAnswer, json).SecurityOptions : undefined;
  if (securityOptions === undefined) return undefined;
  const { apiVersion, isPodman = false } = engine ?? {};
  const isNew = apiVersion !== undefined && compareVersions(apiVersion, TELLS_NO_NEW_PRIVILEGES) >= 0;
  // podman has no such default (containers.conf(5) of 4.3 and 5.8).
  return { securityOptions, tellsNoNewPrivileges: isNew || isPodman };
}

const oneLine = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trim())
    .join(" ");

/** Reads the parsed JSON of `GET /info`; undefined where it is no object. */
export function inspectDaemon(json: unknown): DaemonInspection | undefined {
  if (!isMap(json)) return undefined;
  const { Warnings, SecurityOptions, Plugins, Swarm, Rootless } = v.parse(daemonAnswer, json);
  return compact<DaemonInspection>({
    warnings: Warnings?.map(oneLine),
    securityOptions: SecurityOptions,
    authorization: Plugins?.Authorization,
    rootless: Rootless || SecurityOptions?.some((option) => /^name=rootless(,|$)/.test(option)),
    swarm: Swarm?.LocalNodeState || undefined,
    // The engine leaves the list out, or null, where there is nothing to warn of.
    insecure: (Warnings ?? []).some((warning) => OPEN_API.test(warning)),
  });
}
