/** A real podman, by root and by a user: it is found, and its events come out in the same fields as Docker's. */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { nanoseconds } from "../../src/base/time.ts";
import { type Ask, type HostEvent, type Instance, Plugin, type State, type Value } from "../support/host.ts";
import { aptInstall, skipped } from "../support/needs.ts";
import { PODMAN_NEEDS, Podman } from "../support/podman.ts";
import { Registry } from "../support/registry.ts";

const registry = await Registry.start();
const started = {
  rootful: await Podman.start("rootful", registry.name),
  rootless: await Podman.start("rootless", registry.name),
};
for (const [kind, podman] of Object.entries(started))
  if (typeof podman === "string") skipped(`the tests with a real ${kind} podman`, podman, aptInstall(...PODMAN_NEEDS));
afterAll(async () => {
  for (const podman of Object.values(started)) if (typeof podman !== "string") await podman.stop();
  registry[Symbol.dispose]();
}, 60_000);

const ASKS = {
  type: "docker.type",
  action: "docker.action",
  status: "docker.status",
  subject: "docker.attributes.name",
  id: "docker.container.id",
  name: "docker.container.name",
  repository: "docker.image.repository",
  tag: "docker.image.tag",
  mounts: "docker.container.sensitivemounts",
  label: ["docker.container.label", "tier"],
  exec: "docker.exec.exitcode",
  exit: "docker.container.exitcode",
  volume: "docker.volume.driver",
  uninspected: "docker.container.uninspected",
  engine: "docker.engine.host",
  rootless: "docker.engine.rootless",
} as const satisfies Record<string, Ask>;
type Told = { readonly [name in keyof typeof ASKS]: Value };

/** What came until an event fits. */
function until(state: State, instance: Instance, fits: (told: Told) => boolean): Told[] {
  const names = Object.keys(ASKS);
  const came: Told[] = [];
  for (const end = performance.now() + 30_000; !came.some(fits); ) {
    if (performance.now() > end) throw new Error(`it never came; came: ${JSON.stringify(came)}`);
    for (const event of instance.nextBatch().events) {
      const values = state.extract(event, Object.values(ASKS));
      came.push(Object.fromEntries(names.map((name, i) => [name, values[i]])) as Told);
    }
  }
  return came;
}
const short = ({ type, action, subject }: Told): string => `${type} ${action} ${subject}`;

