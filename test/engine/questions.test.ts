/** What a real Docker Engine says of volumes, images, ends, networks, services, plugins and of itself. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DOCKERD_NEEDS, Dockerd } from "../support/dockerd.ts";
import { type Ask, Plugin, type Value } from "../support/host.ts";
import { aptInstall, skipped } from "../support/needs.ts";
import { signalTo } from "../support/signal.ts";

const engine = await Dockerd.start();
if (typeof engine === "string")
  skipped("what a real dockerd is asked beside its events", engine, aptInstall(...DOCKERD_NEEDS));
const real = test.skipIf(typeof engine === "string");
const dockerd = engine as Dockerd;
afterAll(() => (typeof engine === "string" ? undefined : engine.stop()), 60_000);

const SECRET = "hunter2-4711";

/**
 * Lets something happen, and takes the events until one of the given type and action comes. A stream begins a little before
 * its open, the more so on a busy machine: what the test before this one did may come too, and is passed over.
 */
function watch(act: () => void, [type, action]: [string, string], asks: Ask[], settings: object = {}): Value[][] {
  using state = new Plugin().init(
    JSON.stringify({ statefile: "", snapshot: false, inspecttimeout: 10_000, loglevel: "debug", ...settings }),
  );
  using instance = state.open(dockerd.address);
  expect(state.error).toBe("");
  const began = BigInt(Date.now()) * 1_000_000n;
  act();
  const seen: Value[][] = [];
  for (const end = performance.now() + 30_000; performance.now() < end; )
    for (const event of instance.nextBatch().events) {
      const replayed = state.foreign(event.payload);
      replayed.bytes.writeBigUInt64LE(event.ts, 0);
      const values = state.extract(event, ["docker.type", "docker.action", ...asks]);
      expect(state.extract(replayed, ["docker.type", "docker.action", ...asks])).toEqual(values);
      expect(event.payload).not.toContain(SECRET);
      if (event.ts < began && values[1] !== "existing") continue;
      seen.push(values);
      if (values[0] !== type || values[1] !== action) continue;
      expect(state.logs.map(({ text }) => text).join("\n")).not.toContain(SECRET);
      return seen;
    }
  throw new Error(`no ${type} ${action} in ${JSON.stringify(seen.map((values) => values.slice(0, 2)))}`);
}

const of = (seen: Value[][], type: string, action: string): Value[][] =>
  seen.filter((values) => values[0] === type && values[1] === action).map((values) => values.slice(2));

real(
  "a volume that leads to the host is judged by where it leads, one with a password only told of",
  () => {
    const asks: Ask[] = [
      "docker.attributes.name",
      "docker.container.sensitivemount",
      ["docker.container.volumedevice", "/data"],
      "docker.volume.device",
    ];
    const run = (name: string, volume: string, ...more: string[]) =>
      dockerd.docker(
        "create",
        "--network",
        "none",
        "--name",
        name,
        "-e",
        `TOKEN=${SECRET}`,
        ...more,
        "-v",
        `${volume}:/data`,
        "bb:1",
      );
    const seen = watch(
      () => {
        dockerd.docker("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/etc", "hidden");
        const options = ["-o", "type=cifs", "-o", `o=addr=127.0.0.1,password=${SECRET}`, "-o", "device=//srv/share"];
        dockerd.docker("volume", "create", ...options, "share");
        dockerd.docker("volume", "create", "plain");
        run("to-host", "hidden", "--log-opt", `tag=${SECRET}`);
        run("to-share", "share");
        run("to-nothing", "plain");
        dockerd.docker("rm", "-f", "to-host", "to-share", "to-nothing");
        dockerd.docker("volume", "rm", "hidden", "share", "plain");
        dockerd.docker("network", "create", "last");
      },
      ["network", "create"],
      asks,
    );
    dockerd.docker("network", "rm", "last");
    for (const action of ["create", "destroy"])
      expect(of(seen, "container", action).toSorted()).toEqual([
        ["to-host", true, "/etc", undefined],
        ["to-nothing", false, undefined, undefined],
        ["to-share", false, "//srv/share", undefined],
      ]);
    expect(new Set(of(seen, "volume", "create").map((values) => values.at(-1)))).toEqual(
      new Set(["/etc", "//srv/share", undefined]),
    );
  },
  60_000,
);

