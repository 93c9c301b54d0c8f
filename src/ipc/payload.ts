/** An event's payload: the engine's line, and what we add to it. */
import type { Line } from "../base/line.ts";

/** What Node's Buffer has and its types do not tell: `write` for one encoding, at half the cost for short texts. */
export interface Utf8Buffer extends Buffer {
  utf8Write(text: string, offset: number): number;
}

/** How our addition begins in the payload; it is inserted before the line's last brace. */
const ADDITION = Buffer.from(',"falco":');
const BRACE = 0x7d;

/** What an addition takes beside itself, bytes. */
export const ADDITION_BYTES = ADDITION.length;

/**
 * Copies the payload of an event: the engine's line, and before its last brace what we add.
 * @param addition the JSON text of `event.falco`, where the line does not hold it yet; empty for none
 * @returns where it ends
 */
export function copyPayload(to: Buffer, at: number, { buffer, start, end }: Line, addition: string): number {
  if (addition === "") return at + buffer.copy(to, at, start, end);
  let brace = end - 1;
  while (brace > start && buffer[brace] !== BRACE) brace--;
  let behind = at + buffer.copy(to, at, start, brace);
  for (let i = 0; i < ADDITION_BYTES; i++) to[behind++] = ADDITION[i] as number;
  behind += (to as Utf8Buffer).utf8Write(addition, behind);
  for (let i = brace; i < end; i++) to[behind++] = buffer[i] as number;
  return behind;
}
