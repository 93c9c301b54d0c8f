import { expect, test } from "bun:test";
import { openFilesMax, shareFiles } from "../../../src/runtime/open_files.ts";

const engines = (count: number, filesEach = 1) => Array.from({ length: count }, () => ({ filesEach }));

test("the limit is the soft one, which counts for this process", () => {
  const limits =
    "Limit\nMax open files            1024                 524288               files     \nMax locked memory";
  expect(openFilesMax(limits)).toBe(1024);
  expect(openFilesMax("Max open files            unlimited            unlimited            files")).toBe(Infinity);
  expect(openFilesMax("")).toBe(Infinity);
  expect(openFilesMax()).toBeGreaterThan(0);
});

test.each([
  [1, 1, 1024, 32],
  [64, 1, 524288, 32],
  [64, 1, Infinity, 32],
  // A stream and what stands in for it come before questions.
  [64, 1, 1024, 11],
  [64, 1, 448, 2],
  [10, 3, 1024, 28],
])(
  "%d engines of %d files a connection and %d open files: %d connections for questions each",
  (count, each, max, questions) => {
    expect(shareFiles(engines(count, each), max)).toEqual({ questions, warning: undefined });
  },
);

test("where they do not suffice it is said how many would", () => {
  expect(shareFiles(engines(64), 300)).toEqual({
    questions: 1,
    warning:
      "64 engines may need 448 open files, and there may be 300: connections may fail; raise the limit of open files (with systemd, LimitNOFILE=)",
  });
  expect(shareFiles(engines(64), 20).questions).toBe(1);
});
