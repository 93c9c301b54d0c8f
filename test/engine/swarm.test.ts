/** A real swarm of one: what its nodes, services, secrets, configurations, networks and tasks make of events and fields. */
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DOCKERD_NEEDS, Dockerd } from "../support/dockerd.ts";
import { type Ask, type Instance, Plugin, PROGRAM, type State, type Value } from "../support/host.ts";
import { aptInstall, skipped } from "../support/needs.ts";

const engine = await Dockerd.start();
if (typeof engine === "string") skipped("a real swarm", engine, aptInstall(...DOCKERD_NEEDS));
const real = test.skipIf(typeof engine === "string");
const dockerd = engine as Dockerd;
const docker = (...args: string[]): string => dockerd.docker(...args);
afterAll(() => (typeof engine === "string" ? undefined : engine.stop()), 60_000);

const WAIT_MS = 30_000;
const FORMAT =
  "%docker.action %docker.stack.namespace %docker.swarm.servicename %docker.swarm.taskname %docker.node.id";

/** An event's fields by their names. */
type Seen = Readonly<Record<string, Value>>;

/** The events of an instance, as far as they were taken. */
class Stream {
  readonly all: Seen[] = [];

  constructor(
    readonly state: State,
    readonly instance: Instance,
    readonly asks: readonly Ask[],
  ) {}

  /** Waits for an event that is as it should be. */
  until(what: string, wanted: (seen: Seen) => boolean): Seen {
    for (const end = performance.now() + WAIT_MS; performance.now() < end; ) {
      const found = this.all.find(wanted);
      if (found !== undefined) return found;
      for (const event of this.instance.nextBatch().events) {
        const values = this.state.extract(event, this.asks);
        this.all.push(Object.fromEntries(this.asks.map((ask, i) => [nameOf(ask), values[i]])));
      }
    }
    const told = this.all.map(
      (seen) => `${seen["docker.type"]} ${seen["docker.action"]} ${seen["docker.attributes.name"]}`,
    );
    throw new Error(`no ${what} in ${told.join(", ")}`);
  }
}

const nameOf = (ask: Ask): string => (typeof ask === "string" ? ask : `${ask[0]}[${ask[1]}]`);
const attribute = (key: string): Ask => ["docker.attributes", key];
const EVENT = ["docker.type", "docker.action", "docker.scope", "docker.actor.id", "docker.attributes.name"] as const;

/** What an event is, by the fields that all have. */
const is =
  (type: string, action: string, name?: string) =>
  (seen: Seen): boolean =>
    seen["docker.type"] === type &&
    seen["docker.action"] === action &&
    (name === undefined || seen["docker.attributes.name"] === name);

