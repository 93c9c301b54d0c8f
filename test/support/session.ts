/** An instance's life in the runtime, without a host. */

import type { Bridge } from "../../src/ipc/bridge.ts";
import { layout } from "../../src/ipc/layout.ts";
import { Suspects } from "../../src/ipc/suspects.ts";
import { readDefaults } from "../../src/plugin/config.ts";
import { Session } from "../../src/runtime/session.ts";

/** A bridge to nowhere: a ring of the session's own, and nobody who reads it. */
function bridge(): Bridge {
  const header = new ArrayBuffer(layout.RING_DATA);
  const data = new ArrayBuffer(2 * layout.RING_BYTES);
  const page = new ArrayBuffer(layout.PAGE_BYTES);
  const suspects = new Suspects(page, layout.MAILBOX_LINE, layout.MAILBOX_BAD_LINES);
  return {
    ring: () => ({ header, data, head: 0 }),
    ringTail: () => 0,
    ringPublish: () => {},
    count: () => {},
    gauge: () => {},
    log: () => {},
    suspects: { lines: suspects, inspections: suspects },
  } as Partial<Bridge> as Bridge;
}

export const NOWHERE = "unix:///nowhere/docker.sock";

/** Fails to open a session, lets go of it, and returns why it failed. */
export async function failToOpen(statefile: string): Promise<string> {
  const session = new Session(
    bridge(),
    { ...readDefaults(), statefile, waitforengine: false },
    0,
    NOWHERE,
    0,
    () => false,
  );
  const error = await session.open(false).then(
    () => "",
    (error: Error) => error.message,
  );
  session.abandon();
  return error;
}
