/** What ssh and the program over there say, told in our words; test/engine/ssh.test.ts has the real ones. */
import { expect, test } from "bun:test";
import { explainSsh } from "../../../src/docker/ssh_errors.ts";

test.each<[number | null, string, RegExp, boolean]>([
  [127, "sh: 1: docker: not found\n", /there is no program docker over there/, true],
  [127, "bash: docker: command not found\n", /there is no program docker over there/, true],
  [1, "docker: 'system dial-stdio' is not a docker command.\n", /the Docker CLI over there is too old/, true],
  [
    1,
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock\n",
    /that user may not speak to the engine over there: put it into the group docker/,
    true,
  ],
  [
    1,
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
    /the engine over there does not run, or has another socket/,
    false,
  ],
  [255, "ssh: connect to host node port 22: Connection timed out\r\n", /: it does not answer$/, false],
  [255, "ssh: connect to host node port 22: No route to host\r\n", /: there is no way to this host$/, false],
  [255, "Welcome\nsomething nobody knows\n\n", /: ssh: something nobody knows$/, false],
  [255, "", /: ssh: it ended with code 255$/, false],
  [null, "", /: ssh: it was ended$/, false],
])("%p %j", (code, said, words, permanent) => {
  const trouble = explainSsh("ssh://node", code, said);
  expect(trouble.message).toStartWith("cannot reach the engine at ssh://node: ");
  expect(trouble.message).toMatch(words);
  expect(trouble.permanent).toBe(permanent);
});
