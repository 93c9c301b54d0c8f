/** What the tool says beside its output: on stderr, which must not hold it up either. */
import { printable } from "../base/text.ts";
import { PROGRAM } from "./commands.ts";
import { Out } from "./text/out.ts";

let stderr: Out | undefined;
const out = (): Out => {
  stderr ??= new Out(2);
  return stderr;
};

/** Whether a person sees stderr as it comes. */
export const isSeen = (): boolean => out().isTerminal;

/** Draws on the terminal of stderr: what may act on it, such as a bar. Left out where that has no room. */
export function draw(text: string): void {
  if (!out().hasRoom) return;
  out().write(text);
  out().flush();
}

/** Tells a person something, as a line of its own. */
export const note = (text: string): void => draw(`${PROGRAM}: ${printable(text)}\n`);

/** Settles when all has been said. */
export const said = async (): Promise<void> => {
  await stderr?.end();
};

/** Prints what was asked for, at once: what is short enough never to wait. */
export const print = (text: string): void => {
  process.stdout.write(text);
};
