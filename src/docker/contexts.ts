/**
 * The contexts of the Docker CLI: where an engine is and how to speak to it, by a name (docker/cli 28.5.2:
 * cli/context/store, metadatastore.go and tlsstore.go; cli/context/docker/load.go).
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { errorMessage } from "../base/errors.ts";
import { map, part, text } from "../base/lenient.ts";
import type { TlsFiles } from "./tls.ts";

/** What a context says of its engine. */
export interface Context {
  readonly name: string;
  /** An engine's address. */
  readonly host: string;
  /** Absent where it has no files of TLS. */
  readonly tls?: TlsFiles;
  /** It asks that certificates are not verified. */
  readonly unverified: boolean;
}

export class BadContext extends Error {}

/** The context that is no file: DOCKER_HOST, or the engine of this machine. */
export const DEFAULT_CONTEXT = "default";

const metaSchema = v.object({
  Name: text,
  Endpoints: part(v.object({ docker: part(v.object({ Host: text, SkipTLSVerify: part(v.boolean()) })) })),
});

const idOf = (name: string): string => createHash("sha256").update(name).digest("hex");

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new BadContext(`${path}: ${errorMessage(error)}`);
  }
}

/**
 * @param folder of the Docker CLI's configuration
 * @throws BadContext
 */
export function readContext(folder: string, name: string): Context {
  const path = join(folder, "contexts/meta", idOf(name), "meta.json");
  if (!existsSync(path)) {
    const others = listContexts(folder).map((context) => context.name);
    const there = others.length === 0 ? "there is none" : `there are ${others.join(", ")}`;
    throw new BadContext(`no context ${JSON.stringify(name)} in ${folder}: ${there}`);
  }
  const meta = v.safeParse(metaSchema, readJson(path));
  const docker = meta.success ? meta.output.Endpoints?.docker : undefined;
  if (docker?.Host === undefined) throw new BadContext(`${path}: this context names no Docker Engine`);
  const files = tlsFiles(join(folder, "contexts/tls", idOf(name), "docker"));
  const unverified = docker.SkipTLSVerify === true;
  return { name, host: docker.Host, unverified, ...(files === undefined ? {} : { tls: files }) };
}

function tlsFiles(folder: string): TlsFiles | undefined {
  const file = (name: string): string | undefined => {
    const path = join(folder, `${name}.pem`);
    return existsSync(path) ? path : undefined;
  };
  const files = { ca: file("ca"), cert: file("cert"), key: file("key") };
  return Object.values(files).some((path) => path !== undefined) ? files : undefined;
}

/** The contexts that can be read, by their names. */
export function listContexts(folder: string): Context[] {
  const meta = join(folder, "contexts/meta");
  if (!existsSync(meta)) return [];
  const found: Context[] = [];
  for (const id of readdirSync(meta)) {
    try {
      const { Name } = v.parse(metaSchema, readJson(join(meta, id, "meta.json")));
      if (Name !== undefined && idOf(Name) === id) found.push(readContext(folder, Name));
    } catch {
      // One that is broken, or of another tool's.
    }
  }
  return found.sort((a, b) => a.name.localeCompare(b.name));
}

/**
 * The context that `docker context use` set; `default` where none is set.
 * @throws BadContext
 */
export function currentContext(folder: string): string {
  const path = join(folder, "config.json");
  if (!existsSync(path)) return DEFAULT_CONTEXT;
  const config = v.safeParse(v.pipe(map, v.object({ currentContext: text })), readJson(path));
  if (!config.success) throw new BadContext(`${path}: not the Docker CLI's configuration`);
  return config.output.currentContext || DEFAULT_CONTEXT;
}