real(
  "nodes, secrets, configurations, networks and services tell what was done to them, in the scope of the swarm",
  () => {
    using state = new Plugin().init('{"statefile": "", "inspecttimeout": 10000}');
    using instance = state.open(dockerd.address);
    expect(state.error).toBe("");
    const changed = ["availability", "replicas", "image"].flatMap((key) => [
      attribute(`${key}.new`),
      attribute(`${key}.old`),
    ]);
    const stream = new Stream(state, instance, [
      ...EVENT,
      ...["docker.node.statenew", "docker.node.stateold", "docker.engine.swarm", "docker.service.image"],
      ...["docker.network.driver", "docker.network.encrypted"],
      ...changed,
    ]);
    // The engine itself, before it is of any swarm.
    expect(stream.until("engine", is("daemon", "existing"))["docker.engine.swarm"]).toBe("inactive");

    const node = dockerd.initSwarm();
    const host = docker("node", "inspect", "--format", "{{.Description.Hostname}}", node);
    docker("node", "update", "--availability", "drain", node);
    docker("node", "update", "--availability", "active", node);
    const file = join(dockerd.folder, "value");
    writeFileSync(file, "x");
    const secret = docker("secret", "create", "dbpass", file);
    const config = docker("config", "create", "site", file);
    const network = docker("network", "create", "--driver", "overlay", "--opt", "encrypted", "back");
    const options = ["--detach", "--no-resolve-image", "--name", "web", "--replicas", "0", "--secret", "dbpass"];
    const service = docker("service", "create", ...options, "--config", "site", "--network", "back", "bb:1");
    docker("tag", "bb:1", "bb:2");
    docker("service", "update", "--detach", "--no-resolve-image", "--image", "bb:2", "web");
    docker("service", "update", "--detach", "--replicas", "1", "web");
    docker("service", "rm", "web");
    docker("secret", "rm", "dbpass");
    docker("config", "rm", "site");
    // A task that is ending may still be on the network.
    while (!removed("network", "rm", "back")) Bun.sleepSync(100);
    stream.until("end", is("network", "remove", "back"));

    const of = (type: string, name: string): Seen[] =>
      stream.all.filter((seen) => seen["docker.type"] === type && seen["docker.attributes.name"] === name);
    const swarmWide = stream.all.filter((seen) => seen["docker.scope"] === "swarm");
    expect(new Set(swarmWide.map((seen) => seen["docker.type"]))).toEqual(
      new Set(["node", "secret", "config", "network", "service"]),
    );
    for (const seen of of("node", host))
      expect([seen["docker.scope"], seen["docker.actor.id"]]).toEqual(["swarm", node]);
    expect(of("node", host).map((seen) => [seen["docker.node.stateold"], seen["docker.node.statenew"]])).toContainEqual(
      ["unknown", "ready"],
    );
    const availability = of("node", host).map((seen) => [
      seen["docker.attributes[availability.old]"],
      seen["docker.attributes[availability.new]"],
    ]);
    expect(availability.filter(([, to]) => to !== undefined)).toEqual([
      ["active", "drain"],
      ["drain", "active"],
    ]);
    const told = (type: string, name: string) =>
      of(type, name).map((seen) => [seen["docker.action"], seen["docker.scope"], seen["docker.actor.id"]]);
    for (const [type, name, id] of [
      ["secret", "dbpass", secret],
      ["config", "site", config],
    ] as const)
      expect(told(type, name)).toEqual([
        ["create", "swarm", id],
        ["remove", "swarm", id],
      ]);
    expect(told("network", "back").filter(([, scope]) => scope === "swarm")).toEqual(
      ["create", "update", "remove"].map((action) => [action, "swarm", network]),
    );
    const { "docker.network.driver": driver, "docker.network.encrypted": encrypted } = stream.until(
      "update",
      is("network", "update", "back"),
    );
    expect([driver, encrypted]).toEqual(["overlay", true]);
    const services = of("service", "web");
    for (const seen of services) expect([seen["docker.scope"], seen["docker.actor.id"]]).toEqual(["swarm", service]);
    const [created] = services;
    expect([created?.["docker.action"], created?.["docker.service.image"]]).toEqual(["create", "bb:1"]);
    expect(services.at(-1)?.["docker.action"]).toBe("remove");
    const steps = services.flatMap((seen) =>
      ["image", "replicas"].map((key) => [
        seen[`docker.attributes[${key}.old]`],
        seen[`docker.attributes[${key}.new]`],
      ]),
    );
    expect(steps.filter(([, to]) => to !== undefined)).toEqual([
      ["bb:1", "bb:2"],
      ["0", "1"],
    ]);
  },
  120_000,
);

/** Whether a command of docker was carried out. */
function removed(...args: string[]): boolean {
  try {
    docker(...args);
    return true;
  } catch (error) {
    if (String(error).includes("in use")) return false;
    throw error;
  }
}