describe.each(["rootful", "rootless"] as const)("%s", (kind) => {
  const podman = started[kind] as Podman;
  const real = test.skipIf(typeof podman === "string");
  const open = () => {
    // On a busy machine an answer may take longer than an event usually waits.
    const state = new Plugin().init('{"statefile": "", "inspecttimeout": 10000}');
    const instance = state.open(podman.address);
    expect(state.error).toBe("");
    return { state, instance };
  };

  /**
   * Opens it until it has told of itself: what it gives all containers is known then. It looks at much before it says what it
   * is: on a busy machine that can take longer than is waited for.
   */
  const openTold = () => {
    for (let opens = 0; opens < 10; opens++) {
      const { state, instance } = open();
      const isDaemon = (event: HostEvent) => state.extract(event, ["docker.type"])[0] === "daemon";
      if (instance.take(1, isDaemon, 5_000).includes(true)) return { state, instance };
      instance.close();
      state.destroy();
    }
    throw new Error("podman never said what it is");
  };

  real("a container's life, an exec in it, and what it is, in the fields that Docker's has", () => {
    const { state, instance } = open();
    const options = ["--network", "none", "--label", "tier=web", "-v", "/etc:/e:ro"];
    const id = podman.docker("run", "-d", "--name", "first", ...options, "bb:1", "sleep", "600");
    podman.docker("exec", "first", "true");
    expect(() => podman.docker("exec", "first", "sh", "-c", "exit 3")).toThrow();
    podman.docker("rename", "first", "second");
    podman.docker("kill", "second");
    // Its end is asked about, so it has to be there still.
    const came = until(state, instance, ({ action }) => action === "die");
    podman.docker("rm", "second");
    came.push(...until(state, instance, ({ action }) => action === "remove"));
    // The engine itself; then what podman tells beside is no more than these.
    const beside = new Set(["existing", "sync", "cleanup", "mount", "unmount"]);
    const told = came.filter(({ action }) => !beside.has(String(action)));
    expect(told.map(short)).toEqual([
      ...["create", "init", "start", "exec", "exec_died", "exec", "exec_died"].map((each) => `container ${each} first`),
      ...["rename", "kill", "die", "remove"].map((each) => `container ${each} second`),
    ]);
    const facts = { id, repository: "library/bb", tag: "1", mounts: ["etc", "keys", "kube", "cron"], label: "web" };
    for (const each of told) {
      expect(each).toMatchObject({ ...facts, name: each.subject, status: each.action, engine: undefined });
      expect(each.uninspected).toBeUndefined();
    }
    expect(told.map(({ exec }) => exec).filter((code) => code !== undefined)).toEqual([0n, 3n]);
    expect(told.find(({ action }) => action === "die")?.exit).toBe(137n);
    expect(state.metrics()).toMatchObject({ losses: 0, malformed: 0, uninspected: 0 });
    instance.close();
    state.destroy();
  });

  real("images that are named, pushed, pulled and let go; volumes", () => {
    const { state, instance } = open();
    const there = `${registry.name}/shop/bb:2`;
    podman.docker("tag", "bb:1", there);
    podman.docker("push", there);
    podman.docker("rmi", there);
    podman.docker("pull", there);
    const images = until(state, instance, ({ action }) => action === "pull").filter(({ type }) => type === "image");
    expect(images.map(short)).toEqual(
      ["tag", "push", "untag", "delete", "pull"].map((action) => `image ${action} ${there}`),
    );
    for (const each of images) expect(each).toMatchObject({ repository: "shop/bb", tag: "2", id: undefined });
    // A volume is asked about by its name, so it has to be there still.
    podman.docker("volume", "create", "data");
    const [created] = until(state, instance, ({ type }) => type === "volume").slice(-1);
    expect(created).toMatchObject({ type: "volume", action: "create", subject: "data", volume: "local" });
    podman.docker("volume", "rm", "data");
    const [removed] = until(state, instance, ({ type }) => type === "volume").slice(-1);
    expect(removed).toMatchObject({ type: "volume", action: "remove", subject: "data" });
    podman.docker("rmi", there);
    instance.close();
    state.destroy();
  });

  real("the facts of a container's image, and of an image that is of no registry", () => {
    podman.docker("create", "--name", "base", "--network", "none", "bb:1", "true");
    const docker = `docker -H ${podman.address}`;
    const label = "LABEL org.example.team=web";
    Bun.spawnSync(["sh", "-c", `${docker} export base | ${docker} import -c '${label}' - localhost/labelled:1`]);
    const [imageId = "", created = ""] = podman
      .docker("image", "inspect", "-f", "{{.Id}} {{.Created}}", "localhost/labelled:1")
      .split(" ");
    const { state, instance } = openTold();
    const asks: Ask[] = [
      ...["docker.container.inspected", "docker.container.nonewprivileges", "docker.container.image.id"],
      ...["docker.image.digests", "docker.image.created"],
      ["docker.image.label", "org.example.team"],
    ];
    const create = (...options: string[]): Value[] => {
      const id = podman.docker("create", "--network", "none", ...options, "localhost/labelled:1", "sleep", "60");
      for (;;)
        for (const event of instance.nextBatch().events) {
          const [action, of] = state.extract(event, ["docker.action", "docker.container.id"]);
          if (action === "create" && of === id) return state.extract(event, asks);
        }
    };
    const id = expect.stringContaining(imageId.replace("sha256:", ""));
    const time = BigInt(nanoseconds(created) ?? 0);
    expect(create()).toEqual([true, false, id, undefined, time, "web"]);
    expect(create("--security-opt", "no-new-privileges")).toEqual([true, true, id, undefined, time, "web"]);
    instance.close();
    state.destroy();
    podman.docker("rm", "-f", ...podman.docker("ps", "-aq").split("\n"));
  });

  real("what runs already is told of, and whether root's rights are behind it", () => {
    podman.docker("run", "-d", "--name", "before", "--network", "none", "bb:1", "sleep", "600");
    let daemon: Told | undefined;
    // See openTold.
    for (let opens = 0; daemon === undefined && opens < 10; opens++) {
      const { state, instance } = open();
      const came = until(state, instance, ({ type }) => type === "container");
      expect(came.map(short).slice(-1)).toEqual(["container existing before"]);
      daemon = came.find(({ type }) => type === "daemon");
      instance.close();
      state.destroy();
    }
    expect(daemon).toMatchObject({ action: "existing", rootless: kind === "rootless" });
    podman.docker("rm", "-f", "before");
  });
});

