/** Texts as wide as the terminal. */

/** Breaks a text into lines of at most `width` characters, at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** A text behind an indent that stands before each of its lines, all at most `width` characters wide. */
export const indented = (text: string, indent: number, width: number): string =>
  wrap(text, Math.max(1, width - indent))
    .map((line) => " ".repeat(indent) + line)
    .join("\n");

const segments = new Intl.Segmenter();

/** Cuts a text down to `width` columns of a terminal, with an ellipsis at its end where something is missing. */
export function fit(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text;
  if (width < 1) return "";
  let short = "";
  let room = width - 1;
  for (const { segment } of segments.segment(text)) {
    room -= Bun.stringWidth(segment);
    if (room < 0) break;
    short += segment;
  }
  return `${short}…`;
}

/** Fills a text up with spaces to `width` columns, where it is narrower. */
export const pad = (text: string, width: number): string =>
  text + " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
