/**
 * What the rules say to ordinary work: an hour of a host that runs ten services, in a few minutes, on a real engine, and
 * among it two attacks. `npm run test:noise [-- ROUNDS]` prints the alerts by rule; a default-on rule of WARNING and above
 * that tells of anything but the attacks is an error.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { itemsOf, type Rule, textOf, writtenOut } from "../../build/rules/file.ts";
import { Dockerd } from "../support/dockerd.ts";
import { lenientEnvironment } from "../support/lenient.ts";
import { Registry } from "../support/registry.ts";
import { captured, missing, Sinsp } from "../support/sinsp.ts";
import { hitsOfAll } from "./evaluate.ts";
import { listened } from "./real.ts";

interface Service {
  readonly name: string;
  readonly image: string;
  readonly options?: readonly string[];
  /** What it runs, after `sleep 600 ||`: the words are there, and nothing happens. */
  readonly script: string;
  readonly health?: string;
  /** What an operator or a job executes in it. */
  readonly execs: readonly (readonly string[])[];
}

/** A host of ten services with the agents that such hosts have. */
const SERVICES: readonly Service[] = [
  {
    name: "proxy",
    image: "traefik:v3.1",
    options: ["-v", "SOCKET:/var/run/docker.sock:ro", "--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE"],
    script: "traefik --providers.docker=true --entrypoints.web.address=:80",
    health: "traefik healthcheck --ping",
    execs: [["traefik", "version"]],
  },
  {
    name: "web",
    image: "nginx:1.27",
    options: [
      "--read-only",
      "--tmpfs",
      "/tmp",
      "-v",
      "static:/usr/share/nginx/html",
      "-v",
      "/etc/localtime:/etc/localtime:ro",
    ],
    script: "/docker-entrypoint.sh nginx -g 'daemon off;'",
    health: "curl -fsS http://localhost/healthz || exit 1",
    execs: [
      ["nginx", "-t"],
      ["nginx", "-s", "reload"],
      ["cat", "/etc/nginx/nginx.conf"],
      ["sh", "-c", "tail -n 5 /var/log/nginx/access.log | grep -v 200 | sort | uniq -c"],
    ],
  },
  {
    name: "app",
    image: "REGISTRY/acme/app:2.4.1",
    options: ["--user", "1000:1000", "--memory", "64m", "--security-opt", "no-new-privileges"],
    script: "node --enable-source-maps server.js",
    health: "wget -qO- http://127.0.0.1:3000/health | grep -q ok",
    execs: [["node", "-e", "1"], ["sh", "-c", "npm run migrate -- --env production"], ["ps", "aux"], ["env"]],
  },
  {
    name: "worker",
    image: "REGISTRY/acme/app:2.4.1",
    options: ["--user", "1000:1000", "--restart", "unless-stopped"],
    script: "python -m celery -A acme worker --loglevel=INFO --concurrency=4",
    health: "python -m celery -A acme inspect ping",
    execs: [["python", "manage.py", "clearsessions"]],
  },
  {
    name: "db",
    image: "postgres:16",
    options: ["-v", "pgdata:/var/lib/postgresql/data", "--shm-size", "128m", "--restart", "always"],
    script: "docker-entrypoint.sh postgres -c shared_buffers=256MB",
    health: "pg_isready -U app -d app",
    execs: [
      ["pg_dump", "-U", "app", "-Fc", "app"],
      ["psql", "-U", "app", "-c", "select count(*) from orders"],
      ["sh", "-c", "pg_dumpall -U app | gzip > /var/lib/postgresql/data/all.sql.gz"],
    ],
  },
  {
    name: "cache",
    image: "redis:7-alpine",
    options: ["-v", "redis:/data", "--sysctl", "net.core.somaxconn=512"],
    script: "redis-server --save 60 1 --loglevel warning",
    health: "redis-cli ping | grep PONG",
    execs: [
      ["redis-cli", "info"],
      ["redis-cli", "bgsave"],
    ],
  },
  {
    name: "certbot",
    image: "certbot/certbot:v2.11.0",
    options: ["-v", "certs:/etc/letsencrypt"],
    script: "trap exit TERM; while :; do certbot renew; sleep 12h & wait $!; done",
    execs: [["certbot", "certificates"]],
  },
  {
    name: "node-exporter",
    image: "prom/node-exporter:v1.8.2",
    options: ["--pid", "host", "-v", "/:/host:ro"],
    script: "/bin/node_exporter --path.rootfs=/host",
    execs: [],
  },
  {
    name: "logs",
    image: "grafana/promtail:3.1.0",
    options: ["-v", "/var/log:/var/log:ro", "-v", "SOCKET:/var/run/docker.sock"],
    script: "/usr/bin/promtail -config.file=/etc/promtail/config.yml",
    health: "nc -z 127.0.0.1 9080",
    execs: [["ls", "/var/log"]],
  },
  {
    name: "vpn",
    image: "linuxserver/wireguard:1.0.20210914",
    options: ["--cap-add", "NET_ADMIN", "-v", "/lib/modules:/lib/modules:ro", "--device", "/dev/null:/dev/net/tun"],
    script: "/init",
    execs: [["sh", "-c", "wg show | head -3"]],
  },
];

