/**
 * Hours of the worst day: `npm run test:soak -- [MINUTES [SEED]]` streams 500 events/s and injects faults at random, and
 * prints once a minute what both processes hold and what was lost. Ends with 1 where something was lost unannounced or twice.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TestEngine } from "../support/engine.ts";
import { Plugin, rc } from "../support/host.ts";
import { anySeed, seeded } from "../support/random.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { faults, NUMBERED, runtimePid, type World } from "./faults.ts";

const PER_SECOND = 500;
/** Every so many seconds one fault, on average. */
const FAULT_EVERY_S = 5;
/** Those that need no configuration of their own, or the one that all have here. */
const MIXED = faults.filter(({ name }) =>
  /cut|killed|still for 3 s|restarts|SIGSTOP|clock|hour|dead|pings|socket goes/.test(name),
);
/** What costs ten seconds each time: rarely. */
const RARE = /SIGSTOP|pings|socket goes/;

/** Follows numbered events in constant memory: a jump is a loss, announced or not. */
export class Watermark {
  delivered = 0;
  duplicated = 0;
  lost = 0;
  unannounced = 0;
  announcements = 0;
  #next = 0;
  #announced = false;

  look(payload: string): void {
    const number = /"name":"event-(\d+)"/.exec(payload)?.[1];
    if (number === undefined) {
      if (!payload.includes('"events_lost"')) return;
      this.announcements++;
      this.#announced = true;
      return;
    }
    const jump = Number(number) - this.#next;
    if (jump < 0) this.duplicated++;
    else {
      this.lost += jump;
      if (!this.#announced) this.unannounced += jump;
      this.#next = Number(number) + 1;
      this.delivered++;
    }
    this.#announced = false;
  }
}

/** Private memory in KiB, descriptors, mappings of a process. */
function holds(pid: number): { private: number; fds: number; maps: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(rollup)?.[1] ?? 0);
  return {
    private: kib("Private_Clean") + kib("Private_Dirty"),
    fds: readdirSync(`/proc/${pid}/fd`).length,
    maps: readFileSync(`/proc/${pid}/maps`, "latin1").split("\n").length - 1,
  };
}

const minutes = Number(process.argv[2] ?? 30);
const seed = Number(process.argv[3] ?? anySeed());
const random = seeded(seed);
console.log(`seed ${seed}\n`);
await using engine = await TestEngine.start();
const config = JSON.stringify({ statefile: join(temporaryFolder(), "resume"), pinginterval: 1_500 });
const plugin = new Plugin();
const state = plugin.init(config);
const world: World = { engine, plugin, config, state, instance: state.open(engine.address) };
if (world.instance.rc !== rc.success) throw new Error(state.error);
const watermark = new Watermark();
const injected = new Map<string, number>();

const take = () => {
  const batch = world.instance.nextBatch();
  if (batch.rc !== rc.success && batch.rc !== rc.timeout) throw new Error(`next_batch: ${world.state.error}`);
  for (const event of batch.events) watermark.look(event.payload);
  return batch.events.length;
};
const report = (minute: number | string) => {
  const pid = runtimePid();
  const runtime = pid === undefined ? undefined : holds(pid);
  const host = holds(process.pid);
  const { delivered, lost, unannounced, duplicated, announcements } = watermark;
  console.log(
    `| ${[minute, delivered, lost, unannounced, duplicated, announcements, runtime?.private, runtime?.fds, runtime?.maps, host.private, host.fds, host.maps].join(" | ")} |`,
  );
};

console.log(
  "| minute | delivered | lost | unannounced | twice | announcements | runtime KiB | fds | maps | host KiB | fds | maps |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
await engine.send(NUMBERED.replaceAll("event-@", "first").replaceAll("@", "0").replaceAll("#", `${Date.now()}000000`));
const total = minutes * 60 * PER_SECOND;
await engine.flow(NUMBERED, PER_SECOND, total);
const began = performance.now();
let minute = 0;
let nextFault = began + 5_000;
report(0);
for (let { flowed } = await engine.flowed(); flowed < total; ) {
  const now = performance.now();
  if (now >= nextFault && now < began + minutes * 60_000 - 20_000) {
    const fault = MIXED[Math.floor(random() * MIXED.length)];
    if (fault !== undefined && (!RARE.test(fault.name) || random() < 0.1)) {
      injected.set(fault.name, (injected.get(fault.name) ?? 0) + 1);
      await fault.inject(world);
    }
    nextFault = performance.now() + FAULT_EVERY_S * 1000 * (0.5 + random());
  }
  take();
  await Bun.sleep(0);
  if (now - began >= (minute + 1) * 60_000) {
    report(++minute);
    ({ flowed } = await engine.flowed());
  } else if (minutes * 60_000 - (now - began) < 30_000) ({ flowed } = await engine.flowed());
}
for (let quiet = 0; quiet < 30; ) quiet = take() === 0 ? quiet + 1 : 0;
report("end");
console.log(`\nfaults: ${[...injected].map(([name, times]) => `${name} ${times}`).join(", ")}`);
console.log(`metrics: ${JSON.stringify(world.state.metrics())}`);
world.instance.close();
world.state.destroy();
process.exitCode = watermark.unannounced === 0 && watermark.duplicated === 0 ? 0 : 1;
