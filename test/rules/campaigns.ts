/** Attacks as they go, one step after the other, with harmless commands in the place of theirs (scenarios.ts). */
import type { Dockerd } from "../support/dockerd.ts";

export interface Campaign {
  readonly name: string;
  /** Its steps; names begin with `id`. */
  readonly run: (docker: (...args: string[]) => string, id: string, engine: Dockerd) => void;
  /** What a person is told of it by rules that are on, in this order. */
  readonly alerts: readonly string[];
}

/** That a command fails, as what it calls is not in the image, makes no difference. */
function tried(docker: (...args: string[]) => string, ...args: string[]): void {
  try {
    docker(...args);
  } catch {}
}

/** `sh -c` of this runs nothing, while a rule sees its words. */
const sh = (script: string): string[] => ["sh", "-c", `true || ${script}`];
const stays = ["bb:1", "sleep", "600"];
const alone = ["--network", "none"];

export const CAMPAIGNS: readonly Campaign[] = [
  {
    name: "the engine's socket is mounted, and used to start a container with the host's root",
    run: (docker, id, engine) => {
      docker("run", "-d", ...alone, "--name", id, "-v", `${engine.socket}:/var/run/docker.sock`, ...stays);
      tried(docker, "exec", id, ...sh("curl --unix-socket /var/run/docker.sock http://d/containers/json"));
      // What the engine is told over the socket it tells as it does everything.
      docker("run", "-d", ...alone, "--name", `${id}-next`, "-v", "/:/host:ro", ...stays);
    },
    alerts: ["Engine Socket Mounted in Container", "Engine Driven from a Container", "Host Root Mounted in Container"],
  },
  {
    name: "privileged, and out of it by nsenter",
    run: (docker, id) => {
      docker("run", "-d", ...alone, "--name", id, "--privileged", "--pid", "host", ...stays);
      tried(docker, "exec", "-t", id, "sh", "-c", "exit");
      tried(docker, "exec", id, ...sh("nsenter -t 1 -m -u -i -n -p -- bash"));
      tried(docker, "exec", id, ...sh("cat /root/.ssh/id_rsa /root/.aws/credentials"));
    },
    alerts: [
      "Powerful Container among Host Processes",
      "Privileged Container Started",
      "Interactive Shell in Container",
      "Container Escape Command",
      "Credential File Read in Container",
    ],
  },
  {
    name: "the host's root, chroot into it, and a job of cron",
    run: (docker, id) => {
      docker("create", ...alone, "--name", id, "-v", "/:/hs:ro", ...stays);
      docker("start", id);
      tried(docker, "exec", id, ...sh("chroot /hs sh -c id"));
      tried(docker, "exec", id, ...sh("echo x >> /hs/etc/cron.d/x"));
      docker("rm", "-f", id);
    },
    alerts: ["Host Root Mounted in Container", "Container Escape Command", "Persistence on the Host from a Container"],
  },
  {
    name: "a miner's image, without limits and for ever",
    run: (docker, id) => {
      const image = "kannix/monero-miner:latest";
      docker("tag", "bb:1", image);
      const mine = "sleep 600 || ./xmrig -o stratum+tcp://10.0.0.1:3333 --donate-level 1";
      docker(
        "run",
        "-d",
        ...alone,
        "--name",
        id,
        "--restart",
        "always",
        "--log-driver",
        "none",
        image,
        "sh",
        "-c",
        mine,
      );
      docker("update", "--cpu-shares", "4096", id);
    },
    alerts: ["Known Malicious Image", "Cryptominer", "Logging Turned Off for Container"],
  },
  {
    name: "docker cp of a job of cron onto the host",
    run: (docker, id) => {
      docker("create", ...alone, "--name", id, "-v", "/etc:/h:ro", ...stays);
      // Read-only, so that the engine refuses it after all: what it tells of is another container's.
      tried(docker, "cp", import.meta.path, `${id}:/h/cron.d/x`);
      docker("create", ...alone, "--name", `${id}-2`, ...stays);
      docker("cp", import.meta.path, `${id}-2:/tmp/x`);
      docker("start", id);
      tried(docker, "exec", id, ...sh("crontab -l; cp /tmp/x /h/cron.d/x"));
    },
    alerts: [
      "Files Copied into Container",
      "Sensitive Host Path Mounted in Container",
      "Persistence on the Host from a Container",
    ],
  },
];