const ROUNDS = Number(Bun.argv[2] ?? 3);
const config = { statefile: "", inspecttimeout: 10_000 };

/** The attacks among it, by the rule that has to tell of each. */
const PLANTED: Record<string, (docker: Dockerd["docker"]) => void> = {
  "Host Root Mounted in Container": (docker) =>
    docker("run", "--rm", "--network", "none", "-v", "/:/mnt:ro", "--name", "planted-root", "alpine", "true"),
  "Credential File Read in Container": (docker) => docker("exec", "web", "sh", "-c", "true || cat /etc/shadow"),
};

async function work(engine: Dockerd, registry: Registry): Promise<void> {
  const docker: Dockerd["docker"] = (...args) => engine.docker(...args);
  const attempt: Dockerd["docker"] = (...args) => {
    try {
      return docker(...args);
    } catch (error) {
      return String(error);
    }
  };
  const filled = (text: string): string => text.replace("SOCKET", engine.socket).replace("REGISTRY", registry.name);
  const labels = (service: string) =>
    ["project=acme", `service=${service}`].flatMap((label) => ["--label", `com.docker.compose.${label}`]);
  const context = join(engine.folder, "context");
  mkdirSync(context, { recursive: true });
  for (let round = 0; round < ROUNDS; round++) {
    // A build, as CI does it, and what it brings to the registry and from there to the host.
    writeFileSync(
      join(context, "Dockerfile"),
      `FROM bb:1\nRUN echo ${round} > /built && chmod +x /built\nCMD ["sh"]\n`,
    );
    docker("build", "-q", "-t", `${registry.name}/acme/app:2.4.1`, context);
    docker("push", `${registry.name}/acme/app:2.4.1`);
    docker("rmi", `${registry.name}/acme/app:2.4.1`);
    docker("pull", `${registry.name}/acme/app:2.4.1`);
    // Up.
    docker("network", "create", "--internal", "--label", "com.docker.compose.project=acme", "backend");
    for (const { name, image, options = [], script, health } of SERVICES) {
      if (!image.startsWith("REGISTRY")) docker("tag", "bb:1", image);
      const check = health === undefined ? [] : ["--health-cmd", `true || ${health}`, "--health-interval", "1s"];
      const command = ["sh", "-c", `sleep 600 || ${script}`];
      docker(
        "run",
        "-d",
        "--name",
        name,
        "--network",
        "none",
        ...labels(name),
        ...options.map(filled),
        ...check,
        filled(image),
        ...command,
      );
    }
    docker("network", "disconnect", "none", "app");
    docker("network", "connect", "backend", "app");
    // A day's work.
    for (const { name, execs } of SERVICES) {
      for (const command of execs) attempt("exec", name, ...command);
      docker("logs", "--tail", "5", name);
    }
    attempt("exec", "-t", "web", "sh", "-c", "ls /usr/share/nginx/html; exit");
    docker("cp", `${context}/Dockerfile`, "db:/tmp/note");
    docker("cp", "db:/bin/busybox", join(engine.folder, "copied"));
    docker("restart", "-t", "0", "cache");
    docker("update", "--memory", "96m", "--memory-swap", "-1", "app");
    docker(
      "run",
      "--rm",
      "--network",
      "none",
      "-v",
      "pgdata:/data:ro",
      "-v",
      "/srv/backup:/backup",
      "bb:1",
      "sh",
      "-c",
      "tar czf /backup/db.tgz -C /data .",
    );
    docker("stats", "--no-stream", "--format", "{{.Name}}");
    attempt("top", "db");
    if (round === 0) {
      docker("tag", "bb:1", "alpine");
      for (const plant of Object.values(PLANTED)) plant(docker);
    }
    // Health checks go on for a while.
    await Bun.sleep(5_000);
    // Down, and what the night cleans up.
    docker("stop", "-t", "0", ...SERVICES.map(({ name }) => name));
    docker("rm", ...SERVICES.map(({ name }) => name));
    docker("network", "rm", "backend");
    docker("container", "prune", "-f");
    docker("image", "prune", "-f");
    docker("volume", "prune", "-f");
    docker("builder", "prune", "-f");
  }
}

