/** The functions of libdocker.so that the runtime calls, and those it is called back by, as ffi's bridge.h has them. */
import { FFIType } from "bun:ffi";

const { u32, i32, u64, ptr } = FFIType;

export const symbols = {
  docker_bridge_start: { args: [ptr], returns: i32 },
  docker_bridge_mailbox: { args: [], returns: ptr },
  docker_bridge_ring: { args: [u32], returns: ptr },
  docker_bridge_ring_head: { args: [u32], returns: FFIType.u64_fast },
  docker_bridge_ring_tail: { args: [u32], returns: FFIType.u64_fast },
  docker_bridge_ring_publish: { args: [u32, u64], returns: FFIType.void },
  docker_bridge_ring_end: { args: [u32], returns: FFIType.void },
  docker_bridge_ring_close: { args: [u32], returns: FFIType.void },
  docker_bridge_answer: { args: [u32, i32, u64, u64], returns: FFIType.void },
  docker_bridge_log: { args: [i32, ptr, u64], returns: FFIType.void },
} as const;

/** What the host asks for, in the order of the table that `docker_bridge_start` takes, with the numbers that come along. */
export const callbacks = {
  configure: ["id", "length"],
  open: ["id", "instance", "resume", "length"],
  close: ["id", "instance"],
  extract: ["id", "length"],
  list: ["id"],
  abandoned: [],
} as const;
