/** A line of bytes where it lies in memory, so that nobody copies what another has read. */

/** The bytes of `buffer` from `start` to `end`, without the newline. */
export interface Line {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

/** A whole buffer, or the UTF-8 of a text, as a line. */
export function lineOf(whole: Buffer | string): Line {
  const buffer = typeof whole === "string" ? Buffer.from(whole) : whole;
  return { buffer, start: 0, end: buffer.length };
}

export const bytesOf = ({ start, end }: Line): number => end - start;

export const textOf = ({ buffer, start, end }: Line): string => buffer.toString("utf8", start, end);

/** The bytes themselves, in the same memory. */
export const viewOf = ({ buffer, start, end }: Line): Buffer => buffer.subarray(start, end);

/** A line that stays as it is when the memory of this one is used for something else. */
export const copyOf = (line: Line): Line => lineOf(Buffer.from(viewOf(line)));
