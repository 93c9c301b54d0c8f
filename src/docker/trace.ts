/**
 * Leaves a trace of what is being worked on, so that whoever starts the next process knows what ended this one. An
 * engine's words are others' words: one that ends the process would do so again at each start.
 */
export interface Trace {
  /**
   * Before something is read. False where that ended a process before: it must not be read.
   * @param hash 64 bits
   */
  begin(hash: bigint): boolean;
  /** Nothing more is done with it. Not called where working on it throws. */
  end(): void;
}

/** The hash of what is asked. */
export const hashOf = (question: string): bigint => Bun.hash.wyhash(question);

/** For who has nobody that would start it again. */
export const NO_TRACE: Trace = { begin: () => true, end: () => {} };
