/** What the tool says beside its output: on stderr, a line each. */
import { printable } from "../base/text.ts";
import { PROGRAM } from "./commands.ts";

/** Tells a person something. */
export const note = (text: string): void => {
  process.stderr.write(`${PROGRAM}: ${printable(text)}\n`);
};

/** Prints what was asked for, at once: what is short enough never to wait. */
export const print = (text: string): void => {
  process.stdout.write(text);
};
