import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import * as v from "valibot";
import type { ResumePoint } from "../docker/stream.ts";

/** A restart of Falco is over by then; what is older says nothing about the engine's memory. */
const VALID_MS = 5 * 60_000;
/** 512 marks of at most 50 bytes, and the frame. */
const SIZE_MAX = 64 * 1024;

const digits = v.pipe(v.string(), v.regex(/^\d{1,20}$/));
const stateSchema = v.object({
  address: v.string(),
  saved: v.number(),
  began: digits,
  marks: v.array(v.tuple([digits, v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff))])),
});

/** State that must not be believed; the message says why. */
export class BadState extends Error {}

/**
 * What was delivered of one engine's events, kept from the close of an instance to the next open of the same address.
 * One file an engine: two instances never write the same one.
 */
export class StateFile {
  readonly path: string;

  /** @param base the setting `statefile` */
  constructor(
    base: string,
    readonly address: string,
  ) {
    this.path = `${base}.${Bun.hash(address).toString(16)}.json`;
  }

  /**
   * Reads the state, which stays until `forget`: a stream that never stands must not lose the place of the next one.
   * @returns undefined where there is none, or only an old one
   * @throws BadState where somebody else could have written it, or it is garbage; that one is gone then
   */
  read(now = Date.now()): ResumePoint | undefined {
    let fd: number;
    try {
      fd = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw new BadState(`${this.path}: ${code === "ELOOP" ? "it is a link" : (error as Error).message}`);
    }
    try {
      return this.#believed(fd, now);
    } catch (error) {
      this.forget();
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** Removes the state: what goes on from it stands, and from now on it is old. A folder in its place stays. */
  forget(): void {
    try {
      rmSync(this.path, { force: true });
    } catch {}
  }

  #believed(fd: number, now: number): ResumePoint | undefined {
    const { uid, mode, size } = fstatSync(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new BadState(`${this.path}: it is no file`);
    if (uid !== process.geteuid?.()) throw new BadState(`${this.path}: it belongs to another user (${uid})`);
    if ((mode & 0o022) !== 0) throw new BadState(`${this.path}: others may write it`);
    if (size > SIZE_MAX) throw new BadState(`${this.path}: ${size} bytes are too many`);
    const state = this.#parse(readFileSync(fd, "utf8"));
    const age = now - state.saved;
    if (state.address !== this.address || age < 0 || age > VALID_MS) return undefined;
    const marks = state.marks.map(([time, hash]) => ({ timeNano: BigInt(time), hash }));
    return { began: BigInt(state.began), marks };
  }

  /**
   * Replaces the state, atomically, readable by its owner alone.
   * @throws where it cannot be written
   */
  keep({ began, marks }: ResumePoint, now = Date.now()): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const text = JSON.stringify({
      address: this.address,
      saved: now,
      began: String(began),
      marks: marks.map(({ timeNano, hash }) => [String(timeNano), hash]),
    });
    const fresh = `${this.path}.${process.pid}.new`;
    rmSync(fresh, { force: true });
    const fd = openSync(fresh, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
    renameSync(fresh, this.path);
  }

  #parse(text: string): v.InferOutput<typeof stateSchema> {
    try {
      return v.parse(stateSchema, JSON.parse(text));
    } catch {
      throw new BadState(`${this.path}: it is not what this plugin writes`);
    }
  }
}