test.skipIf(typeof started.rootful === "string")(
  "its service is killed and comes again: what happened is kept, so nothing is lost, twice, or announced",
  () => {
    const podman = started.rootful as Podman;
    using state = new Plugin().init('{"statefile": "", "snapshot": false}');
    using instance = state.open(podman.address);
    const names = ["one:1", "two:1", "three:1", "four:1"];
    const tag = (name: string) => podman.docker("tag", "bb:1", name);
    tag("one:1");
    until(state, instance, ({ action }) => action === "tag");
    podman.kill();
    const again = () => {
      try {
        return podman.docker("version") !== "";
      } catch {
        return false;
      }
    };
    while (!again());
    for (const name of names.slice(1)) tag(name);
    const came = until(state, instance, ({ subject }) => String(subject).includes("four"));
    expect(came.map(short)).toEqual(names.slice(1).map((name) => `image tag docker.io/library/${name}`));
    expect(state.metrics()).toMatchObject({ losses: 0, reconnects: 1 });
    podman.docker("rmi", ...names);
  },
  60_000,
);

test.skipIf(Object.values(started).some((podman) => typeof podman === "string"))(
  "where sockets usually are all are found, and can be opened",
  () => {
    const [rootful, rootless] = [started.rootful, started.rootless] as [Podman, Podman];
    const sockets: [path: string, podman: Podman, desc: string][] = [
      ["/run/user/65534/docker.sock", rootless, "the engine of DOCKER_HOST"],
      ["/var/run/docker.sock", rootful, "the engine of this machine"],
      ["/run/podman/podman.sock", rootful, "podman's Docker-compatible API"],
      ["/run/user/0/docker.sock", rootful, "a rootless engine"],
      ["/run/user/65534/podman/podman.sock", rootless, "a user's podman"],
    ];
    // A /run that has nothing else, for one process and what it starts. What is no socket is not named.
    const script = `set -eu
      mount -t tmpfs tmpfs /run
      mkdir -p /run/podman /run/user/1000 /run/user/0 /run/user/65534/podman
      touch /run/user/1000/docker.sock
      ${sockets.map(([path, { socket }]) => `touch ${path}; mount --bind ${socket} ${path}`).join("\n")}
      exec "$@"`;
    const child = [process.execPath, join(import.meta.dir, "../support/discovered.ts")];
    const { DOCKER_CONTEXT: _, ...env } = Bun.env;
    const { stdout, stderr } = Bun.spawnSync(["unshare", "--mount", "bash", "-c", script, "-", ...child], {
      env: { ...env, DOCKER_CONFIG: "/nowhere", DOCKER_HOST: `unix://${sockets[0]?.[0]}` },
    });
    expect(stderr.toString()).toBe("");
    expect(JSON.parse(stdout.toString())).toEqual({
      found: sockets.map(([path, , desc]) => ({ value: `unix://${path}`, desc })),
      error: "",
      connected: sockets.length,
    });
  },
  60_000,
);
