/** When a person has seen enough, and when they want a pause. */

/** Who can be let go for a while. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

/** So long connections have to be closed before the process stands still, ms. */
const LET_GO_MS = 50;

/**
 * Settles at Ctrl-C, at an end from outside, or when nobody reads any more. At Ctrl-Z what is read is let go before the
 * process stops: an engine whose stream nobody reads is held up (moby v28.5.2: pkg/pubsub, 100 ms an event).
 */
export async function untilEnough(gone: Promise<void>, what: Pausable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  process.on("SIGTSTP", () => {
    what.pause();
    setTimeout(() => process.kill(process.pid, "SIGSTOP"), LET_GO_MS);
    // Nothing else keeps the process alive until it has been told that it goes on.
    const alive = setInterval(() => {}, 1_000);
    process.once("SIGCONT", () => {
      clearInterval(alive);
      what.resume();
    });
  });
  await Promise.race([promise, gone]);
}
