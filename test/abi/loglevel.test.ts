/** What of the runtime's log reaches Falco's: the setting `loglevel`. */
import { expect, test } from "bun:test";
import { TestEngine } from "../support/engine.ts";
import { Plugin, rc, type State } from "../support/host.ts";

const textsOf = ({ logs }: State, severity: number): string =>
  logs
    .filter((line) => line.severity === severity)
    .map(({ text }) => text)
    .join("\n");

/** Opens an engine, loses it and has it again. Returns the log. */
async function reconnected(config: string, until: (state: State) => boolean): Promise<State> {
  await using engine = await TestEngine.start();
  using state = new Plugin().init(config);
  using instance = state.open(engine.address);
  await engine.restart();
  while (!until(state)) {
    await Bun.sleep(10);
    instance.nextBatch();
  }
  return state;
}

test("debug tells requests with their time, connections, and what is concluded", async () => {
  const connectedAgain = (state: State) => /connected to .* again/.test(textsOf(state, 5));
  const state = await reconnected('{"statefile": "", "loglevel": "debug"}', connectedAgain);
  const debug = textsOf(state, 7);
  expect(debug).toMatch(/GET \/_ping: 200, \d+ bytes, after \d+\.\d ms/);
  expect(debug).toMatch(/GET \/v[\d.]+\/events\?since=\S+: 200, its headers after \d+\.\d ms/);
  expect(debug).toMatch(/a stream is opened from \S+: no event is known/);
  expect(debug).toMatch(/a stream ended: .*; it brought nothing new/);
  expect(debug).toMatch(/connecting again in \d+ ms/);
});

test.each(["", ', "loglevel": "warning"'])("without it %p there is none of that", async (more) => {
  const lost = (state: State) => /connecting again/.test(textsOf(state, 4));
  const state = await reconnected(`{"statefile": ""${more}}`, lost);
  expect(textsOf(state, 7)).toBe("");
  if (more !== "") expect(textsOf(state, 5)).toBe("");
});

test("set_config changes it for what is open, and names the settings that count from the next open on", async () => {
  await using engine = await TestEngine.start();
  const config = { statefile: "", pinginterval: 300 };
  using state = new Plugin().init(JSON.stringify(config));
  using instance = state.open(engine.address);
  const set = (more: object) => state.setConfig(JSON.stringify({ ...config, ...more }));
  expect(set({ loglevel: "debug", inspecttimeout: 300, flushinterval: 5 })).toBe(rc.success);
  while (!textsOf(state, 7).includes("GET /_ping: 200")) instance.nextBatch();
  expect(textsOf(state, 5)).toBe("what is open stays as it is; from the next open on there count: inspecttimeout");
  // Nothing of that where nothing is open, or nothing else changes.
  expect(set({ loglevel: "info", inspecttimeout: 300 })).toBe(rc.success);
  instance.close();
  expect(set({ queuebytes: 1048576 })).toBe(rc.success);
  expect(textsOf(state, 5).split("\n").length).toBe(1);
});
