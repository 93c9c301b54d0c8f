/** An event as a line for a person: when, what, of whom, and what stands out. */
import { printable } from "../../base/text.ts";
import type { Value } from "../../ipc/record_reader.ts";
import type { Kind, Paint } from "../text/style.ts";
import { fit, pad } from "../text/wrap.ts";
import { fieldNamed, type View } from "../view.ts";

const TYPE_WIDTH = 10;
const ACTION_WIDTH = 15;
const NAME_WIDTH = 24;
/** A wide terminal gives a name so much more, and the rest to what follows. */
const NAME_MORE = 16;
/** Of an id so much is shown, as docker does it. */
const ID_SHOWN = 12;

const names = {
  type: "docker.type",
  action: "docker.action",
  container: "docker.container.name",
  name: "docker.attributes.name",
  actor: "docker.actor.id",
  from: "docker.from",
  command: "docker.exec.command",
  execCode: "docker.exec.exitcode",
  code: "docker.attributes.exitcode",
  signal: "docker.attributes.signal",
  health: "docker.health.status",
  privileged: "docker.container.privileged",
  sensitive: "docker.container.sensitivemount",
  pid: "docker.container.pidmode",
  network: "docker.container.networkmode",
  caps: "docker.container.capadd",
  uninspected: "docker.container.uninspected",
  engine: "docker.engine.host",
} as const;
type Name = keyof typeof names;
const known = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, fieldNamed(name)])) as {
  readonly [key in Name]: ReturnType<typeof fieldNamed>;
};

const shortened = (id: string): string => (/^[0-9a-f]{64}$/.test(id) ? id.slice(0, ID_SHOWN) : id);
const withoutDigest = (text: string): string => shortened(text.replace(/^sha256:(?=[0-9a-f]{64}$)/, ""));

/** Actions that a person looks for. */
const KINDS: Readonly<Record<string, Kind>> = {
  die: "warn",
  kill: "warn",
  oom: "bad",
  events_lost: "bad",
  start: "good",
  existing: "dim",
};

type Get = (name: Name) => Value | undefined;

const attributes = fieldNamed("docker.attributes");
/** Types whose updates say in attributes `KEY.new` and `KEY.old` what changed (moby 28.5: daemon/cluster/events.go). */
const CHANGING: ReadonlySet<string> = new Set(["node", "service"]);
const NEW = ".new";

/** What an update changed, as `availability=drain`. */
const changes = (view: View, type: string): string[] =>
  CHANGING.has(type)
    ? view
        .pairs(attributes)
        .filter(([key]) => key.endsWith(NEW))
        .map(([key, value]) => `${key.slice(0, -NEW.length)}=${value}`)
    : [];

/** What else is worth a word, the important first. */
function details(get: Get, paint: Paint, isOfContainer: boolean): string[] {
  const parts: string[] = [];
  const add = (kind: Kind | undefined, text: string) =>
    parts.push(kind === undefined ? printable(text) : paint(kind, printable(text)));
  const set = (name: Name): string | undefined => {
    const value = get(name);
    return value === undefined || value === "" ? undefined : String(value);
  };
  const code = set("execCode") ?? set("code");
  if (code !== undefined) add(code === "0" ? "dim" : "warn", `exit=${code}`);
  const signal = set("signal");
  if (signal !== undefined) add("warn", `signal=${signal}`);
  const health = set("health");
  if (health !== undefined) add(health === "healthy" ? "good" : "warn", health);
  const command = set("command");
  if (command !== undefined) add("strong", command);
  if (get("privileged") === true) add("bad", "privileged");
  if (get("sensitive") === true) add("bad", "sensitive mount");
  if (get("pid") === "host") add("bad", "pid=host");
  if (get("network") === "host") add("warn", "net=host");
  const caps = get("caps");
  if (Array.isArray(caps)) add("warn", caps.join(","));
  const from = set("from");
  if (isOfContainer && from !== undefined) add("dim", withoutDigest(from));
  const uninspected = set("uninspected");
  if (uninspected !== undefined && uninspected !== "off") add("dim", `facts: ${uninspected}`);
  const engine = set("engine");
  if (engine !== undefined) add("dim", `@${engine}`);
  return parts;
}

/** The parts that fit into a width; the last of them cut down. */
function fitted(parts: readonly string[], width: number): string {
  let line = "";
  for (const part of parts) {
    const next = line === "" ? part : `${line}  ${part}`;
    if (Bun.stringWidth(next) > width) {
      const room = width - Bun.stringWidth(line) - (line === "" ? 0 : 2);
      // A part that is cut has lost its colour: the end of that is cut off, too.
      return room < 4 ? line : `${line}${line === "" ? "" : "  "}${fit(Bun.stripANSI(part), room)}`;
    }
    line = next;
  }
  return line;
}

/**
 * The line of an event.
 * @param when what stands in the place of the time
 * @param width columns of the terminal, at which the line is cut; undefined: it is whole
 */
export function compactLine(view: View, when: string, paint: Paint, width: number | undefined): string {
  const get: Get = (name) => view.value(known[name]);
  const type = printable(String(get("type") ?? ""));
  const said = String(get("action") ?? "");
  // What stands behind an exec's or a health check's name is told as a detail.
  const isTold = get("command") !== undefined || get("health") !== undefined;
  const action = printable(isTold ? said.replace(/: .*$/s, "") : said);
  const isContainer = type === "container";
  const named = get("name") ?? get("container") ?? get("actor") ?? "";
  const name = printable(withoutDigest(String(named)));
  const head = `${paint("dim", when)}  ${pad(type, TYPE_WIDTH)}${paint(KINDS[action] ?? "strong", action)}${" ".repeat(Math.max(1, ACTION_WIDTH - Bun.stringWidth(action)))}`;
  const of = get("container");
  const others = isContainer || of === undefined ? [] : [paint("name", printable(String(of)))];
  const changed = changes(view, type).map((change) => paint("strong", printable(change)));
  const parts = [...others, ...changed, ...details(get, paint, isContainer)];
  if (width === undefined) return [`${head}${paint("name", pad(name, NAME_WIDTH))}`, ...parts].join("  ").trimEnd();
  const room = width - Bun.stringWidth(head);
  const nameRoom = Math.min(
    NAME_WIDTH + Math.min(NAME_MORE, Math.max(0, Math.floor((width - 100) / 3))),
    Math.max(8, room - 12),
  );
  const shown = fit(name, nameRoom);
  const line = `${head}${paint("name", pad(shown, nameRoom))}`;
  const left = width - Bun.stringWidth(line) - 2;
  const rest = left < 4 ? "" : fitted(parts, left);
  const whole = rest === "" ? line.trimEnd() : `${line}  ${rest}`;
  // On a terminal that is too narrow for all this.
  return Bun.stringWidth(whole) <= width ? whole : fit(Bun.stripANSI(whole), width);
}
