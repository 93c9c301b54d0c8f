/**
 * Questions to an engine beside its stream: a bounded number at once, and none of a kind that is refused. What goes
 * wrong is said once for each kind and reason.
 */
import type { Engine } from "../docker/client.ts";
import { type EngineError, UnreadableAnswer } from "../docker/engine_error.ts";
import { hashOf } from "../docker/trace.ts";
import type { Uninspected } from "./enrichment.ts";

/** Questions under way at once; beyond, an event goes without. The connections they share are the engine client's. */
const QUESTIONS_MAX = 256;
/** How long an answer is good for something, ms: an event does not wait that long, those that follow want it too. */
const ANSWER_MAX_MS = 2_000;
/**
 * After so many refusals in a row a kind is not asked for a while: a proxy refuses all of a kind. One alone may be about
 * one object, which must not hide the others.
 */
const REFUSALS_MAX = 3;
const REST_MS = 60_000;

/** What a proxy or an authorization plugin says to what it does not let pass, and an engine to what it does not have. */
const REFUSED: ReadonlySet<number> = new Set([401, 403, 405, 501]);

/** What is asked. */
export interface Kind {
  /** What it is about, in words: `volumes`. */
  readonly name: string;
  /** The fields that are absent without an answer, in words. */
  readonly fields: string;
}

/** Why a question brought nothing. */
export function reasonOf(error: EngineError): Uninspected {
  if (error.huge) return "huge";
  if (error.status === 404) return "gone";
  return error.status === undefined && !(error instanceof UnreadableAnswer) ? "late" : "refused";
}

interface Refusals {
  inARow: number;
  /** Until when nothing is asked, by `performance.now()`. */
  restsUntil: number;
}

export class Questions {
  #underWay = 0;
  /** By the kind's name. */
  readonly #refusals = new Map<string, Refusals>();
  readonly #said = new Set<string>();

  /**
   * @param say takes what a person should know; once for each kind and reason
   * @param engines how many engines share the memory for answers that are kept
   */
  constructor(
    readonly engine: Engine,
    readonly say: (text: string) => void,
    readonly engines = 1,
  ) {}

  /** Forgets who refused: behind a new connection there may be another engine, or another proxy. */
  begin(): void {
    this.#refusals.clear();
  }

  /** Whether what of a kind is not known would be refused. */
  isRefused(kind: Kind): boolean {
    const { inARow = 0, restsUntil = 0 } = this.#refusals.get(kind.name) ?? {};
    return inARow >= REFUSALS_MAX && performance.now() < restsUntil;
  }

  /**
   * Asks for something. Returns why not, where that is not done.
   * @param read takes the answer's JSON; the promise resolves to what it returns
   */
  ask<T>(kind: Kind, path: string, read: (json: unknown) => T): Promise<T> | Uninspected {
    if (this.#rests(kind)) return "refused";
    if (this.#underWay === QUESTIONS_MAX) {
      this.#sayOnce(kind, "late", `${QUESTIONS_MAX} questions to the engine are under way`);
      return "late";
    }
    this.#underWay++;
    return this.#answer(kind, path, read).finally(() => {
      this.#underWay--;
    });
  }

  async #answer<T>(kind: Kind, path: string, read: (json: unknown) => T): Promise<T> {
    const { trace } = this.engine;
    try {
      const json = await this.engine.getJson(path, ANSWER_MAX_MS);
      this.#refusals.delete(kind.name);
      trace.begin(hashOf(path));
      const value = read(json);
      trace.end();
      return value;
    } catch (error) {
      this.#failed(kind, error as EngineError);
      throw error;
    }
  }

  #failed(kind: Kind, error: EngineError): void {
    const reason = reasonOf(error);
    if (error.status !== undefined && REFUSED.has(error.status)) {
      const refusals = this.#refusals.get(kind.name) ?? { inARow: 0, restsUntil: 0 };
      refusals.inARow++;
      if (refusals.inARow >= REFUSALS_MAX) refusals.restsUntil = performance.now() + REST_MS;
      this.#refusals.set(kind.name, refusals);
    } else if (reason !== "late") this.#refusals.delete(kind.name);
    // What is gone is no fault: the object was short.
    if (reason !== "gone") this.#sayOnce(kind, reason, error.message);
  }

  #sayOnce(kind: Kind, reason: Uninspected, words: string): void {
    const what = `${kind.name} ${reason}`;
    if (this.#said.has(what)) return;
    this.#said.add(what);
    this.say(`${words}; where ${kind.name} cannot be asked about, ${kind.fields} is absent`);
  }

  /** Whether a kind is not to be asked now. After its rest one question is let through, which decides how it goes on. */
  #rests(kind: Kind): boolean {
    if (this.isRefused(kind)) return true;
    const refusals = this.#refusals.get(kind.name);
    if (refusals !== undefined) refusals.restsUntil = performance.now() + REST_MS;
    return false;
  }
}
