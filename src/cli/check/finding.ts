/** What a look at the machine has found, a line each. */

export type Status = "good" | "bad" | "unknown";

export interface Finding {
  readonly status: Status;
  /** What was found. */
  readonly what: string;
  /** What to do about it; nothing where it is good. */
  readonly advice?: string;
}

/** What belongs together on the page. */
export interface Area {
  readonly title: string;
  readonly findings: readonly Finding[];
}

export const good = (what: string): Finding => ({ status: "good", what });
export const bad = (what: string, advice: string): Finding => ({ status: "bad", what, advice });
export const unknown = (what: string, advice: string): Finding => ({ status: "unknown", what, advice });
