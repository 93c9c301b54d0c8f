/** Program and arguments as one list; undefined where there is no program. */
export function commandOf(program: string | undefined, args: readonly string[] = []): string[] | undefined {
  return program === undefined || program === "" ? undefined : [program, ...args];
}

/** Whether two commands are the same, each of their arguments. */
export const isSameCommand = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, i) => text === b[i]);
