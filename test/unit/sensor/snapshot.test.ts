/** Which of our own events need not be kept over a restart, as the next open tells of what runs anew. */
import { expect, test } from "bun:test";
import type { Engine } from "../../../src/docker/client.ts";
import { type DockerEvent, writeEvent } from "../../../src/docker/event.ts";
import { NO_TRACE } from "../../../src/docker/trace.ts";
import { Daemon } from "../../../src/sensor/daemon.ts";
import { Questions } from "../../../src/sensor/questions.ts";
import { isToldAnew } from "../../../src/sensor/snapshot.ts";

test("the engine itself is told of anew at each open, its reload is not", async () => {
  const getJson = async () => ({ ID: "D75Y", Name: "node" });
  const daemon = new Daemon(new Questions({ trace: NO_TRACE, getJson } as unknown as Engine, () => {}));
  expect(daemon.existing(1n)).toBeUndefined();
  daemon.begin();
  await daemon.pending;
  const event = daemon.existing(1795427240090068681n) as DockerEvent;
  expect(event).toMatchObject({
    Type: "daemon",
    Action: "existing",
    Actor: { ID: "D75Y", Attributes: { name: "node" } },
  });
  expect(isToldAnew(undefined, writeEvent(event))).toBe(true);
  expect(isToldAnew(7n, writeEvent(event))).toBe(false);
  expect(isToldAnew(undefined, writeEvent({ ...event, Action: "reload" }))).toBe(false);
});