async function main(): Promise<number> {
  Sinsp.runMs = ROUNDS * 10 * 60_000;
  if (missing !== undefined) {
    console.error(missing);
    return 2;
  }
  using registry = await Registry.start();
  const engine = await Dockerd.start([], lenientEnvironment());
  if (typeof engine === "string") {
    console.error(engine);
    return 2;
  }
  const file = join(engine.folder, "noise.scap");
  const began = performance.now();
  try {
    {
      await using writing = new Sinsp(config, "-I", `docker:${engine.address}`, "-q", "-w", file);
      await listened(engine, [writing]);
      await work(engine, registry);
      await using last = new Sinsp(
        config,
        "-I",
        `docker:${engine.address}`,
        "-p",
        "%docker.attributes.name",
        "docker.action = tag",
      );
      await listened(engine, [writing, last]);
      for (let i = 0; i < 20; i++) engine.docker("tag", "bb:1", `last:${i}`);
      await last.line((line) => line === "last:19");
      writing.kill("SIGINT");
      await writing.end;
    }
    const minutes = ((performance.now() - began) / 60_000).toFixed(1);
    const rules = writtenOut(itemsOf(textOf("docker_rules.yaml"))).filter(({ enabled }) => enabled !== false);
    return await tell(rules, file, minutes);
  } finally {
    await engine.stop();
  }
}

/** Prints the alerts by rule. */
async function tell(rules: readonly Rule[], file: string, minutes: string): Promise<number> {
  const events = captured(file);
  const kinds = Map.groupBy(events, ({ payload }) => {
    const { Type, Action } = JSON.parse(payload) as { Type: string; Action: string };
    return `${Type} ${Action.replace(/:.*/s, "")}`;
  });
  console.log(`${events.length} events in ${minutes} minutes, ${ROUNDS} rounds`);
  console.log(
    [...kinds]
      .map(([kind, { length }]) => `${kind} ${length}`)
      .sort()
      .join(", "),
  );
  const hits = await hitsOfAll(rules, file, config);
  let faults = 0;
  for (const { rule, priority } of rules) {
    const own = hits.get(rule) ?? [];
    const isLoud = priority === "WARNING" || priority === "CRITICAL";
    const planted = rule in PLANTED ? 1 : 0;
    if (isLoud && own.length !== planted) faults++;
    if (own.length > 0 || planted > 0 || !isLoud)
      console.log(
        `${String(own.length).padStart(6)}  ${priority.padEnd(8)}  ${rule}${planted > 0 ? " (1 planted)" : ""}`,
      );
    if (isLoud && own.length !== planted) for (const { output } of own) console.log(`            ${output}`);
  }
  const loud = rules.filter(({ priority }) => priority === "WARNING" || priority === "CRITICAL").length;
  console.log(
    `${loud} rules of WARNING and above: ${faults === 0 ? "nothing beside what was planted" : `${faults} tell of ordinary work`}`,
  );
  return faults === 0 ? 0 : 1;
}

process.exit(await main());
