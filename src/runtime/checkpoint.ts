/** What one life of Falco leaves to the next, in a file. */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import * as v from "valibot";
import type { ResumePoint } from "../docker/stream/stream.ts";
import { type Lost, lostOf, NOTHING, SPOOL_BYTES_MAX, type Undelivered, writeSpool } from "./spool.ts";

/** 512 fingerprints of at most 48 bytes, and the frame. */
const SIZE_MAX = 64 * 1024;

const digits = v.pipe(v.string(), v.regex(/^\d{1,20}$/));
const stateSchema = v.object({
  address: v.string(),
  saved: v.number(),
  began: digits,
  isOpen: v.optional(v.literal(true)),
  lost: v.optional(v.object({ count: v.pipe(v.number(), v.integer(), v.minValue(1)), since: digits, until: digits })),
  marks: v.array(v.tuple([digits, digits])),
});

/** What one life of Falco leaves to the next. */
export interface Kept extends ResumePoint {
  /** Nothing was kept: that life ended before it could. */
  readonly isOpen?: true;
  /** What was not delivered, as `writeSpool` writes it. */
  readonly spooled?: Buffer;
  /** What nobody has any more, and nobody was told of. */
  readonly lost?: Lost;
}

const NEWLINE = 0x0a;

const u64 = (text: string): bigint => BigInt.asUintN(64, BigInt(text));

/** State that must not be believed; the message says why. */
export class BadCheckpoint extends Error {}

/**
 * What was delivered of one engine's events, and before it, line by line, what was not: kept from the close of an
 * instance to the next open of the same address. They are one file, so that one never counts without the other. One file
 * an engine: two instances never write the same one.
 */
export class Checkpoint {
  readonly path: string;

  /** @param base the setting `statefile` */
  constructor(
    base: string,
    readonly address: string,
  ) {
    this.path = `${base}.${Bun.hash(address).toString(16)}.json`;
  }

  /**
   * Reads the state, which stays until `occupy`: a stream that never stands must not lose the place of the next one.
   * However old it is: the engine itself says, by what it sends again, whether it still holds.
   * @returns undefined where there is none; `pause` by our clock, and only where that makes sense
   * @throws BadCheckpoint where somebody else could have written it, or it is garbage; that one is gone then
   */
  read(now = Date.now()): Kept | undefined {
    let fd: number;
    try {
      fd = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw new BadCheckpoint(`${this.path}: ${code === "ELOOP" ? "it is a link" : (error as Error).message}`);
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

  /**
   * Says that a stream stands and goes on from what was kept, which is old from now on: where nothing replaces this, both
   * Falco and its runtime ended before they could.
   * @throws where that cannot be written; what was kept is gone then all the same, where it can be removed
   */
  occupy(began: bigint, now = Date.now()): void {
    try {
      this.#replace(() => this.#text({ began, fingerprints: [] }, now, { isOpen: true }));
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  /** Removes the state. A folder in its place stays. */
  forget(): void {
    try {
      rmSync(this.path, { force: true });
    } catch {}
  }

  #believed(fd: number, now: number): Kept | undefined {
    const { uid, mode, size } = fstatSync(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new BadCheckpoint(`${this.path}: it is no file`);
    if (uid !== process.geteuid?.()) throw new BadCheckpoint(`${this.path}: it belongs to another user (${uid})`);
    if ((mode & 0o022) !== 0) throw new BadCheckpoint(`${this.path}: others may write it`);
    if (size > SPOOL_BYTES_MAX + SIZE_MAX) throw new BadCheckpoint(`${this.path}: ${size} bytes are too many`);
    const bytes = readFileSync(fd);
    const start = bytes.lastIndexOf(NEWLINE) + 1;
    if (size - start > SIZE_MAX) throw new BadCheckpoint(`${this.path}: ${size - start} bytes of state are too many`);
    const state = this.#parse(bytes.toString("utf8", start));
    if (state.address !== this.address) return undefined;
    const { began, marks, isOpen, lost } = state;
    const pause = now - state.saved;
    return {
      began: u64(began),
      fingerprints: marks.map(([time, hash]) => ({ timeNano: u64(time), hash: u64(hash) })),
      ...(pause >= 0 ? { pause } : {}),
      ...(isOpen ? { isOpen } : {}),
      ...(start === 0 ? {} : { spooled: bytes.subarray(0, start) }),
      ...(lost === undefined ? {} : { lost: { ...lost, since: u64(lost.since), until: u64(lost.until) } }),
    };
  }

  /**
   * Replaces the state, atomically, readable by its owner alone.
   * @param undelivered what of the events since has to be kept too
   * @throws where it cannot be written
   */
  keep(point: ResumePoint, now = Date.now(), undelivered: Undelivered = NOTHING): void {
    this.#replace((fd) => {
      let lost: Lost | undefined;
      try {
        lost = writeSpool(fd, undelivered);
      } catch {
        // No room for all of it: where the stream stood needs little.
        ftruncateSync(fd, 0);
        lost = lostOf(undelivered, undelivered.count, undelivered.oldest);
      }
      const told = lost && { lost: { ...lost, since: String(lost.since), until: String(lost.until) } };
      return this.#text(point, now, told);
    });
  }

  #text({ began, fingerprints }: ResumePoint, saved: number, more?: object): string {
    const marks = fingerprints.map(({ timeNano, hash }) => [String(timeNano), String(hash)]);
    return JSON.stringify({ address: this.address, saved, began: String(began), ...more, marks });
  }

  /** @param write writes what comes first, and returns the last line */
  #replace(write: (fd: number) => string): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const fresh = `${this.path}.${process.pid}.new`;
    rmSync(fresh, { force: true });
    const fd = openSync(fresh, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND, 0o600);
    try {
      const state = Buffer.from(write(fd));
      if (writeSync(fd, state) !== state.length) throw new Error(`no room for ${state.length} bytes`);
      renameSync(fresh, this.path);
    } catch (error) {
      rmSync(fresh, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  #parse(text: string): v.InferOutput<typeof stateSchema> {
    try {
      return v.parse(stateSchema, JSON.parse(text));
    } catch {
      throw new BadCheckpoint(`${this.path}: it is not what this plugin writes`);
    }
  }
}
