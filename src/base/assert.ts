/** What must hold, checked where a comment would promise it. */

/**
 * Ends the process where something does not hold: what goes on then is not what was thought out. Whoever starts it
 * again finds all that counts in memory that outlives it.
 * @param what was promised, in words
 * @throws Error that names it; it ends the process too where a caller catches it, as an HTTP client does
 */
export function assert(holds: boolean, what: string): asserts holds {
  if (holds) return;
  const error = new Error(`broken promise: ${what}`);
  queueMicrotask(() => {
    throw error;
  });
  throw error;
}
