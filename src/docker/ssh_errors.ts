/** What `ssh` and the program over there say, in our words. */
import { Trouble } from "./trouble.ts";

interface Known {
  readonly said: RegExp;
  readonly words: string;
  readonly permanent: boolean;
}

/** What OpenSSH (8.4 to 9.9), shells and the Docker CLI (20.10 to 28) say; the first that fits counts. */
const KNOWN: readonly Known[] = [
  {
    said: /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    words: "its host key is another than the one in known_hosts: somebody is in between, or it was installed anew",
    permanent: true,
  },
  {
    said: /Host key verification failed|host key is known for/,
    words: "its host key is not in known_hosts: put it there (ssh-keyscan, and compare it), or set ssh.knownhosts",
    permanent: true,
  },
  {
    said: /bad permissions|UNPROTECTED PRIVATE KEY FILE|are too open/i,
    words: "ssh does not take a key file that others can read: chmod 600 it",
    permanent: true,
  },
  {
    said: /no such identity|Identity file|Load key/i,
    words: "the key of ssh.identityfile cannot be read",
    permanent: true,
  },
  {
    said: /Permission denied \(|Too many authentication failures/,
    words: "it refuses our key: put its public half into authorized_keys of that user there, or set ssh.identityfile",
    permanent: true,
  },
  { said: /Could not resolve hostname/, words: "the host's name is not known", permanent: false },
  { said: /Connection refused/, words: "connection refused; does sshd run there?", permanent: false },
  { said: /timed out|Timeout, server/, words: "it does not answer", permanent: false },
  { said: /No route to host|Network is unreachable/, words: "there is no way to this host", permanent: false },
  {
    said: /docker:? (?:command )?not found|not found: docker|docker: No such file/i,
    words: "there is no program docker over there, whose `docker system dial-stdio` is needed (18.09 or newer)",
    permanent: true,
  },
  {
    said: /is not a docker command|unknown command/,
    words: "the Docker CLI over there is too old: `docker system dial-stdio` is of 18.09",
    permanent: true,
  },
  {
    said: /permission denied while trying to connect|connect: permission denied/i,
    words: "that user may not speak to the engine over there: put it into the group docker",
    permanent: true,
  },
  {
    said: /Cannot connect to the Docker daemon|connect: (?:no such file|connection refused)/i,
    words: "the engine over there does not run, or has another socket: ssh://user@host/path/to/docker.sock",
    permanent: false,
  },
  {
    said: /Bad configuration option|Can't open user config file|bad owner or permissions/i,
    words: "",
    permanent: true,
  },
];

/**
 * @param code with which `ssh` ended; null where a signal did that
 * @param said what it wrote to stderr
 */
export function explainSsh(address: string, code: number | null, said: string): Trouble {
  const known = KNOWN.find((each) => each.said.test(said));
  const lines = said.split("\n").filter((line) => line.trim() !== "");
  const last = lines.at(-1)?.trim() ?? (code === null ? "it was ended" : `it ended with code ${code}`);
  return new Trouble(
    `cannot reach the engine at ${address}: ${known?.words || `ssh: ${last}`}`,
    known?.permanent ?? false,
  );
}
