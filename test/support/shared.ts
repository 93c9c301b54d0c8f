/** What stands in the memory that the tests' process, as the host, shares with a runtime. */
import { closeSync, existsSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";

/**
 * A number of 32 bits.
 * @param memory the mailbox of the one state that there is, or the ring of its one instance
 * @param offset one of `layout`
 */
export function sharedNumber(memory: "mailbox" | "ring", offset: number): number {
  const fds = readdirSync("/proc/self/fd").map((fd) => `/proc/self/fd/${fd}`);
  // The folder's own descriptor is gone by now.
  const isWanted = (fd: string) => existsSync(fd) && readlinkSync(fd).startsWith(`/memfd:falco-docker-${memory} `);
  const [path, another] = fds.filter(isWanted);
  if (path === undefined || another !== undefined)
    throw new Error(`there is ${path === undefined ? "no" : "more than one"} ${memory}`);
  const fd = openSync(path, "r");
  const bytes = Buffer.alloc(4);
  readSync(fd, bytes, 0, 4, offset);
  closeSync(fd);
  return bytes.readUInt32LE();
}
