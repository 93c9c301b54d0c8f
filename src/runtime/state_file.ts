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

/** 512 marks of at most 48 bytes, and the frame. */
const SIZE_MAX = 64 * 1024;

const digits = v.pipe(v.string(), v.regex(/^\d{1,20}$/));
const stateSchema = v.object({
  address: v.string(),
  saved: v.number(),
  began: digits,
  marks: v.array(v.tuple([digits, digits])),
});

const u64 = (text: string): bigint => BigInt.asUintN(64, BigInt(text));

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
   * Takes the state: it is there for one reader only.
   * However old it is: the engine itself says, by what it sends again, whether it still holds.
   * @returns undefined where there is none; `pause` by our clock, and only where that makes sense
   * @throws BadState where somebody else could have written it, or it is garbage
   */
  take(now = Date.now()): ResumePoint | undefined {
    let fd: number;
    try {
      fd = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw new BadState(`${this.path}: ${code === "ELOOP" ? "it is a link" : (error as Error).message}`);
    }
    try {
      const { uid, mode, size } = fstatSync(fd);
      if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new BadState(`${this.path}: it is no file`);
      if (uid !== process.geteuid?.()) throw new BadState(`${this.path}: it belongs to another user (${uid})`);
      if ((mode & 0o022) !== 0) throw new BadState(`${this.path}: others may write it`);
      if (size > SIZE_MAX) throw new BadState(`${this.path}: ${size} bytes are too many`);
      const state = this.#parse(readFileSync(fd, "utf8"));
      if (state.address !== this.address) return undefined;
      const marks = state.marks.map(([time, hash]) => ({ timeNano: u64(time), hash: u64(hash) }));
      const pause = now - state.saved;
      return { began: u64(state.began), marks, ...(pause >= 0 ? { pause } : {}) };
    } finally {
      closeSync(fd);
      this.#remove();
    }
  }

  /** What was read, or refused, must not be read again. A folder in its place stays. */
  #remove(): void {
    try {
      rmSync(this.path, { force: true });
    } catch {}
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
      marks: marks.map(({ timeNano, hash }) => [String(timeNano), String(hash)]),
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
