/**
 * Every number that the two processes share: the memory between them, the messages on their sockets, the files they
 * find at fixed descriptors. `build.ts` writes them into the C header, where static asserts check what they add up to.
 */

import { ENGINES_MAX } from "../docker/address.ts";
import { FLUSH_INTERVAL_MAX_MS } from "../plugin/config.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
/** The largest page of memory that a kernel we run on may have (arm64); on those of 4 KiB it is 16 of them. */
const PAGE = 64 * KiB;

/** A record's data area in the ring; a power of two. Also the largest record, the batch's and the mailbox's reserve. */
const RING_BYTES = 16 * MiB;

/** Events of an engine that its journal holds, and the bytes of an entry. */
const JOURNAL_ENTRIES = 512;
const JOURNAL_ENTRY_BYTES = 24;
const RING_JOURNALS = 4 * KiB;
const JOURNALS_END = RING_JOURNALS + ENGINES_MAX * JOURNAL_ENTRIES * JOURNAL_ENTRY_BYTES;

export const layout = {
  PAGE_BYTES: PAGE,

  // The file descriptors a runtime is started with, after 0, 1 and 2.
  /** A pipe: log lines to the host; its end is the end of the runtime. */
  CONTROL_FD: 3,
  /** A pipe: the version, then the answers to requests. */
  ANSWER_FD: 4,
  /** A socket: requests from the host, and nothing to it. */
  REQUEST_FD: 5,
  /** The memory of the mailbox. */
  MAILBOX_FD: 6,

  // The ring: one memfd an open instance. Positions count bytes and only grow; every one is a multiple of RECORD_ALIGN.
  /** u64: bytes ever written. A record counts once this has passed it. */
  RING_HEAD: 0,
  /** u64: bytes ever taken. */
  RING_TAIL: 64,
  /** u64: the head at which the waiting host wants to be woken; all ones: it does not wait. */
  RING_WAKE_AT: 128,
  /** u32: the futex word, moved at every wake-up. */
  RING_FUTEX: 192,
  /** u64: 1 once nothing comes after what has been written. */
  RING_ENDED: 272,
  /** u64: how much of a source that ends has been read, in hundredths of a percent. */
  RING_PROGRESS: 280,
  PROGRESS_MAX: 10_000,
  // What the next runtime needs to go on with each of the instance's engines, by their places in the list of them. Only
  // what is touched costs memory: one engine has the pages that 64 have of each.
  ENGINES_MAX,
  RING_ENGINES: 1 * KiB,
  ENGINE_BYTES: 32,
  /** u64: the hash of the engine's address; 0: nobody has this place yet. */
  ENGINE_KEY: 0,
  /** u64: when its stream began, by the engine's clock, ns since 1970; 0: not yet. */
  ENGINE_BEGAN: 8,
  /** u64: 1 once the containers that ran at open have been told of. */
  ENGINE_SNAPSHOT: 16,
  /**
   * Its resume journal, a cycle of what was delivered last. An entry: f64 end of the record plus one (0: empty), u64
   * timeNano, u64 hash of the engine's line. It counts only where the record's end is not above the head.
   */
  RING_JOURNALS,
  JOURNAL_ENTRIES,
  JOURNAL_ENTRY_BYTES,
  RING_DATA: Math.ceil(JOURNALS_END / PAGE) * PAGE,
  RING_BYTES,

  // A record: its header, the finished Falco event, the index of the event's values.
  RECORD_ALIGN: 8,
  RECORD_MAX: RING_BYTES,
  /** u32: bytes of the whole record. */
  RECORD_SIZE: 0,
  /** u32: where the index begins, from the record's start. */
  RECORD_INDEX: 4,
  /** u32: the place of the engine that it is of; the runtime's own, and nothing to the host. */
  RECORD_ENGINE: 8,
  /** u32: how many slots the event's own block has. */
  RECORD_SLOTS: 12,
  RECORD_EVENT: 16,
  /** u32: bytes of the whole event, from the event's start. */
  EVENT_LENGTH: 16,
  /** From the event's start to the payload: header 26, two lengths 8, plugin id 4. */
  EVENT_PAYLOAD: 38,
  EVENT_TYPE: 322,
  /** The event's parameters: the plugin's id and the payload. */
  EVENT_PARAMS: 2,
  PLUGIN_ID_BYTES: 4,
  /**
   * The index is the event's own block: slots, u32 each. The first ones tell where the other blocks lie, from the
   * record's start. Each of those is a u32 count of slots, the slots, and behind them what they lead to, so that it can
   * be copied as a whole. A field whose slot would lie behind the last one of its block is absent.
   *
   * A slot of 0: absent. A flag's is one of the two below; any other's is where the value lies, from its block's start,
   * in the event's own block from the record's. A text ends with a NUL. A list of texts is a u32 count and where each
   * lies, u32 each; they lie in that order. A list of numbers is a u32 count and the numbers. A keyed value is a u32 count and as many pairs.
   */
  SLOT_BYTES: 4,
  FLAG_FALSE: 1,
  FLAG_TRUE: 2,
  /** A number: u64. */
  NUMBER_BYTES: 8,
  /** The count before the elements of a list or the pairs of a keyed value. */
  COUNT_BYTES: 4,
  /** An element of a list: u32 where its text lies. */
  LIST_ITEM_BYTES: 4,
  /** A pair: u32 where the key lies, u32 bytes of the key; the value's text lies right behind the key. */
  PAIR_BYTES: 8,

  // Batches.
  /** What one next_batch takes at most, but for a single record that is larger. */
  BATCH_BYTES: 1 * MiB,
  /** next_batch's longest wait, ms: Falco sees signals only between calls. */
  BATCH_WAIT_MS: 100,
  FLUSH_INTERVAL_MAX_MS,

  // The mailbox: one memfd a plugin state. The first page is shared counters, then what goes with requests and answers.
  /** u64: moved by the runtime's event loop every three seconds. */
  MAILBOX_HEARTBEAT: 0,
  /** u64: moved by the runtime after each message on the control pipe. */
  MAILBOX_LOGGED: 64,
  /** u64 each, in the order of `metrics`. */
  MAILBOX_METRICS: 128,
  // What the runtime works on, from before it is read until nothing more is done with it; 0: nothing. It outlives a
  // runtime that dies of it.
  /** u64: the hash of a line of an engine. */
  MAILBOX_LINE: 1024,
  /** u64: the hash of what an answer of an engine was asked for with. */
  MAILBOX_INSPECTION: 1032,
  /** u64: the id of a question of the host's. */
  MAILBOX_QUESTION: 1040,
  // What ended runtimes before, written by the host before it starts one; SUSPECTS_MAX u64 each, 0: none.
  SUSPECTS_MAX: 32,
  /** Lines that did so twice. */
  MAILBOX_BAD_LINES: 2048,
  MAILBOX_BAD_INSPECTIONS: 2304,
  MAILBOX_REQUEST: PAGE,
  MAILBOX_ANSWER: PAGE + RING_BYTES,
  MAILBOX_BYTES: PAGE + 2 * RING_BYTES,

  // Messages.
  INSTANCES_MAX: 16,
  LOG_MAX: 4 * KiB,
  /** Lines of the runtime's that reach Falco's log: at once, and then in a second. */
  LOG_BURST: 1000,
  LOG_PER_SECOND: 100,
  ERROR_MAX: 2 * KiB,
  REQUEST_CONFIGURE: 1,
  REQUEST_OPEN: 2,
  REQUEST_CLOSE: 3,
  REQUEST_EXTRACT: 4,
  REQUEST_LIST: 5,
} as const;
