/** What the tool says beside its output: on stderr, which must not hold it up either. */
import { printable } from "../base/text.ts";
import { PROGRAM } from "./commands.ts";
import { Out } from "./text/out.ts";

let stderr: Out | undefined;
let stdout: Out | undefined;
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

/** Prints what was asked for. */
export function print(text: string): void {
  stdout ??= new Out(1);
  stdout.write(text);
}

/** Settles when all is printed. @throws Error where it cannot be written */
export async function printed(): Promise<void> {
  await stdout?.end();
  if (stdout?.error !== undefined) throw stdout.error;
}

/** Settles when all has been said. */
export const said = async (): Promise<void> => stderr?.end();
