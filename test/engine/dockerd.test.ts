// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a shell's.
/** Against a real Docker Engine. */
import { afterAll, expect, test } from "bun:test";
import net from "node:net";
import { DOCKERD_NEEDS, Dockerd } from "../support/dockerd.ts";
import { type Ask, Plugin, PROGRAM, type Value } from "../support/host.ts";
import { aptInstall, skipped } from "../support/needs.ts";

const engine = await Dockerd.start();
if (typeof engine === "string") skipped("the tests with a real dockerd", engine, aptInstall(...DOCKERD_NEEDS));
const real = test.skipIf(typeof engine === "string");
const dockerd = engine as Dockerd;
afterAll(() => (typeof engine === "string" ? undefined : engine.stop()), 60_000);

real(
  "the life of a container arrives with its fields",
  () => {
    using state = new Plugin().init('{"statefile": ""}');
    using instance = state.open(dockerd.address);
    expect(state.error).toBe("");
    const id = dockerd.docker(
      "run",
      "-d",
      "--network",
      "none",
      "--name",
      "life",
      "--label",
      "tier=web",
      "bb:1",
      "sleep",
      "60",
    );
    dockerd.docker("exec", "life", "sh", "-c", "echo 'quoted \"text\"'");
    dockerd.docker("kill", "--signal", "KILL", "life");
    dockerd.docker("rm", "-f", "life");
    const asked = ["docker.status", "docker.type", "docker.id", "docker.from", "docker.attributes.name"];
    const more = ["docker.attributes.exitcode", "docker.attributes.signal", "docker.scope"];
    const seen: { payload: Record<string, unknown>; values: unknown[] }[] = [];
    while (!seen.some(({ values }) => values[0] === "destroy" && values[4] === "life"))
      for (const event of instance.nextBatch().events)
        seen.push({ payload: JSON.parse(event.payload), values: state.extract(event, [...asked, ...more]) });
    const container = seen.filter(({ values }) => values[1] === "container");
    const of = (status: string) => container.find(({ values }) => String(values[0]).startsWith(status))?.values;
    for (const status of ["create", "start", "kill", "die", "destroy"])
      expect(of(status)?.slice(0, 5)).toEqual([status, "container", id, "bb:1", "life"]);
    expect(of("exec_create")?.[0]).toBe("exec_create: sh -c echo 'quoted \"text\"'");
    expect(of("kill")?.[6]).toBe("9");
    expect(of("die")?.slice(5)).toEqual(["137", undefined, "local"]);
    expect(seen.some(({ values }) => values[1] === "network")).toBe(true);
  },
  60_000,
);

