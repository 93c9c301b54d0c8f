/** Signals to processes that tests know by their number. */

/**
 * Sends a signal to one process, which must not be gone and forgotten.
 * @throws where there is no such number: 0 and what is below would mean a whole group, and -1 all processes there are
 */
export function signalTo(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined || !Number.isInteger(pid) || pid <= 1)
    throw new Error(`no process to send ${signal} to: its number is ${pid}`);
  process.kill(pid, signal);
}
