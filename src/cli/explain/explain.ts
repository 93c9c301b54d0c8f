/** `--explain RULES`: what the fields of a rule's condition hold for each event, and whether it matches. */
import { didYouMean } from "../../base/nearest.ts";
import { printable } from "../../base/text.ts";
import type { Given } from "../args.ts";
import { BadUsage } from "../args.ts";
import { EXIT } from "../commands.ts";
import { watch } from "../events/watch.ts";
import { compactLine } from "../forms/compact.ts";
import { valueText } from "../forms/output.ts";
import { timeOfDay } from "../forms/times.ts";
import type { Check } from "../rules/condition.ts";
import { filterText } from "../rules/filter_text.ts";
import { type Rule, Ruleset } from "../rules/rules_file.ts";
import { usedBy } from "../rules/used.ts";
import { note } from "../say.ts";
import { Out } from "../text/out.ts";
import { type Paint, paintFor } from "../text/style.ts";
import { fit, pad } from "../text/wrap.ts";
import { fieldNamed, type View, Viewer } from "../view.ts";
import { Judge, type Judged } from "./judge.ts";

/** So many events are judged at once, and an event waits so long for others, ms. */
const BATCH_MAX = 1_000;
const BATCH_MS = 200;
const CHECK_WIDTH_MAX = 60;
const VERDICT_WIDTH = 10;

/** A rule that can be looked at. */
interface Explained {
  readonly rule: Rule;
  readonly checks: readonly Check[];
  readonly filter: string;
  matched: number;
}

/** An event that waits to be judged, with all that will be shown of it. */
interface Waiting {
  readonly timeNano: bigint;
  readonly payload: string;
  readonly head: string;
  /** Of each rule what its fields hold, a line each. */
  readonly held: readonly (readonly string[])[];
}

/** The rules that were asked for. @throws BadUsage, BadRules */
function rulesAsked(given: Given): { rules: Explained[]; broken: string[] } {
  const ruleset = new Ruleset();
  const file = given.value ?? "";
  ruleset.load(file);
  const ours = ruleset.ours;
  const name = given.one("rule");
  const names = ours.map((rule) => rule.name);
  if (name !== undefined && !names.includes(name))
    throw new BadUsage(
      `--rule ${JSON.stringify(name)}: ${file} has no such rule for Docker events${didYouMean(name, names) || `; it has ${names.join(", ") || "none"}`}`,
    );
  if (ours.length === 0) throw new BadUsage(`${file} has no rule for Docker events (source: docker)`);
  const rules: Explained[] = [];
  const broken: string[] = [];
  for (const rule of ours.filter((rule) => name === undefined || rule.name === name)) {
    const { checks, problems } = usedBy(rule, ruleset);
    for (const problem of problems) broken.push(`${rule.name}: ${problem}`);
    if (problems.length === 0) rules.push({ rule, checks, filter: filterText(rule.condition, ruleset), matched: 0 });
  }
  return { rules, broken };
}

const UNINSPECTED = fieldNamed("docker.container.uninspected");

/** What a comparison's field holds; why it holds nothing, where that is known. */
function held({ field, key }: Check, view: View, paint: Paint): string {
  if (!field.startsWith("docker.")) return paint("dim", "(not one of ours)");
  const value = view.value(fieldNamed(field), key);
  if (value !== undefined) return printable(valueText(value));
  const why = field.startsWith("docker.container.") ? view.value(UNINSPECTED) : undefined;
  return paint("dim", why === undefined ? "<NA>" : `<NA> (facts: ${String(why)})`);
}

class Explainer {
  readonly out = new Out(1);
  readonly #paint: Paint;
  readonly #viewer = new Viewer();
  readonly #width: number;
  #waiting: Waiting[] = [];
  #timer: Timer | undefined;
  #judging: Promise<void> = Promise.resolve();
  #missed = 0;
  count = 0;

  constructor(
    readonly rules: readonly Explained[],
    readonly judge: Judge | undefined,
    color: string | undefined,
  ) {
    this.#paint = paintFor(color, this.out.isTerminal);
    const longest = Math.max(0, ...rules.flatMap(({ checks }) => checks.map(({ text }) => Bun.stringWidth(text))));
    this.#width = Math.min(CHECK_WIDTH_MAX, longest);
  }

