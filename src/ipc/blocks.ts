/**
 * Where in a record's index each field lies: in which block, and in which slot of that. A part that many events share is
 * a block of its own, so that its bytes serve them all; what is left is the event's own block.
 */
import { type Field, isAdded, isShared, type Part } from "../plugin/fields/field.ts";
import { fields } from "../plugin/fields.ts";

/** A field that is taken from a part. */
export interface Taken {
  readonly slot: number;
  /** The slots of the fields of its block whose text may be the same. */
  readonly like: readonly number[];
  /** Whether it is itself one of those to another. */
  readonly liked: boolean;
  readonly source: Extract<Field["source"], { part: Part }>;
}

/** The fields of a part, so that a part that an event does not have costs one look. */
interface Group {
  readonly part: Part;
  /** Whether it is a part of what we add to an event. */
  readonly added: boolean;
  /** In the order of their slots. */
  readonly taken: readonly Taken[];
  /** Slots of its block up to its last one. */
  readonly end: number;
}

const partOf = ({ source }: Field): Part | undefined => ("part" in source ? source.part : undefined);

const parts = [...new Set(fields.map(partOf))].filter((part) => part !== undefined);
const sharedParts = parts.filter(isShared);

/** 0 for the event's own. */
function blockOf(field: Field): number {
  const part = partOf(field);
  return part === undefined ? 0 : sharedParts.indexOf(part) + 1;
}

/**
 * Whether most events do not have a field: of an event's own what is added to few, of a shared part the lists. These have
 * the last slots of their block, which a record leaves out where they are absent.
 */
function isRare(field: Field): boolean {
  const part = partOf(field);
  return part !== undefined && (isShared(part) ? field.list || field.key !== undefined : isAdded(part));
}

/** The slots of each block: the event's own begins with one for each of the others, which tells where that lies. */
const slots = [sharedParts.length, ...sharedParts.map(() => 0)];

/** Which block and which slot of it a field has. */
const placeOf = new Map(
  [false, true].flatMap((rare) =>
    fields
      .filter((field) => isRare(field) === rare)
      .map((field) => {
        const block = blockOf(field);
        const slot = slots[block] ?? 0;
        slots[block] = slot + 1;
        return [field, { block, slot }] as const;
      }),
  ),
);

/** As above, by the field's id. */
export const places = fields.map((field) => placeOf.get(field) as { readonly block: number; readonly slot: number });

const idOf = (test: (field: Field) => boolean): number => fields.findIndex(test);
const slotOf = (id: number): number => places[id]?.slot ?? 0;

const liked = new Set(fields.flatMap(({ source }) => (source.kind === "text" ? source.like : [])));

/** The slots of the fields whose text may be the same; a shared block knows nothing of another one. */
function likeOf({ name, source }: Field, block: number): number[] {
  const ids = source.kind === "text" ? source.like.map((like) => idOf((field) => field.name === like)) : [];
  if (ids.some((id) => places[id]?.block !== block)) throw new Error(`${name}: what it is like lies in another block`);
  if (ids.some((id) => isRare(fields[id] as Field))) throw new Error(`${name}: what it is like may have no slot`);
  return ids.map(slotOf);
}

function groupOf(part: Part): Group {
  const taken = fields
    .flatMap((field, id) => {
      const { source } = field;
      return "part" in source && source.part === part
        ? [{ slot: slotOf(id), like: likeOf(field, blockOf(field)), liked: liked.has(field.name), source }]
        : [];
    })
    .sort((a, b) => a.slot - b.slot);
  return { part, added: isAdded(part), taken, end: (taken.at(-1)?.slot ?? -1) + 1 };
}

/** The parts of the event's own block. */
const groups = parts.filter((part) => !isShared(part)).map(groupOf);

/** The event's own block. */
export const own = {
  slots: slots[0] ?? 0,
  groups,
  /** How many slots an event has that nothing is added to: none has fewer. */
  least: (slots[0] ?? 0) - groups.reduce((sum, { added, taken }) => sum + (added ? taken.length : 0), 0),
  /** The slots of the fields that are one attribute of the event, by the attribute's name. */
  attribute: new Map(
    fields.flatMap(({ source }, id) => (source.kind === "attribute" ? [[source.key, slotOf(id)] as const] : [])),
  ),
  attributes: slotOf(idOf(({ source }) => source.kind === "attributes")),
  labels: slotOf(idOf(({ source }) => source.kind === "labels")),
  timestamp: slotOf(idOf(({ source }) => source.kind === "timestamp")),
} as const;

/** The blocks that events share, each told of in the slot of the event's own block that is at its place here. */
export const shared = sharedParts.map((part, i) => ({ ...groupOf(part), slots: slots[i + 1] ?? 0 }));

export type SharedBlock = (typeof shared)[number];
