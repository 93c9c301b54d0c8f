/** Captures that an older version made: their payloads have what they hold, and nothing is made up for what they lack. */
import { expect, test } from "bun:test";
import { nameOf } from "../../src/plugin/fields/field.ts";
import { fields } from "../../src/plugin/fields.ts";
import { type Ask, Plugin, type Value } from "../support/host.ts";

const ID = "2".repeat(64);
const EXEC = "e".repeat(64);

/** As it was written before images, volumes, ends and limits were asked about. */
const FALCO =
  '{"inspected":true,"container":{"name":"sockmnt","created":"1795427287695399449","imageId":"sha256:1222cbf602927bcc952cec172583e8f5535471249fcc49e408eb758d2968e2a1","command":["sleep","60"],"user":"","privileged":false,"pidMode":"","ipcMode":"private","utsMode":"","usernsMode":"","networkMode":"none","networks":["none"],"mounts":[{"source":"/srv/dk/docker.sock","destination":"/var/run/docker.sock","mode":"rw","type":"bind"}],"readonlyRootfs":false,"runtime":"runc","restartPolicy":"no","sensitiveMount":true},"exec":{"user":"root","privileged":false,"tty":true,"command":["sh"]}}';
const LINE = `{"status":"exec_start: sh","id":"${ID}","from":"bb:1","Type":"container","Action":"exec_start: sh","Actor":{"ID":"${ID}","Attributes":{"execID":"${EXEC}","image":"bb:1","name":"sockmnt"}},"scope":"local","time":1795427287,"timeNano":1795427287695399449`;

/** What there was to know then, by field. */
const HELD: Record<string, Value> = {
  "docker.container.inspected": true,
  "docker.container.user": "",
  "docker.container.restartpolicy": "no",
  "docker.container.command": "sleep 60",
  "docker.container.image.id": "sha256:1222cbf602927bcc952cec172583e8f5535471249fcc49e408eb758d2968e2a1",
  "docker.container.created": 1795427287695399449n,
  "docker.container.privileged": false,
  "docker.container.pidmode": "",
  "docker.container.ipcmode": "private",
  "docker.container.utsmode": "",
  "docker.container.usernsmode": "",
  "docker.container.readonlyrootfs": false,
  "docker.container.runtime": "runc",
  "docker.container.mounts": ["/srv/dk/docker.sock:/var/run/docker.sock:rw"],
  "docker.container.mount[DESTINATION]": "/srv/dk/docker.sock",
  "docker.container.sensitivemount": true,
  "docker.container.networkmode": "none",
  "docker.container.networks": ["none"],
  "docker.exec.user": "root",
  "docker.exec.privileged": false,
  "docker.exec.tty": true,
  "docker.exec.command": "sh",
};

/** Where a value comes from beside the payload's key `falco`, or is worked out of what that held. */
const OTHERS =
  /^docker\.(?!container\.|exec\.|image\.(?:digests|label|created)|volume\.|network\.|service\.|plugin\.|engine\.)/;
const FROM_THE_EVENT = new Set(["docker.container.id", "docker.container.name", "docker.exec.id"]);
const WORKED_OUT = new Set([
  "docker.container.mountmode[DESTINATION]",
  "docker.container.words",
  "docker.exec.args",
  "docker.exec.healthcheck",
  "docker.exec.words",
]);

test("a payload of an older version has the fields that it holds, and no others of what was asked", () => {
  using state = new Plugin().init('{"statefile": ""}');
  const asks: Ask[] = fields.map(({ name, key }) => (key === undefined ? name : [name, "/var/run/docker.sock"]));
  const values = state.extract(state.foreign(`${LINE},"falco":${FALCO}}`), asks);
  expect(state.error).toBe("");
  const got = Object.fromEntries(
    fields
      .map((field, i) => [nameOf(field), values[i]] as const)
      .filter(([name, value]) => value !== undefined && !OTHERS.test(name))
      .filter(([name]) => !FROM_THE_EVENT.has(name) && !WORKED_OUT.has(name)),
  );
  expect(got).toEqual(HELD);
});
