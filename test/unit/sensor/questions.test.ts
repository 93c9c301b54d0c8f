/** How questions are asked, bounded, refused and answered, by an engine that answers when the test says so. */
import { expect, test } from "bun:test";
import type { Engine } from "../../../src/docker/client.ts";
import { EngineError } from "../../../src/docker/engine_error.ts";
import { NO_TRACE } from "../../../src/docker/trace.ts";
import { Lookup } from "../../../src/sensor/lookup.ts";
import { type Kind, Questions } from "../../../src/sensor/questions.ts";

interface Asked {
  readonly path: string;
  readonly answer: (json: unknown) => void;
  readonly refuse: (error: EngineError) => void;
}

function engine() {
  const asked: Asked[] = [];
  const said: string[] = [];
  const getJson = (path: string) =>
    new Promise((answer, refuse) => {
      asked.push({ path, answer, refuse });
    });
  const questions = new Questions({ trace: NO_TRACE, getJson } as unknown as Engine, (text) => said.push(text));
  return { asked, said, questions };
}

const THINGS: Kind = { name: "things", fields: "docker.thing" };
const OTHERS: Kind = { name: "others", fields: "docker.other" };
const refusal = (status: number) => new EngineError(`answered with ${status}`, status);
const silence = () => new EngineError("does not answer");
const settle = () => new Promise((resolve) => setImmediate(resolve));

interface Thing {
  readonly n: number;
}
const lookupOf = (questions: Questions) =>
  new Lookup<Thing>(questions, {
    ...THINGS,
    chars: 1000,
    path: (key) => `/things/${key}`,
    read: (json) => (typeof json === "number" ? { n: json } : undefined),
  });

test("one answer is asked for once and kept", async () => {
  const { asked, questions } = engine();
  const things = lookupOf(questions);
  const first = things.ask("a");
  expect(things.ask("a")).toBe(first as Promise<void>);
  expect(asked.map(({ path }) => path)).toEqual(["/things/a"]);
  asked[0]?.answer(1);
  await first;
  expect(things.known("a")).toEqual({ n: 1 });
  expect([things.ask("a"), asked.length]).toEqual([undefined, 1]);
});

test("what the later question brings stays, whichever answer comes first", async () => {
  const { asked, questions } = engine();
  const things = lookupOf(questions);
  const [older, newer] = [things.askAgain("a"), things.askAgain("a")];
  expect(things.pending("a")).toBe(newer as Promise<void>);
  asked[1]?.answer(2);
  await newer;
  expect(things.pending("a")).toBeDefined();
  asked[0]?.answer(1);
  await older;
  expect(things.known("a")).toEqual({ n: 2 });
  expect(things.pending("a")).toBeUndefined();
});

test("an answer that was asked for before an object went is not taken for the next one of its name", async () => {
  const { asked, questions } = engine();
  const things = lookupOf(questions);
  const before = things.ask("a");
  things.forget("a");
  asked[0]?.answer(1);
  await before;
  expect(things.known("a")).toBeUndefined();
  const after = things.ask("a");
  asked[1]?.answer(2);
  await after;
  expect(things.known("a")).toEqual({ n: 2 });
  // What is added to it does not make it younger than a question that is under way.
  const next = things.askAgain("a");
  things.enrich("a", { n: 20 });
  asked[2]?.answer(3);
  await next;
  expect(things.known("a")).toEqual({ n: 3 });
});

test("gone and huge are final, late and refused are not; what was known stays where a question fails", async () => {
  const { asked, questions } = engine();
  const things = lookupOf(questions);
  const fail = async (key: string, error: EngineError) => {
    const answer = things.askAgain(key);
    asked.at(-1)?.refuse(error);
    await answer;
    return things.why(key);
  };
  expect(await fail("gone", refusal(404))).toBe("gone");
  expect(await fail("huge", new EngineError("large", 200, false, true))).toBe("huge");
  expect(await fail("late", silence())).toBeUndefined();
  expect(await fail("refused", refusal(500))).toBe("refused");
  const count = asked.length;
  for (const key of ["gone", "huge"]) expect(things.ask(key)).toBeUndefined();
  expect(asked.length).toBe(count);
  for (const key of ["late", "refused"]) expect(things.ask(key)).toBeDefined();
  const known = things.ask("a");
  asked.at(-1)?.answer(1);
  await known;
  expect(await fail("a", refusal(404))).toBeUndefined();
  expect(things.known("a")).toEqual({ n: 1 });
});

test("a kind that a proxy refuses is said once and not asked for a while, and hides no other kind", async () => {
  const { asked, said, questions } = engine();
  const ask = async (kind: Kind, status: number) => {
    const answer = questions.ask(kind, "/x", (json) => json);
    if (typeof answer === "string") return answer;
    asked.at(-1)?.refuse(refusal(status));
    return answer.catch(() => status);
  };
  expect(await ask(THINGS, 403)).toBe(403);
  expect(await ask(THINGS, 403)).toBe(403);
  // An answer between, of whatever it is, shows that the kind is let through.
  expect(await ask(THINGS, 404)).toBe(404);
  for (let i = 0; i < 3; i++) expect(await ask(THINGS, 403)).toBe(403);
  for (let i = 0; i < 100; i++) expect(await ask(THINGS, 403)).toBe("refused");
  expect([questions.isRefused(THINGS), questions.isRefused(OTHERS)]).toEqual([true, false]);
  expect(await ask(OTHERS, 404)).toBe(404);
  expect(said).toEqual(["answered with 403; where things cannot be asked about, docker.thing is absent"]);
  // Behind a new connection there may be another proxy.
  questions.begin();
  expect(await ask(THINGS, 403)).toBe(403);
  expect(said.length).toBe(1);
});

test("no more than a bounded number is under way, whoever asks", async () => {
  const { asked, said, questions } = engine();
  const answers = Array.from({ length: 300 }, (_, i) =>
    questions.ask(i % 2 ? THINGS : OTHERS, `/${i}`, (json) => json),
  );
  expect([asked.length, answers.filter((answer) => answer === "late").length]).toEqual([256, 44]);
  expect(said.length).toBe(2);
  for (const { answer } of asked) answer(1);
  await settle();
  expect(typeof questions.ask(THINGS, "/more", (json) => json)).toBe("object");
});