real(
  "docker-plugin --dump prints the rule's lines for a container",
  async () => {
    const format =
      "%evt.time: Debug status=%docker.status from=%docker.from type=%docker.type action=%docker.action name=%docker.attributes.name";
    const dump = Bun.spawn([PROGRAM, "--dump", "--host", dockerd.address, "--output", format], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const errors = dump.stderr.getReader();
    expect(Buffer.from((await errors.read()).value ?? []).toString()).toContain("connected");
    dockerd.docker("run", "--rm", "--network", "none", "--name", "pensive_haibt", "bb:1", "true");
    let text = "";
    for await (const chunk of dump.stdout) {
      text += Buffer.from(chunk).toString();
      if (/status=destroy .* name=pensive_haibt$/m.test(text)) break;
    }
    dump.kill("SIGINT");
    expect(await dump.exited).toBe(0);
    // The stream begins at a whole second: what other tests did in it comes too.
    const lines = text.split("\n").filter((line) => /status=(create|start|die) .* name=pensive_haibt$/.test(line));
    expect(lines.length).toBe(3);
    for (const [i, action] of ["create", "start", "die"].entries())
      expect(lines[i]).toMatch(
        new RegExp(
          `^\\d\\d:\\d\\d:\\d\\d\\.\\d{9}: Debug status=${action} from=bb:1 type=container action=${action} name=pensive_haibt$`,
        ),
      );
  },
  60_000,
);

real(
  "docker-plugin narrows down and looks back in the engine: filters, --since, --until",
  () => {
    dockerd.docker("run", "--rm", "--network", "none", "--name", "told", "--label", "tier=told", "bb:1", "true");
    dockerd.docker("run", "--rm", "--network", "none", "--name", "untold", "bb:1", "true");
    dockerd.docker("volume", "create", "told-too");
    dockerd.docker("volume", "rm", "told-too");
    const told = (...args: string[]): string => {
      const format = "%docker.type %docker.action %docker.attributes.name %docker.actor.id";
      const all = ["--dump", "-H", dockerd.address, "--since", "10m", "--until", "0s", "--output", format, ...args];
      const { exitCode, stdout, stderr } = Bun.spawnSync([PROGRAM, ...all]);
      expect([exitCode, stderr.toString()]).toEqual([0, ""]);
      return stdout.toString().replaceAll(/ [0-9a-f]{64}$/gm, "");
    };
    expect(told("--container", "told", "--action", "start", "--action", "die")).toBe(
      "container start told\ncontainer die told\n",
    );
    expect(told("--label", "tier=told", "--action", "create")).toBe("container create told\n");
    expect(told("--type", "volume", "-f", "volume=told-too")).toBe(
      "volume create <NA> told-too\nvolume destroy <NA> told-too\n",
    );
    expect(told("--image", "bb:1", "--type", "container", "--action", "create")).toContain("container create untold\n");
    expect(told("--type", "node")).toBe("");
  },
  60_000,
);

real(
  "a stream that is narrowed down counts as whole: no loss is told where nothing was lost",
  async () => {
    const format = "%docker.action %docker.attributes.name";
    const args = ["--dump", "-H", dockerd.address, "--container", "narrow", "--since", "0s", "-n", "5", "-o", format];
    const dump = Bun.spawn([PROGRAM, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const errors = dump.stderr.getReader();
    const said = Buffer.from((await errors.read()).value ?? []).toString();
    for (let i = 0; i < 3; i++)
      dockerd.docker("run", "--rm", "--network", "none", "--name", `other${i}`, "bb:1", "true");
    dockerd.docker("run", "--rm", "--network", "none", "--name", "narrow", "bb:1", "true");
    const shown = await new Response(dump.stdout).text();
    expect(shown).toBe("create narrow\nattach narrow\nstart narrow\ndie narrow\ndestroy narrow\n");
    expect(await dump.exited).toBe(0);
    expect(said).toBe(`docker-plugin: connected to ${dockerd.address}; Ctrl-C ends\n`);
  },
  60_000,
);

real(
  "docker-plugin --through finds nothing that differs from the direct way",
  async () => {
    const tool = Bun.spawn([PROGRAM, "--through", "-H", dockerd.address, "--json"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const errors = tool.stderr.getReader();
    expect(Buffer.from((await errors.read()).value ?? []).toString()).toContain("directly and through");
    for (let i = 0; i < 3; i++) {
      dockerd.docker(
        "run",
        "-d",
        "--network",
        "none",
        "--name",
        `both${i}`,
        "--label",
        `a=${i}`,
        "bb:1",
        "sleep",
        "60",
      );
      dockerd.docker("exec", `both${i}`, "true");
      dockerd.docker("rm", "-f", `both${i}`);
    }
    let text = "";
    for await (const chunk of tool.stdout) {
      text += Buffer.from(chunk).toString();
      if (/"docker.action":"destroy".*"both2"/.test(text)) break;
    }
    tool.kill("SIGINT");
    const said = Buffer.from((await errors.read()).value ?? []).toString();
    expect(said).toMatch(/^docker-plugin: \d+ events came through the ABI; nothing differs from the direct way\n$/);
    expect(await tool.exited).toBe(0);
  },
  60_000,
);

real(
  "a network that a running container is connected to, and taken from, shows at once",
  () => {
    using state = new Plugin().init('{"statefile": "", "snapshot": false, "inspecttimeout": 10000}');
    using instance = state.open(dockerd.address);
    dockerd.docker("network", "create", "--internal", "backend");
    dockerd.docker("run", "-d", "--network", "none", "--name", "moving", "bb:1", "sleep", "60");
    dockerd.docker("network", "disconnect", "none", "moving");
    dockerd.docker("network", "connect", "backend", "moving");
    dockerd.docker("rm", "-f", "moving");
    dockerd.docker("network", "rm", "backend");
    const asked = ["docker.action", "docker.container.name", "docker.container.networks"];
    const seen: unknown[][] = [];
    // A stream begins a little before its open: what the test before this one did may come too.
    while (!seen.some(([action, name]) => action === "destroy" && name === "moving"))
      for (const event of instance.nextBatch().events) seen.push(state.extract(event, asked));
    const changes = seen
      .filter(([action, name]) => name === "moving" && /connect/.test(String(action)))
      .map(([action, , networks]) => JSON.stringify([action, networks]));
    // The engine can tell of one disconnect twice. At its end a container keeps its networks.
    expect([...new Set(changes)].map((each) => JSON.parse(each))).toEqual([
      ["connect", ["none"]],
      ["disconnect", null],
      ["connect", ["backend"]],
      ["disconnect", ["backend"]],
    ]);
    expect(seen.find(([action, name]) => action === "destroy" && name === "moving")?.[2]).toEqual(["backend"]);
  },
  60_000,
);

real(
  "it sends what its filters want, by each key that they have",
  () => {
    const cases = [
      [{ label: ["tier=web", "team"] }, ["both"]],
      [{ container: ["bo", "only"] }, ["both", "only"]],
      [{ image: ["bb:1"], event: ["destroy"] }, ["both", "only"]],
      [{ type: ["image"], image: ["filtered"] }, ["tag"]],
      [{ scope: ["local"], type: ["image"] }, ["tag"]],
    ] as const;
    const states = cases.map(([filters]) =>
      new Plugin().init(JSON.stringify({ statefile: "", inspect: false, filters, exclude: { event: ["create"] } })),
    );
    const instances = states.map((state) => state.open(dockerd.address));
    dockerd.docker("create", "--network", "none", "--name", "both", "--label", "tier=web", "--label", "team=x", "bb:1");
    dockerd.docker("create", "--network", "none", "--name", "only", "--label", "tier=web", "bb:1");
    dockerd.docker("tag", "bb:1", "filtered:1");
    for (const name of ["both", "only"]) dockerd.docker("rm", name);
    for (const [i, [, names]] of cases.entries()) {
      const came = instances[i]?.payloads(names.length).map((payload) => JSON.parse(payload));
      expect(came?.map(({ Action, Actor }) => (Action === "tag" ? Action : Actor.Attributes.name))).toEqual([...names]);
    }
    for (const state of states) state.destroy();
  },
  60_000,
);

real(
  "an engine that ends streams its end, when its socket is gone already: all of it arrives",
  async () => {
    const own = await Dockerd.start();
    if (typeof own === "string") throw new Error(own);
    try {
      // More often than the ten seconds of the end, and after the connections of the last ping are gone.
      using state = new Plugin().init('{"statefile": "", "inspect": false, "pinginterval": 1500}');
      using instance = state.open(own.address);
      expect(state.error).toBe("");
      const deaf = ["bb:1", "sh", "-c", "trap '' TERM; while :; do sleep 1; done"];
      for (const name of ["one", "two"]) own.docker("run", "-d", "--network", "none", "--name", name, ...deaf);
      // Who only listens, over a connection of its own, is what counts.
      let heard = "";
      let isOver = false;
      const witness = net.connect(own.socket, () => witness.write("GET /events?since=1 HTTP/1.0\r\n\r\n"));
      witness.on("data", (data) => {
        heard += data;
      });
      witness.on("close", () => {
        isOver = true;
      });
      const came: string[] = [];
      const isStarted = () => came.filter((line) => line.includes('"Action":"start"')).length === 2;
      while (!isStarted()) for (const event of instance.nextBatch().events) came.push(event.payload);
      own.terminate();
      while (!isOver) {
        for (const event of instance.nextBatch().events) came.push(event.payload);
        await Bun.sleep(0);
      }
      const lines = heard.split("\n").filter((line) => line.startsWith("{"));
      // What came before is the making of the image.
      const wanted = lines.slice(lines.findIndex((line) => line.includes('"Action":"create"')));
      came.push(...instance.payloads(Math.max(0, wanted.length - came.length), 5_000));
      const actions = wanted.map((line) => JSON.parse(line).Action);
      expect(actions.filter((action) => action === "kill" || action === "die").length).toBe(6);
      // Two at a time may come to two subscribers in two orders.
      expect(came.filter((line) => !line.includes('"events_lost"')).toSorted()).toEqual(wanted.toSorted());
    } finally {
      await own.stop();
    }
  },
  120_000,
);

real(
  "health checks, commands and labels are told apart from what poses as them",
  () => {
    using state = new Plugin().init('{"statefile": "", "snapshot": false, "inspecttimeout": 10000}');
    using instance = state.open(dockerd.address);
    const labels = ["exitCode=0", "execType=healthcheck", "name=lie", "com.docker.compose.project=shop"];
    dockerd.docker(
      ...["run", "-d", "--network", "none", "--name", "checked", "--health-cmd", "test -f /tmp/ok"],
      ...["--health-interval", "500ms", ...labels.flatMap((label) => ["--label", label])],
      ...["bb:1", "sh", "-c", "c''at /etc/passwd>/dev/null;sleep 60"],
    );
    dockerd.docker("exec", "checked", "/bin/sh", "-c", "test -d /tmp");
    dockerd.docker("exec", "-u", "1", "checked", "/bin/sh", "-c", "test -f /tmp/ok || w\\get${IFS}x || true");
    const asks: Ask[] = [
      ...["docker.action", "docker.exec.healthcheck", "docker.exec.args", "docker.exec.words", "docker.event.forged"],
      ...["docker.container.words", "docker.compose.project", ["docker.container.label", "name"] as const],
    ];
    const seen: Value[][] = [];
    const take = (until: () => boolean) => {
      while (!until())
        for (const event of instance.nextBatch().events) {
          const values = state.extract(event, ["docker.attributes.name", ...asks]);
          expect(state.extract(state.foreign(event.payload), ["docker.attributes.name", ...asks])).toEqual(values);
          if (values[0] === "checked") seen.push(values.slice(1));
        }
    };
    take(() => seen.filter(([action, is]) => action === "exec_die" && is === true).length >= 2);
    dockerd.docker("rm", "-f", "checked");
    take(() => seen.some(([action]) => action === "destroy"));

    for (const values of seen)
      expect(values.slice(5)).toEqual([expect.arrayContaining(["sh", "cat", "/etc/passwd", "sleep"]), "shop", "lie"]);
    const execs = seen.filter(([action]) => String(action).startsWith("exec"));
    for (const [action, is, args = [], words = [], forged] of execs) {
      const [, , script] = args as string[];
      // The label `execType` poses as what a later engine says: what was asked decides.
      expect([action, is]).toEqual([action, script === "test -f /tmp/ok"]);
      expect(forged).toBe(true);
      expect(words).toContain("test");
      if (script?.includes("IFS")) expect(words).toContain("wget");
    }
    expect(new Set(execs.map(([, is]) => is))).toEqual(new Set([true, false]));
    const forged = (name: string) => seen.find(([action]) => action === name)?.[4];
    expect(["create", "start", "die", "destroy"].map(forged)).toEqual([false, false, true, false]);
  },
  60_000,
);
