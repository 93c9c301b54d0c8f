import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { BadCheckpoint, Checkpoint } from "../../../src/runtime/checkpoint.ts";
import { temporaryFolder } from "../../support/temporary.ts";

const point = { began: 1795427240000000000n, fingerprints: [{ timeNano: 2n ** 64n - 1n, hash: 2n ** 64n - 1n }] };
const make = () => new Checkpoint(join(temporaryFolder(), "state", "resume"), "unix:///run/docker.sock");

test("what was kept is read, exact, however old it is, and whatever our clock says by then, until it is forgotten", () => {
  const file = make();
  expect(file.read()).toBeUndefined();
  file.keep(point, 1_000);
  expect(file.read(1_000 + 200)).toEqual({ ...point, pause: 200 });
  expect(file.read(1_000 + 86_400_000)).toEqual({ ...point, pause: 86_400_000 });
  expect(file.read(500)).toEqual(point);
  file.forget();
  expect(file.read(1_000)).toBeUndefined();
});

test("a stream that stands makes what was kept old: where nothing is kept after it, that is told", () => {
  const file = make();
  file.keep(point, 1_000);
  file.occupy(7n, 2_000);
  expect(file.read(2_500)).toEqual({ began: 7n, fingerprints: [], pause: 500, isOpen: true });
  file.keep(point, 3_000);
  expect(file.read(3_000)).toEqual({ ...point, pause: 0 });
});

test("only its owner can read it, nothing is left beside it, and engines do not share one", () => {
  const file = make();
  file.keep(point);
  file.keep(point);
  expect(statSync(file.path).mode & 0o777).toBe(0o600);
  expect(statSync(join(file.path, "..")).mode & 0o777).toBe(0o700);
  expect(readdirSync(join(file.path, "..")).length).toBe(1);
  expect(new Checkpoint(file.path, "tcp://other:2375").path).not.toBe(new Checkpoint(file.path, "unix:///x").path);
});

/** Makes of a kept state one that must be refused; the key stands in the error. */
const untrusted: Record<string, (path: string) => void> = {
  "it is a link": (path) => {
    renameSync(path, `${path}.real`);
    symlinkSync(`${path}.real`, path);
  },
  "others may write it": (path) => chmodSync(path, 0o622),
  "not what this plugin writes": (path) => writeFileSync(path, '{"address": 5}'),
  "it is no file": (path) => {
    rmSync(path);
    mkdirSync(path);
  },
  "are too many": (path) => writeFileSync(path, "x".repeat(100_000)),
};
if (process.getuid?.() === 0) untrusted["another user"] = (path) => chownSync(path, 12345, 12345);

test.each(Object.entries(untrusted))("state is refused and says why: %s", (why, spoil) => {
  const file = make();
  file.keep(point);
  spoil(file.path);
  expect(() => file.read()).toThrow(BadCheckpoint);
  // What was refused is not read again.
  if (why !== "it is no file" && why !== "it is a link") expect(file.read()).toBeUndefined();
  rmSync(file.path, { recursive: true, force: true });
  file.keep(point);
  spoil(file.path);
  expect(() => file.read()).toThrow(why);
});

test("a folder that cannot be made is an error and not a crash", () => {
  expect(() => new Checkpoint("/proc/nowhere/resume", "unix:///x").keep(point)).toThrow();
});
