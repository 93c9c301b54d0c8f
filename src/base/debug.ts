/** Lines for whoever looks into what the program does; made only where somebody does. */

/** Takes a line. The text is asked for where it is wanted. */
export type Debug = (text: () => string) => void;

/** For who has nobody that reads them. */
export const NO_DEBUG: Debug = () => {};
