/** The forms of --dump: what each shows is what Falco sees. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnriched } from "../../src/sensor/enrichment.ts";
import { recordedLines } from "../support/recordings.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { run } from "../support/tool.ts";

const DEMO = join(import.meta.dir, "../../src/cli/demo.jsonl");
const demo = readFileSync(DEMO, "utf8").trim().split("\n");

/** A recording of these lines. */
function fileOf(...lines: string[]): string {
  const file = join(temporaryFolder(), "events.jsonl");
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}

test("a line for a person: time, type, action, name and what stands out", () => {
  const { code, out, err } = run(["--dump", "--demo"]);
  expect([code, err]).toEqual([0, ""]);
  const lines = out.trimEnd().split("\n");
  expect(lines.length).toBe(demo.length);
  expect(lines).toContain("09:47:20.342  container start          gracious_elbakyan         013d5baa5abd");
  expect(lines).toContain("09:47:24.120  container exec_start     life                      echo hello world  bb:1");
  expect(lines).toContain("09:47:27.291  container die            life2                     exit=7  bb:1");
  for (const line of lines) expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}\w+ +\S+ +\S/);
});

test("what a container may do stands out, and a network's container has its name", () => {
  const container = { name: "web", privileged: true, sensitiveMount: true, pidMode: "host", capAdd: ["CAP_SYS_ADMIN"] };
  const falco = JSON.stringify({ inspected: true, container });
  const start = `{"Type":"container","Action":"start","Actor":{"ID":"a","Attributes":{"name":"web","image":"bb:1"}},"timeNano":5,"falco":${falco}}`;
  const wire = `{"Type":"network","Action":"connect","Actor":{"ID":"n","Attributes":{"name":"back","container":"a"}},"timeNano":6,"falco":${falco}}`;
  const [first, second] = run(["--replay", fileOf(start, wire)]).out.split("\n");
  expect(first).toMatch(/web +privileged {2}sensitive mount {2}pid=host {2}CAP_SYS_ADMIN {2}bb:1$/);
  expect(second).toMatch(/network +connect +back +web {2}/);
});

test("an update of a node or a service says what changed", () => {
  const of = (type: string, attributes: string) =>
    `{"Type":"${type}","Action":"update","Actor":{"ID":"i","Attributes":{"name":"x",${attributes}}},"timeNano":5}`;
  const node = of("node", '"availability.new":"drain","availability.old":"active","role.new":"manager"');
  const service = of("service", '"image.new":"bb:\\u001b2","image.old":"bb:1"');
  const other = of("container", '"a.new":"a label"');
  const lines = run(["--replay", fileOf(node, service, other)]).out.split("\n");
  expect(lines[0]).toMatch(/ node +update +x +availability=drain {2}role=manager$/);
  expect(lines[1]).toMatch(/ service +update +x +image=bb:\\u001b2$/);
  expect(lines[2]).toMatch(/ container +update +x$/);
});

test("--output is the format and nothing else, with Falco's own fields of an event", () => {
  const format = "%evt.num %evt.time: Debug status=%docker.status from=%docker.from type=%docker.type %evt.source";
  expect(run(["--demo", "--output", format]).out).toContain(
    " 09:47:20.342176513: Debug status=start from=sha256:013d5baa5abdd581c1c90546cee387bd54150fbc076011b7cc6a3ec2ea795270 type=container docker\n",
  );
  const [first] = run(["--demo", "-o", "<%docker.type|%docker.attributes[nothing]|%docker.time>%"]).out.split("\n");
  expect(first).toBe("<image|<NA>|1795427238966794737>%");
  const around = "%toupper(docker.type)) %tolower(toupper(docker.type)) (%docker.type)";
  expect(run(["--demo", "-n", "1", "-o", around]).out).toBe("IMAGE) image (image)\n");
  const [info] = run(["--demo", "-o", "%evt.datetime %evt.rawtime %evt.plugininfo"]).out.split("\n");
  expect(info).toMatch(
    /^2026-11-23 09:47:18\.966794737 1795427238966794737 image tag name=bb:1 id=sha256:\w+ scope=local$/,
  );
});

test("--json has all that the event has, typed, with whole numbers to the last digit", () => {
  const max = "18446744073709550001";
  const falco = `{"inspected":true,"container":{"privileged":false,"capAdd":["CAP_A","CAP_B"],"hostPorts":[22,8080],"mounts":[{"type":"bind","name":"","source":"/","destination":"/host","mode":"rw"}]}}`;
  const attributes = `{"name":"w\\u001b\\u009b\\u202e\\"","exitCode":"137","execID":"x","":"empty"}`;
  const line = `{"Type":"container","Action":"exec_die","Actor":{"ID":"a","Attributes":${attributes}},"timeNano":${max},"falco":${falco}}`;
  const { out } = run(["--replay", fileOf(line), "--json"]);
  expect(out).toContain(`"docker.time":${max},`);
  expect(out).toMatch(/^[\x20-\x7e]+\n$/);
  const json = JSON.parse(out);
  expect(json).toMatchObject({
    "docker.attributes.name": 'w\x1b\x9b\u202e"',
    "docker.attributes": { name: 'w\x1b\x9b\u202e"', exitCode: "137", execID: "x", "": "empty" },
    "docker.exec.exitcode": 137,
    "docker.container.privileged": false,
    "docker.container.capadd": ["CAP_A", "CAP_B"],
    "docker.container.hostports": [22, 8080],
    "docker.container.mount": { "/host": "/" },
  });
  expect("docker.health.status" in json).toBe(false);
});

test("--json of what real engines sent is JSON, line for line", () => {
  const lines = recordedLines();
  const { out } = run(["--replay", fileOf(...lines), "--json"]);
  const objects = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(objects.length).toBe(lines.length);
  const actions = lines.map((line) => parseEnriched(line, "engine").Action);
  expect(objects.map((object) => object["docker.action"])).toEqual(actions);
});

test("--raw is the engine's bytes, without what was added to them", () => {
  expect(run(["--demo", "--raw"]).out).toBe(readFileSync(DEMO, "utf8"));
  const line = `{"Type":"a","Action":"b","Actor":{"ID":"\\u001b[2J é\\u0000","Attributes":{"falco":"{}","x":",\\"falco\\":{}}"}},"timeNano":5`;
  const file = fileOf(`${line}}`, `${line},"falco":{"inspected":true}}`);
  expect(run(["--replay", file, "--raw"]).out).toBe(`${line}}\n`.repeat(2));
});

test("--columns are tabs in a pipe, and `docker.` may be left out", () => {
  const { out } = run(["--demo", "--columns", "docker.time, type,attributes[name],container.privileged"]);
  expect(out.split("\n")[0]).toBe("1795427238966794737\timage\tbb:1\t<NA>");
});

test("--relative is the time since the line before", () => {
  const [first, second] = run(["--demo", "--relative"]).out.split("\n");
  expect(first).toStartWith("     +0.000s  image");
  expect(second).toStartWith("     +0.003s  image");
});

test("--count ends it, and -n is the same", () => {
  expect(run(["--demo", "--count", "3", "--raw"]).out).toBe(`${demo.slice(0, 3).join("\n")}\n`);
  expect(run(["--demo", "-n", "1", "--raw"]).out).toBe(`${demo[0]}\n`);
});