real(
  "an image's labels and age are told at its containers' events",
  () => {
    const asks: Ask[] = [["docker.image.label", "tier"], "docker.image.digests", "docker.image.created"];
    const before = BigInt(Date.now()) * 1_000_000n;
    const id = dockerd.docker("create", "--network", "none", "bb:1", "true");
    dockerd.docker("commit", "--change", "LABEL tier=gold", "--change", `ENV TOKEN=${SECRET}`, id, "gold:1");
    dockerd.docker("rm", id);
    const seen = watch(
      () => dockerd.docker("run", "--rm", "--network", "none", "gold:1", "true"),
      ["container", "destroy"],
      asks,
    );
    const [label, digests, created] = of(seen, "container", "create")[0] ?? [];
    expect([label, digests]).toEqual(["gold", undefined]);
    expect(created).toBeGreaterThan(before);
    expect(of(seen, "container", "die")).toEqual(of(seen, "container", "create"));
  },
  60_000,
);

real(
  "exit codes are the engine's own, of the end that each event tells of, where a label lies and the engine starts again",
  () => {
    const asks: Ask[] = ["docker.container.exitcode", "docker.container.oomkilled", "docker.attributes.exitcode"];
    const script = "n=$(cat /n 2>/dev/null || echo 0); n=$((n+1)); echo $n > /n; exit $n";
    const seen = watch(
      () => {
        const lie = ["--label", "exitCode=99"];
        dockerd.docker(
          "run",
          "-d",
          "--name",
          "five",
          ...lie,
          "--network",
          "none",
          "--restart",
          "always",
          "bb:1",
          "sh",
          "-c",
          script,
        );
        for (let ends = 0; ends < 3; ) ends = Number(dockerd.docker("inspect", "-f", "{{.RestartCount}}", "five"));
        dockerd.docker("rm", "-f", "five");
      },
      ["container", "destroy"],
      asks,
    );
    const ends = of(seen, "container", "die");
    expect(ends.length).toBeGreaterThanOrEqual(3);
    // Its first end is 1, its second 2: absent where it ran again already, never another one's.
    for (const [i, [code, oom, attribute]] of ends.entries()) {
      expect(attribute).toBe("99");
      if (code !== undefined) expect([code, oom]).toEqual([code === 137n ? 137n : BigInt(i + 1), false]);
    }
    expect(ends.some(([code]) => code !== undefined)).toBe(true);
  },
  60_000,
);

real(
  "a container that ran out of memory says so",
  () => {
    const eat = "a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done";
    const seen = watch(
      () => {
        const small = ["-m", "16m", "--memory-swap", "16m"];
        const id = dockerd.docker("run", "-d", "--network", "none", ...small, "bb:1", "sh", "-c", eat);
        dockerd.docker("wait", id);
      },
      // One that is removed at once may be gone before it is asked about.
      ["container", "die"],
      ["docker.container.exitcode", "docker.container.oomkilled"],
    );
    expect(of(seen, "container", "die")).toEqual([[137n, true]]);
  },
  60_000,
);

real(
  "an exec's process is known at its end",
  () => {
    let pid = "";
    const seen = watch(
      () => {
        dockerd.docker("run", "-d", "--name", "host", "--network", "none", "--pid", "host", "bb:1", "sleep", "60");
        // In the host's own PID namespace a process knows the number that the engine tells.
        pid = dockerd.docker("exec", "host", "sh", "-c", "echo $$; sleep 2");
        dockerd.docker("rm", "-f", "host");
      },
      ["container", "destroy"],
      ["docker.exec.pid"],
    );
    expect(of(seen, "container", "exec_die")).toEqual([[BigInt(pid)]]);
    // An answer that was late may know it at the beginning, too; it is never another one.
    for (const values of seen)
      if (String(values[1]).startsWith("exec_create")) expect([undefined, BigInt(pid)]).toContain(values[2] as bigint);
  },
  60_000,
);

