/** An engine that falls silent, or is away, for so long that it is said: its stream, and what comes of its events. */
import { expect, test } from "bun:test";
import { TestEngine } from "../support/engine.ts";
import { type Instance, Plugin } from "../support/host.ts";
import { logs, numbered, take, until } from "./numbered.ts";

/** An event comes, and then the engine answers nothing, until its stream counts as lost. */
async function fallSilent(engine: TestEngine, instance: Instance, meanwhile: () => Promise<void>): Promise<void> {
  await engine.send(numbered(1));
  expect(take(instance, 1)).toEqual([1]);
  await engine.behave({ hang: true });
  await meanwhile();
  expect(await until(instance, () => instance.state.metrics().connected === 0)).toEqual([]);
}

test("a live engine that is silent for long keeps its stream, is said to be lost, and its events come", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": "", "pinginterval": 200}');
  using instance = state.open(engine.address);
  await fallSilent(engine, instance, async () => {});
  expect(logs(state)).toContain("does not answer; its stream is kept until another stands");
  expect(await engine.subscribers()).toBe(1);
  // The stream was well all the time.
  await engine.send(numbered(2));
  expect(await until(instance, () => state.metrics().connected === 1)).toEqual([2]);
  expect(logs(state)).toContain("shows life again");
  expect(state.metrics().reconnects).toBe(0);
}, 60_000);

test("an engine that answers again after a long silence gets a second stream, and loses nothing", async () => {
  await using engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": "", "pinginterval": 200}');
  using instance = state.open(engine.address);
  await fallSilent(engine, instance, async () => {
    await engine.deaden();
    await engine.send(numbered(2));
  });
  await engine.behave({});
  const came = await until(instance, () => state.metrics().connected === 1);
  await engine.send(numbered(3));
  expect([...came, ...take(instance, 2 - came.length)]).toEqual([2, 3]);
  expect([state.metrics().reconnects, state.metrics().losses]).toEqual([1, 0]);
}, 60_000);

test("an engine that is away is told of again, with the reason of the day", async () => {
  const engine = await TestEngine.start();
  using state = new Plugin().init('{"statefile": ""}');
  using instance = state.open(engine.address);
  expect(state.metrics().connected).toBe(1);
  await engine.stop();
  await until(instance, () => logs(state).includes("broke"));
  expect(state.metrics().connected).toBe(0);
  await until(instance, () => logs(state).includes("is the engine running?; connecting again"));
  await using _again = await TestEngine.start({}, engine.socket);
  await until(instance, () => state.metrics().connected === 1);
}, 60_000);
