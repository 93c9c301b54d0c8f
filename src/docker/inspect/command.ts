/** Program and arguments as one list; undefined where there is no program. */
export function commandOf(program: string | undefined, args: readonly string[] = []): string[] | undefined {
  return program === undefined || program === "" ? undefined : [program, ...args];
}
