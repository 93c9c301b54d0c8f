/** A runtime that has been taken over: speaks as the real one does, and then breaks the rules. Told how by its first argument. */
import { writeSync } from "node:fs";
import { lineOf } from "../../src/base/line.ts";
import { own, places } from "../../src/ipc/blocks.ts";
import { Bridge } from "../../src/ipc/bridge.ts";
import { buildId } from "../../src/ipc/build_id.ts";
import { layout } from "../../src/ipc/layout.ts";
import { RecordWriter } from "../../src/ipc/record.ts";
import { fields } from "../../src/plugin/fields.ts";
import { parseEnriched } from "../../src/sensor/enrichment.ts";
import { Random } from "../support/random.ts";

const LINE =
  '{"Type":"container","Action":"start","Actor":{"ID":"1","Attributes":{"name":"web","image":"alpine"}},"timeNano":1}';
const line = Buffer.from(LINE);
const event = parseEnriched(LINE, "engine");
event.falco = { inspected: true, container: { privileged: true, user: "root", capAdd: ["CAP_SYS_ADMIN", "ALL"] } };

/** An event with a list as long as the host answers with. */
const many = parseEnriched(LINE, "engine");
many.falco = { inspected: true, container: { capAdd: Array.from({ length: 4096 }, (_, i) => `CAP_${i}`) } };
const CAPADD = places[fields.findIndex(({ name }) => name === "docker.container.capadd")] ?? { block: 0, slot: 0 };

/** An instance is opened that gets no answer. */
let slow = false;

/** What goes on after an attack was published. */
let flip = (): void => {};

/** What a hostile runtime does to a ring that it was given, again and again. */
type Attack = (ring: { words: Uint32Array; writer: RecordWriter; head: number }, random: Random) => number;

/** Numbers that break bounds where they are not checked. */
const nasty = (random: Random): number =>
  [0, 1, 7, 8, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, random.below(2 ** 32), random.below(4096)][
    random.below(9)
  ] as number;

const attacks: Record<string, Attack> = {
  garbage: ({ words, head }, random) => {
    for (let i = 0; i < 4096; i++) words[random.below(words.length)] = nasty(random);
    return head + 8 * (1 + random.below(100_000));
  },
  "a head that jumps": ({ head }, random) =>
    [2 ** 52, head - 8, head + layout.RING_BYTES + 8, head + 4][random.below(4)] as number,
  "records that lie": ({ words, writer, head }, random) => {
    const base = head % layout.RING_BYTES;
    const size = writer.write(base, lineOf(line), event);
    // The header and the last NUL stay right, so that the lie is believed and the fields are read.
    const from = words[(base + layout.RECORD_INDEX) >>> 2] ?? 0;
    words[(base + layout.RECORD_SLOTS) >>> 2] = own.least + random.below(own.slots - own.least + 1);
    for (let i = random.below(8); i >= 0; i--)
      words[(base + from + 4 * random.below((size - from) / 4 - 2)) >>> 2] = nasty(random);
    return head + size;
  },
  "lists that name one string again and again": ({ words, writer, head }) => {
    const base = head % layout.RING_BYTES;
    const size = writer.write(base, lineOf(line), many);
    const u32 = (at: number): number => words[at >>> 2] ?? 0;
    const { block, slot } = CAPADD;
    const index = base + u32(base + layout.RECORD_INDEX);
    const facts = base + u32(index + (block - 1) * layout.SLOT_BYTES);
    const list = facts + u32(facts + layout.COUNT_BYTES + slot * layout.SLOT_BYTES);
    const items = list + layout.COUNT_BYTES;
    words.fill(u32(items), items >>> 2, (items >>> 2) + u32(list));
    return head + size;
  },
  "sizes that change while they are read": ({ words, writer, head }, random) => {
    // As many of the smallest records as the ring holds; the first one says for moments that it is all of them.
    const size = writer.write(head % layout.RING_BYTES, lineOf(line), event);
    const count = Math.floor(layout.RING_BYTES / 2 / size);
    for (let i = 1; i < count; i++) writer.write((head + i * size) % layout.RING_BYTES, lineOf(line), event);
    const first = (head % layout.RING_BYTES) >>> 2;
    flip = () => {
      for (let i = 0; i < 20_000; i++) {
        words[first] = count * size;
        for (let spin = random.below(2000); spin > 0; spin--);
        words[first] = size;
        for (let spin = random.below(2000); spin > 0; spin--);
      }
    };
    return head + count * size;
  },
  "garbage while it opens": ({ words, head }, random) => {
    if (!slow) return head;
    for (let i = 0; i < 4096; i++) words[((head % layout.RING_BYTES) >>> 2) + i] = nasty(random) | 1;
    return head + 4096;
  },
  "an end that is none": ({ head }) => head,
  nothing: ({ head }) => head,
};

/**
 * @param how the name of an attack
 * @param seed what its random numbers begin with
 */
export function runHostile(how: string, library: string, seed: number): void {
  const random = new Random(seed);
  writeSync(layout.ANSWER_FD, buildId);
  const attack = attacks[how];
  if (attack === undefined) throw new Error(`no attack ${how}`);
  let timer: Timer | undefined;
  const bridge = new Bridge(library, {
    configure: (id) => bridge.answer(id),
    open(id, instance, params) {
      slow = params === "slow";
      if (slow) return;
      const { data, head } = bridge.ring(instance);
      const ring = { words: new Uint32Array(data), writer: new RecordWriter(data), head };
      bridge.answer(id);
      if (how === "an end that is none") bridge.ringEnd(instance);
      timer = setInterval(() => {
        if (ring.head - bridge.ringTail(instance) > layout.RING_BYTES / 2) return;
        const next = attack(ring, random);
        if (next % 8 === 0 && next > ring.head && next < 2 ** 40) ring.head = next;
        bridge.ringPublish(instance, next);
        flip();
      }, 1);
    },
    close(id, instance) {
      clearInterval(timer);
      bridge.ringClose(instance);
      bridge.answer(id);
    },
    extract(id) {
      // By the question's number: a runtime that is started again must not lie in the same way again.
      const random = new Random((seed + id * 0x9e37_79b9) % 2 ** 32);
      const { memory, offset } = bridge.answerMemory;
      const words = new Uint32Array(memory, offset);
      const size = new RecordWriter(memory, offset).write(0, lineOf(line), event);
      for (let i = 0; i < random.below(8); i++) words[random.below(size / 4)] = nasty(random);
      bridge.answer(id + (random.below(8) === 0 ? 1 : 0), random.below(3) === 0 ? nasty(random) : size);
    },
    list: (id) => bridge.answer(id, nasty(random)),
    abandoned: () => process.exit(0),
  });
  setInterval(() => bridge.heartbeat(), 500);
  bridge.log("error", "first\nsecond\u001b[2J");
}
