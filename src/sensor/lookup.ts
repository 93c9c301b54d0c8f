/** What is known of the objects of one kind: asked for once, and kept as long as it is true and there is room. */
import { LRUCache } from "lru-cache";
import type { EngineError } from "../docker/engine_error.ts";
import type { Uninspected } from "./enrichment.ts";
import { type Kind, type Questions, reasonOf } from "./questions.ts";

/** How many objects of a kind are kept. */
const ENTRIES_MAX = 4096;
/** Where engines share the memory for what is kept, each has so many characters at least: the largest object fits. */
const CHARS_MIN = 2 * 1024 * 1024;

/** Which questions about one kind of objects there are. */
export interface LookupKind<T extends object> extends Kind {
  readonly path: (key: string) => string;
  /** Characters of their JSON that are kept, of all engines. */
  readonly chars: number;
  /** Reads an answer; undefined where it is none. */
  readonly read: (json: unknown) => T | undefined;
}

interface Kept<T> {
  /** The number of the question that brought it: what a later one brings is newer, whichever comes first. */
  readonly number: number;
  readonly value?: T;
  /** Why there is no value. */
  readonly why?: Uninspected;
}

interface UnderWay {
  /** Of the question that was asked last. */
  readonly settled: Promise<void>;
  /** How many are under way. */
  left: number;
}

const sizeOf = (kept: object): number => JSON.stringify(kept).length;

export class Lookup<T extends object> {
  readonly #kept: LRUCache<string, Kept<T>>;
  readonly #underWay = new Map<string, UnderWay>();
  #number = 0;

  constructor(
    readonly questions: Questions,
    readonly kind: LookupKind<T>,
  ) {
    const maxSize = Math.min(kind.chars, Math.max(CHARS_MIN, Math.floor(kind.chars / questions.engines)));
    this.#kept = new LRUCache({ max: ENTRIES_MAX, maxSize });
  }

  /**
   * What is known of an object.
   * @param since the number of a question: what was known before that was asked does not count
   */
  known(key: string, since = 0): T | undefined {
    const kept = this.#kept.get(key);
    return kept !== undefined && kept.number >= since ? kept.value : undefined;
  }

  /** The number of the question that was asked last, of all objects. */
  get number(): number {
    return this.#number;
  }

  /** Why nothing is known of an object and asking again would not help; undefined where it would, or something is known. */
  why(key: string): Uninspected | undefined {
    return this.#kept.get(key)?.why;
  }

  /** What settles when the question that is under way about an object does. */
  pending(key: string): Promise<void> | undefined {
    return this.#underWay.get(key)?.settled;
  }

  /** Asks where nothing is known. Returns what settles when that is over; undefined where there is nothing to wait for. */
  ask(key: string): Promise<void> | undefined {
    const kept = this.#kept.get(key);
    if (kept?.value !== undefined || isFinal(kept?.why)) return undefined;
    return this.pending(key) ?? this.askAgain(key);
  }

  /**
   * Asks, as an object may be another than it was. Returns as `ask`.
   * @param also takes the answer, too
   */
  askAgain(key: string, also?: (json: unknown) => void): Promise<void> | undefined {
    const number = ++this.#number;
    const answer = this.questions.ask(this.kind, this.kind.path(key), (json) => {
      const value = this.kind.read(json);
      this.#keep(key, value === undefined ? { number, why: "refused" } : { number, value });
      also?.(json);
    });
    if (typeof answer === "string") return undefined;
    const settled = answer
      .catch((error: EngineError) => this.#keep(key, { number, why: reasonOf(error) }))
      .finally(() => {
        const underWay = this.#underWay.get(key);
        if (underWay !== undefined && --underWay.left === 0) this.#underWay.delete(key);
      });
    this.#underWay.set(key, { settled, left: (this.#underWay.get(key)?.left ?? 0) + 1 });
    return settled;
  }

  /** Takes what another way than a question brought. */
  keep(key: string, value: T): void {
    this.#keep(key, { number: ++this.#number, value });
  }

  /** Takes more of an object that is known. It stays as old as it was: a question that is under way brings a newer one. */
  enrich(key: string, value: T): void {
    const before = this.#kept.get(key);
    if (before?.value !== undefined) this.#keep(key, { number: before.number, value });
  }

  /** Forgets an object that is gone, or another from now on. What is under way about it comes too late. */
  forget(key: string): void {
    if (this.#underWay.has(key)) this.#kept.set(key, { number: ++this.#number }, { size: 1 });
    else this.#kept.delete(key);
  }

  /** What was known before stays where a question fails: it is the best that is known of an object that is gone. */
  #keep(key: string, kept: Kept<T>): void {
    const before = this.#kept.get(key);
    if (before !== undefined && before.number > kept.number) return;
    if (kept.value === undefined && (kept.why === "late" || before?.value !== undefined)) return;
    this.#kept.set(key, kept, { size: sizeOf(kept) });
  }
}

/** Whether asking once more would bring nothing else, as long as the object has not changed. */
const isFinal = (why: Uninspected | undefined): boolean => why === "gone" || why === "huge";
