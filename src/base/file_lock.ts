/** A file for one process alone: the kernel's lock, which ends with whoever holds it, however that ends. */
import { dlopen, FFIType, type Pointer, read } from "bun:ffi";

const { i32, ptr } = FFIType;
/** flock(2) of Linux: alone, and without waiting. */
const LOCK_EX = 2;
const LOCK_NB = 4;
/** EINVAL, ENOLCK, ENOSYS, EOPNOTSUPP: file systems that have no locks, such as some of networks. */
const NO_LOCKS: readonly number[] = [22, 37, 38, 95];

/**
 * Locks a file for as long as `fd`, which is open, stays so. Returns false where another process has it; where the file
 * system has no locks nobody can know, and it counts as locked.
 */
export function lockFile(fd: number): boolean {
  const { symbols } = dlopen("libc.so.6", {
    flock: { args: [i32, i32], returns: i32 },
    __errno_location: { args: [], returns: ptr },
  });
  if (symbols.flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  return NO_LOCKS.includes(read.i32(symbols.__errno_location() as Pointer));
}
