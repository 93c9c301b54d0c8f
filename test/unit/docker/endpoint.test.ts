import { expect, test } from "bun:test";
import { BadAddress, resolveEndpoint } from "../../../src/docker/endpoint.ts";

test.each([
  ["", undefined, "unix:///var/run/docker.sock"],
  [" ", "", "unix:///var/run/docker.sock"],
  ["", "unix:///run/other.sock", "unix:///run/other.sock"],
  ["unix:///run/mine.sock", "unix:///run/other.sock", "unix:///run/mine.sock"],
  ["/run/docker.sock", undefined, "unix:///run/docker.sock"],
  ["tcp://10.0.0.5:2375", undefined, "tcp://10.0.0.5:2375"],
  ["tcp://10.0.0.5", undefined, "tcp://10.0.0.5:2375"],
  ["tcp://node:80", undefined, "tcp://node:80"],
  ["TCP://[::1]:2375/", undefined, "tcp://[::1]:2375"],
  ["http://localhost:2375", undefined, "tcp://localhost:2375"],
])("%p with DOCKER_HOST=%p is %s", (text, dockerHost, address) => {
  expect(resolveEndpoint(text, dockerHost).address).toBe(address);
});

test.each([
  ["docker.sock", undefined, 'open_params "docker.sock": not an engine\'s address; expected unix:///path'],
  ["unix://docker.sock", undefined, "a socket's path begins with a slash"],
  [`unix:///${"x".repeat(107)}`, undefined, "at most 107 bytes"],
  ["unix:///run/a\0b", undefined, "no NUL"],
  ["ssh://me@node", undefined, "ssh:// is not supported"],
  ["https://node:2376", undefined, "https:// is not supported"],
  ["npipe:////./pipe/docker_engine", undefined, "npipe:// is not supported"],
  ["fd://", undefined, "fd:// is not supported"],
  ["tcp://", undefined, "not an engine's address"],
  ["tcp://node:99999", undefined, "not an engine's address"],
  ["tcp://me@node", undefined, "not an engine's address"],
  ["tcp://node:2375/path", undefined, "not an engine's address"],
  ["", "nonsense", 'DOCKER_HOST "nonsense"'],
])("%p with DOCKER_HOST=%p is refused", (text, dockerHost, words) => {
  expect(() => resolveEndpoint(text, dockerHost)).toThrow(BadAddress);
  expect(() => resolveEndpoint(text, dockerHost)).toThrow(words);
});