real(
  "a task's container says its stack, service, task and node in every event, and the engine that it is of a swarm",
  async () => {
    if (docker("info", "--format", "{{.Swarm.LocalNodeState}}") !== "active") dockerd.initSwarm();
    const stack = join(dockerd.folder, "stack.yml");
    const service = { image: "bb:1", command: ["sleep", "600"], stop_grace_period: "0s" };
    writeFileSync(stack, JSON.stringify({ version: "3.9", services: { web: service } }));
    using state = new Plugin().init('{"statefile": "", "inspecttimeout": 10000}');
    using instance = state.open(dockerd.address);
    expect(state.error).toBe("");
    const names = ["docker.stack.namespace", "docker.swarm.servicename", "docker.swarm.taskname"] as const;
    const ids = ["docker.swarm.taskid", "docker.swarm.task", "docker.node.id"] as const;
    const stream = new Stream(state, instance, [
      ...EVENT,
      ...names,
      ...ids,
      attribute("com.docker.swarm.service.id"),
      "docker.engine.swarm",
      "docker.container.inspected",
    ]);
    expect(stream.until("engine", is("daemon", "existing"))["docker.engine.swarm"]).toBe("active");
    const dump = Bun.spawn([PROGRAM, "--dump", "--host", dockerd.address, "--output", FORMAT], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const errors = dump.stderr.getReader();
    expect(Buffer.from((await errors.read()).value ?? []).toString()).toContain("connected");

    docker("stack", "deploy", "--resolve-image", "never", "--compose-file", stack, "shop");
    const isStart = (seen: Seen) => is("container", "start")(seen) && seen["docker.swarm.servicename"] === "shop_web";
    const start = stream.until("task", isStart);
    docker("stack", "rm", "shop");
    stream.until("end", (seen) => is("container", "destroy")(seen) && seen["docker.swarm.servicename"] === "shop_web");

    const node = docker("node", "ls", "--quiet");
    const task = String(start["docker.swarm.taskid"]);
    expect(task).toMatch(/^[0-9a-z]{25}$/);
    const id = stream.until("service", is("service", "create", "shop_web"))["docker.actor.id"];
    const own = stream.all.filter((seen) => seen["docker.actor.id"] === start["docker.actor.id"]);
    expect(own.length).toBeGreaterThanOrEqual(5);
    for (const seen of own) {
      expect(names.map((name) => seen[name])).toEqual(["shop", "shop_web", `shop_web.1.${task}`]);
      expect(ids.map((name) => seen[name])).toEqual([task, "", node]);
      expect(seen["docker.attributes[com.docker.swarm.service.id]"]).toBe(id);
      expect(seen["docker.scope"]).toBe("local");
    }
    expect(start["docker.container.inspected"]).toBe(true);

    let text = "";
    for await (const chunk of dump.stdout) {
      text += Buffer.from(chunk).toString();
      if (/^destroy shop /m.test(text)) break;
    }
    dump.kill("SIGINT");
    expect(await dump.exited).toBe(0);
    expect(text.split("\n")).toContain(`start shop shop_web shop_web.1.${task} ${node}`);
  },
  120_000,
);

real(
  "a node that joins is told of from its coming to its going, by managers alone, and by each of them",
  async () => {
    if (docker("info", "--format", "{{.Swarm.LocalNodeState}}") !== "active") dockerd.initSwarm();
    const other = await Dockerd.start([], { NETWORK: String(dockerd.pid) });
    if (typeof other === "string") throw new Error(other);
    try {
      using state = new Plugin().init('{"statefile": "", "inspecttimeout": 10000}');
      using instance = state.open(`${dockerd.address},${other.address}`);
      expect(state.error).toBe("");
      const role = attribute("role.new");
      const stream = new Stream(state, instance, [
        ...EVENT,
        ...["docker.engine.host", "docker.node.stateold", "docker.node.statenew"],
        role,
      ]);
      const by = (engine: Dockerd, wanted: (seen: Seen) => boolean) => (seen: Seen) =>
        seen["docker.engine.host"] === engine.address && wanted(seen);
      const node = other.joinSwarm(dockerd);
      const of = (seen: Seen) => seen["docker.type"] === "node" && seen["docker.actor.id"] === node;
      const becomes = (is: string) => (seen: Seen) => of(seen) && seen["docker.node.statenew"] === is;
      const gets = (is: string) => (seen: Seen) => of(seen) && seen[nameOf(role)] === is;
      stream.until("coming", (seen) => of(seen) && seen["docker.action"] === "create");
      stream.until("ready node", becomes("ready"));
      const file = join(dockerd.folder, "value");
      writeFileSync(file, "x");
      docker("secret", "create", "told-by-one", file);
      docker("node", "promote", node);
      stream.until("promotion", gets("manager"));
      // It is one once it can be asked about the swarm.
      while (!managed(other)) await Bun.sleep(100);
      docker("secret", "create", "told-by-both", file);
      for (const engine of [dockerd, other]) stream.until("secret", by(engine, is("secret", "create", "told-by-both")));
      docker("node", "demote", node);
      stream.until("demotion", gets("worker"));
      other.docker("swarm", "leave", "--force");
      expect(stream.until("going", becomes("down"))["docker.node.stateold"]).toBe("ready");
      docker("node", "rm", "--force", node);
      stream.until("end", (seen) => of(seen) && seen["docker.action"] === "remove");
      // A worker says nothing of the swarm; a new manager tells of what it learns from the others, too.
      const ofOther = by(other, (seen) => seen["docker.scope"] === "swarm");
      const promoted = stream.all.findIndex(gets("manager"));
      expect(stream.all.findIndex(is("secret", "create", "told-by-one"))).toBeLessThan(promoted);
      expect(stream.all.findIndex(ofOther)).toBeGreaterThan(promoted);
    } finally {
      await other.stop();
    }
  },
  120_000,
);

/** Whether an engine is a manager of its swarm. */
function managed(engine: Dockerd): boolean {
  return engine.docker("info", "--format", "{{.Swarm.ControlAvailable}}") === "true";
}
