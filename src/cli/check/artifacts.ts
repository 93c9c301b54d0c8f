/** Whether libdocker.so and docker-plugin are there, belong together and can be started. */
import { accessSync, closeSync, constants, openSync, readFileSync, readSync, type Stats, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { buildId } from "../../ipc/build_id.ts";
import { info } from "../../plugin/info.ts";
import { PROGRAM } from "../commands.ts";
import { bad, type Finding, good, unknown } from "./finding.ts";

/** How long a program may take to say which version it is, ms. */
const VERSION_MS = 10_000;

const statOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });

/** Group's and others' right to write. */
const WRITABLE = 0o022;

/** Falco runs what stands here, mostly as root: nobody else may change it. */
function writable(path: string, { mode, uid }: Stats): Finding[] {
  if ((mode & WRITABLE) !== 0) return [bad(`others than its owner can change ${path}`, `chmod go-w ${path}`)];
  return uid === 0 || uid === process.getuid?.()
    ? []
    : [unknown(`${path} belongs to user ${uid}`, "it should belong to root")];
}

/** The processors that a release is made for, as an ELF file names them (elf(5): e_machine). */
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };
const MACHINE_AT = 18;

/** Whether a file is a program or library for another processor than this one. */
function isForeign(path: string): boolean {
  const head = Buffer.alloc(MACHINE_AT + 2);
  const fd = openSync(path, "r");
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  return head.toString("latin1", 0, 4) === "\x7fELF" && head.readUInt16LE(MACHINE_AT) !== MACHINES[process.arch];
}

const foreign = (path: string): Finding =>
  bad(`${path} is made for another processor`, "install the release for this machine's");

/** The build that a library is of; undefined where it says none: it is something else, or of another kind of build. */
function buildOf(library: string): string | undefined {
  const text = readFileSync(library).toString("latin1");
  if (text.includes(`${buildId}\0`)) return buildId;
  return /\0(\d+\.\d+\.\d+\+[0-9a-f]{8,16})\0/.exec(text)?.[1];
}

/** The section of a library that holds its program (ffi/host/carried.h), as its file names it. */
const CARRIED = "\0.docker_plugin\0";

const INSTALL = "copy libdocker.so and docker-plugin of one build into one folder";

function library(path: string): Finding[] {
  const stat = statOf(path);
  if (stat === undefined) return [bad(`there is no ${path}`, INSTALL)];
  if (!stat.isFile()) return [bad(`${path} is no file`, INSTALL)];
  if (isForeign(path)) return [foreign(path)];
  const build = buildOf(path);
  if (build === undefined) return [bad(`${path} is no libdocker.so`, INSTALL), ...writable(path, stat)];
  if (build !== buildId)
    return [bad(`${path} is of build ${build}, and this program of ${buildId}`, INSTALL), ...writable(path, stat)];
  return [good(`${path} is of this build, ${build}`), ...writable(path, stat)];
}

/** Whether a library carries its program, and needs none beside it. */
function carries(library: string): boolean {
  return (statOf(library)?.isFile() ?? false) && readFileSync(library).includes(CARRIED, 0, "latin1");
}

/** The program that a library starts: docker-plugin of its folder. */
function program(path: string): Finding[] {
  const stat = statOf(path);
  if (stat === undefined) return [bad(`there is no ${path}, which libdocker.so starts`, INSTALL)];
  try {
    accessSync(path, constants.X_OK);
  } catch {
    return [bad(`${path} cannot be executed`, `chmod 755 ${path}; its file system must not be mounted noexec`)];
  }
  if (stat.isFile() && isForeign(path)) return [foreign(path)];
  if (statOf(process.execPath)?.ino === stat.ino) return [good(`${path} is this program`), ...writable(path, stat)];
  const ran = Bun.spawnSync([path, "--version"], { env: {}, timeout: VERSION_MS, stdio: ["ignore", "pipe", "ignore"] });
  const said = ran.stdout.toString().trim();
  if (said === `${PROGRAM} ${buildId}`) return [good(`${path} is of this build`), ...writable(path, stat)];
  if (/^docker-plugin \d\S*$/.test(said)) return [bad(`${path} is ${said}, and this program of ${buildId}`, INSTALL)];
  return [bad(`${path} does not say which version it is`, INSTALL)];
}

/**
 * Looks at the library and at the program beside it.
 * @param path of the library; undefined: that of this program's folder
 */
export function checkArtifacts(path: string | undefined): Finding[] {
  const at = path ?? join(dirname(process.execPath), `lib${info.name}.so`);
  const beside = join(dirname(at), PROGRAM);
  if (statOf(beside) === undefined && carries(at)) return [...library(at), good(`${at} carries its program`)];
  return [...library(at), ...program(beside)];
}