real(
  "networks, plugins, services and the engine itself",
  () => {
    const folder = join(dockerd.folder, "plugin");
    mkdirSync(join(folder, "rootfs"), { recursive: true });
    const plugin = {
      entrypoint: ["/x"],
      env: [{ name: "TOKEN", value: SECRET }],
      interface: { types: ["docker.volumedriver/1.0"], socket: "x.sock" },
      network: { type: "host" },
      mounts: [{ source: "/var/run", destination: "/r", type: "bind", options: ["rbind"] }],
      linux: { capabilities: ["CAP_SYS_ADMIN"], devices: [{ path: "/dev/fuse" }] },
    };
    writeFileSync(join(folder, "config.json"), JSON.stringify(plugin));
    const secret = join(folder, "secret");
    writeFileSync(secret, SECRET);
    const asks: Ask[] = [
      "docker.attributes.name",
      "docker.network.internal",
      "docker.network.encrypted",
      "docker.plugin.privileges",
      "docker.service.image",
      "docker.service.mounts",
      "docker.service.capadd",
      "docker.engine.insecure",
      "docker.engine.swarm",
      "docker.engine.securityoptions",
    ];
    const seen = watch(
      () => {
        dockerd.docker("network", "create", "--internal", "inner");
        dockerd.docker("network", "rm", "inner");
        dockerd.docker("plugin", "create", "acme/p:1", folder);
        dockerd.docker("plugin", "rm", "acme/p:1");
        dockerd.initSwarm();
        dockerd.docker("secret", "create", "key", secret);
        const mount = ["--mount", "type=bind,src=/etc,dst=/host,ro"];
        const more = [
          "--secret",
          "key",
          "-e",
          `TOKEN=${SECRET}`,
          "--log-driver",
          "syslog",
          "--log-opt",
          `tag=${SECRET}`,
        ];
        const svc = ["--detach", "--name", "svc", "--replicas", "0", "--cap-add", "SYS_ADMIN"];
        dockerd.docker("service", "create", ...svc, ...mount, ...more, "bb:1");
        dockerd.docker("service", "rm", "svc");
        dockerd.docker("network", "create", "-d", "overlay", "--opt", "encrypted", "sealed");
        signalTo(dockerd.pid, "SIGHUP");
      },
      ["daemon", "reload"],
      asks,
      { snapshot: true },
    );
    dockerd.docker("swarm", "leave", "--force");
    const about = (type: string, action: string, name: string) =>
      of(seen, type, action)
        .find((values) => values[0] === name)
        ?.slice(1);
    const none = undefined;
    const nothing = Array.from({ length: 9 }, () => none);
    expect(about("network", "create", "inner")).toEqual([true, false, ...nothing.slice(2)]);
    // A swarm tells of a network first, and then what it is.
    const sealed = [...of(seen, "network", "create"), ...of(seen, "network", "update")];
    const words = sealed.filter(([name]) => name === "sealed").map((values) => values[2]);
    expect(new Set(words).difference(new Set([undefined]))).toEqual(new Set([true]));
    const privileges = ["network=host", "mount=/var/run", "device=/dev/fuse", "CAP_SYS_ADMIN"];
    for (const action of ["create", "remove"])
      expect(about("plugin", action, "acme/p:1")).toEqual([none, none, privileges, ...nothing.slice(3)]);
    const service = ["bb:1", ["/etc:/host:ro"], ["CAP_SYS_ADMIN"]];
    expect(about("service", "create", "svc")).toEqual([none, none, none, ...service, ...nothing.slice(6)]);
    const options = expect.arrayContaining(["name=seccomp,profile=default"]);
    expect(of(seen, "daemon", "existing").map((values) => values.slice(-3))).toEqual([[false, "inactive", options]]);
    expect(of(seen, "daemon", "reload").map((values) => values.slice(-3))).toEqual([[false, "active", options]]);
  },
  60_000,
);
