/** Payloads as a capture file that libsinsp reads (as sysdig 0.41.4 takes it; libscap: scap_savefile.h). */
import { writeEventTo } from "../../ipc/event_header.ts";
import { layout } from "../../ipc/layout.ts";

/** The blocks' types, and what the first one says. */
const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;
const MAJOR = 1;
const MINOR = 2;
const EVENT = 0x221;
/** In front of an event: the block's type and length, and the number of a processor. */
const EVENT_AT = 10;

function sectionHeader(): Buffer {
  const block = Buffer.alloc(28);
  block.writeUInt32LE(SECTION_HEADER, 0);
  block.writeUInt32LE(block.length, 4);
  block.writeUInt32LE(BYTE_ORDER, 8);
  block.writeUInt16LE(MAJOR, 12);
  block.writeUInt16LE(MINOR, 14);
  // How long the section is, nobody knows.
  block.writeBigUInt64LE(2n ** 64n - 1n, 16);
  block.writeUInt32LE(block.length, 24);
  return block;
}

/** An event of our plugin's. */
function eventBlock(timeNano: bigint, payload: Buffer): Buffer {
  const length = layout.EVENT_PAYLOAD + payload.length;
  const size = Math.ceil((EVENT_AT + length) / 4) * 4 + 4;
  const block = Buffer.alloc(size);
  block.writeUInt32LE(EVENT, 0);
  block.writeUInt32LE(size, 4);
  writeEventTo(block, EVENT_AT, timeNano, payload);
  block.writeUInt32LE(size, size - 4);
  return block;
}

/** A capture file of these events, in their order. */
export const captureOf = (events: readonly { readonly timeNano: bigint; readonly payload: string }[]): Buffer =>
  Buffer.concat([
    sectionHeader(),
    ...events.map(({ timeNano, payload }) => eventBlock(timeNano, Buffer.from(payload))),
  ]);