  event(...[event, line, isOwn]: Parameters<Viewer["view"]>): void {
    // While much is judged more may come than can be shown.
    if (this.#waiting.length >= BATCH_MAX * 2) {
      this.#missed++;
      return;
    }
    const view = this.#viewer.view(event, line, isOwn);
    this.count++;
    const when = timeOfDay(view.timeNano).slice(0, -6);
    const { timeNano, payload } = view;
    const head = compactLine(view, when, this.#paint, this.out.columns);
    this.#waiting.push({ timeNano, payload, head, held: this.rules.map(({ checks }) => this.#lines(checks, view)) });
    this.#timer ??= setTimeout(() => this.#batch(), BATCH_MS);
  }

  /** Settles when there is room for more. */
  async room(): Promise<void> {
    if (this.#waiting.length >= BATCH_MAX) this.#batch();
    await this.#judging;
    await this.out.wait();
  }

  /** Shows the rest. @throws Error where it cannot be written */
  async end(): Promise<void> {
    this.#batch();
    await this.#judging;
    if (this.#missed > 0) note(`${this.#missed} events were not looked at: they come faster than they are judged`);
    await this.out.end();
    if (this.out.error !== undefined) throw this.out.error;
  }

  #lines(checks: readonly Check[], view: View): string[] {
    return checks.map((check) => {
      const text = pad(fit(printable(check.text), this.#width), this.#width);
      const line = `    ${text}  ${held(check, view, this.#paint)}`;
      return this.out.columns === undefined ? line : fitted(line, this.out.columns);
    });
  }

  #batch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length === 0) return;
    this.#judging = this.#judging.then(() => this.#show(events));
  }

  async #show(events: readonly Waiting[]): Promise<void> {
    const none: Judged[] = this.rules.map(() => ({ matches: undefined }));
    const judged =
      this.judge === undefined
        ? none
        : await this.judge.judge(
            this.rules.map(({ filter }) => filter),
            events,
          );
    for (const { why } of judged) if (why !== undefined) note(`sysdig does not judge: ${why}`);
    for (const [i, { head, held }] of events.entries()) {
      this.out.write(`${head}\n`);
      for (const [j, rule] of this.rules.entries()) {
        const matches = judged[j]?.matches?.has(i);
        if (matches) rule.matched++;
        this.out.write(`  ${this.#verdict(matches)}${this.#paint("strong", printable(rule.rule.name))}\n`);
        for (const line of held[j] ?? []) this.out.write(`${line}\n`);
      }
    }
    this.out.flush();
  }

  #verdict(matches: boolean | undefined): string {
    if (matches === undefined) return "";
    return matches
      ? this.#paint("good", pad("matches", VERDICT_WIDTH))
      : this.#paint("warn", pad("no match", VERDICT_WIDTH));
  }
}

/** A line cut down to the terminal; its colours are lost where it is. */
const fitted = (line: string, width: number): string =>
  Bun.stringWidth(line) <= width ? line : fit(Bun.stripANSI(line), width);

/** Explains the rules for the events that were asked for. Returns the exit code. @throws as `watch`, BadUsage, BadRules */
export async function explain(given: Given): Promise<number> {
  const { rules, broken } = rulesAsked(given);
  for (const problem of broken) note(problem);
  if (rules.length === 0) return EXIT.failed;
  const found = Judge.find();
  if (typeof found === "string") note(`${found}; what the fields hold is shown without a verdict`);
  const judge = typeof found === "string" ? undefined : found;
  const explainer = new Explainer(rules, judge, given.one("color"));
  try {
    await watch(
      given,
      {
        event: (event, line, isOwn) => explainer.event(event, line, isOwn),
        flush: () => {},
        room: () => explainer.room(),
        note,
        progress: () => {},
      },
      explainer.out.gone,
    );
  } finally {
    await explainer.end();
  }
  if (judge !== undefined)
    for (const { rule, matched } of rules) note(`${rule.name}: matches ${matched} of ${explainer.count} events`);
  return broken.length > 0 ? EXIT.failed : EXIT.done;
}
