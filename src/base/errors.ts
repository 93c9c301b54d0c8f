/** What was thrown, in words. */

/** The message of whatever was thrown: an Error's own, else its text. */
export const errorMessage = (error: unknown): string => (error instanceof Error ? error.message : String(error));
