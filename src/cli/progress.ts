/** A bar that says how far it is, where a person looks: on a terminal's stderr. */
import { draw, isSeen } from "./say.ts";

const WIDTH = 30;
/** What is over sooner needs no bar, ms; and how often it is drawn. */
const FIRST_MS = 300;
const EVERY_MS = 100;
/** Erase in Line (ECMA-48, 8.3.41). */
const ERASE = "\r\x1b[K";

export class Progress {
  readonly #isOn = isSeen();
  #due = performance.now() + FIRST_MS;
  #isShown = false;

  constructor(readonly title: string) {}

  /** @param share 0 to 1 */
  show(share: number): void {
    if (!this.#isOn || performance.now() < this.#due) return;
    this.#due = performance.now() + EVERY_MS;
    const full = Math.round(share * WIDTH);
    draw(`${ERASE}${this.title} [${"#".repeat(full)}${" ".repeat(WIDTH - full)}] ${Math.floor(share * 100)} %`);
    this.#isShown = true;
  }

  /** Makes room for a line of something else. */
  hide(): void {
    if (!this.#isShown) return;
    draw(ERASE);
    this.#isShown = false;
    this.#due = performance.now() + EVERY_MS;
  }
}
