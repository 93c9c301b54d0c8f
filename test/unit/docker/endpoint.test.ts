/** Which engine is meant, by what a person wrote, and what is refused in words. */
import { expect, test } from "bun:test";
import { BadAddress, FALCO, type Reach, resolveEndpoint, resolveEngines } from "../../../src/docker/endpoint.ts";

const host = (DOCKER_HOST: string | undefined) => ({ DOCKER_HOST });

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
  ["https://node", undefined, "https://node:2376"],
  ["https://[fe80::1]:443", undefined, "https://[fe80::1]:443"],
  ["ssh://node", undefined, "ssh://node"],
  ["ssh://me@node:2222/run/user/1000/docker.sock", undefined, "ssh://me@node:2222/run/user/1000/docker.sock"],
  ["ssh://me@[fe80::1]", undefined, "ssh://me@[fe80::1]"],
  ["context://default", "unix:///run/other.sock", "unix:///run/other.sock"],
  ['["unix:///run/a,b.sock"]', undefined, "unix:///run/a,b.sock"],
])("%p with DOCKER_HOST=%p is %s", (text, dockerHost, address) => {
  expect(resolveEndpoint(text, host(dockerHost)).address).toBe(address);
});

test.each([
  ["docker.sock", undefined, 'open_params "docker.sock": not an engine\'s address; expected unix:///path'],
  ["unix://docker.sock", undefined, "a socket's path begins with a slash"],
  [`unix:///${"x".repeat(107)}`, undefined, "at most 107 bytes"],
  ["unix:///run/a\0b", undefined, "no NUL"],
  ["npipe:////./pipe/docker_engine", undefined, "npipe:// is a pipe of Windows, and this plugin runs on Linux"],
  ["fd://", undefined, "fd:// is how an engine is started by systemd"],
  ["file:///recording.jsonl", undefined, "file:// is for a recording"],
  ["tcp://", undefined, "not an engine's address"],
  ["https://", undefined, "not an engine's address"],
  ["tcp://node:99999", undefined, "not an engine's address"],
  ["tcp://me@node", undefined, "not an engine's address"],
  ["tcp://node:2375/path", undefined, "not an engine's address"],
  ["ssh://", undefined, "not an address of ssh"],
  ["ssh://me:secret@node", undefined, "ssh takes no password from an address"],
  ["ssh://node?x=1", undefined, "nothing behind its path"],
  ["ssh://-oProxyCommand=id", undefined, "not a host's name"],
  ["ssh://-l@node", undefined, "not a user's name"],
  ["ssh://node/%zz", undefined, "a percent sign"],
  ["ssh://me@node%20x", undefined, "not a host's name"],
  ["context://", undefined, "not a context's name"],
  ["context://../../x", undefined, "not a context's name"],
  ["", "nonsense", 'DOCKER_HOST "nonsense"'],
  ["/a,/b", undefined, "open_params: 2 engines are named, and here it takes one"],
  [
    "/a,b",
    undefined,
    'open_params "/a,b": "b" is no address; a path with a comma goes into a JSON list: ["/a,b.sock"]',
  ],
  ["/a,tcp://", undefined, 'open_params "tcp://": not an engine\'s address'],
  ["/a,,/b", undefined, "an address in the list is empty"],
  ["/a, /a", undefined, '"/a" is in the list twice'],
  ["/a,unix:///a", undefined, "open_params: the engine at unix:///a is named twice"],
  ["tcp://B:2375,http://b", undefined, "open_params: the engine at tcp://b:2375 is named twice"],
  ["[]", undefined, "not a JSON list of addresses"],
  ["[1]", undefined, "not a JSON list of addresses"],
  ["[/a]", undefined, "not a JSON list of addresses"],
  [Array.from({ length: 65 }, (_, i) => `/${i}`).join(), undefined, "at most 64 engines are watched"],
  ["", "/a,/b", "DOCKER_HOST: 2 engines are named"],
])("%p with DOCKER_HOST=%p is refused", (text, dockerHost, words) => {
  expect(() => resolveEndpoint(text, host(dockerHost))).toThrow(BadAddress);
  expect(() => resolveEndpoint(text, host(dockerHost))).toThrow(words);
});

const addresses = (text: string, reach: Reach = {}) =>
  resolveEngines(text, {}, FALCO, reach).map(({ endpoint, name }) => [endpoint.address, endpoint.asker.setting, name]);

test("several engines, by comma, as a JSON list, or as the setting", () => {
  const two = [
    ["unix:///a", "open_params", undefined],
    ["tcp://b:2375", "open_params", undefined],
  ];
  expect(addresses(" /a , tcp://b ")).toEqual(two);
  expect(addresses('["/a", "tcp://b"]')).toEqual(two);
  expect(addresses("", { engines: [{ address: "/a", name: "first" }, { address: "tcp://b" }] })).toEqual([
    ["unix:///a", "engines[0].address", "first"],
    ["tcp://b:2375", "engines[1].address", undefined],
  ]);
});

test("the setting goes before DOCKER_HOST, and excludes open_params", () => {
  const reach = { engines: [{ address: "/a" }] };
  expect(resolveEndpoint("", host("/other"), FALCO, reach).address).toBe("unix:///a");
  expect(() => addresses("/b", reach)).toThrow('open_params "/b" and the setting engines both name engines: keep one');
  expect(() => addresses("", { engines: [{ address: "x" }] })).toThrow('engines[0].address "x": not an engine');
});

const TLS = { ca: "/ca.pem" };

test.each<[string, Reach, Record<string, string>, string, string]>([
  ["tcp://node", {}, {}, "tcp://node:2375", "http://node:2375"],
  ["tcp://node", { tls: TLS }, {}, "tcp://node:2376", "https://node:2376"],
  ["tcp://node:1", { tls: TLS }, {}, "tcp://node:1", "https://node:1"],
  ["tcp://node", {}, { DOCKER_TLS_VERIFY: "1" }, "tcp://node:2376", "https://node:2376"],
  ["tcp://node", {}, { DOCKER_TLS_VERIFY: "" }, "tcp://node:2375", "http://node:2375"],
  ["tcp://node", {}, { DOCKER_CERT_PATH: "/certs" }, "tcp://node:2375", "http://node:2375"],
  ["/a", { tls: TLS }, { DOCKER_TLS_VERIFY: "1" }, "unix:///a", "http://docker"],
  ["ssh://node", { tls: TLS }, {}, "ssh://node", "http://docker"],
])("TLS: %s with %j and %j is %s", (text, reach, environment, address, origin) => {
  expect(resolveEndpoint(text, environment, FALCO, reach)).toMatchObject({ address, origin });
});

test.each<[string, Reach, string]>([
  ["http://node", { tls: TLS }, "http:// is without TLS, and TLS is asked for"],
  ["", { engines: [{ address: "/a", tls: TLS }] }, 'engines[0].address "/a": TLS is for tcp:// and https://'],
  ["", { engines: [{ address: "ssh://a", tls: TLS }] }, "not for ssh://"],
  ["", { engines: [{ address: "context://prod", tls: TLS }] }, "a context brings its own TLS"],
])("TLS that goes nowhere is refused: %p", (text, reach, words) => {
  expect(() => resolveEndpoint(text, {}, FALCO, reach)).toThrow(words);
});

test("plain TCP beyond this machine is warned of, in words for whoever asked", () => {
  const warnings = (address: string) => resolveEndpoint(address).warnings;
  expect(warnings("tcp://10.0.0.5")).toEqual([
    "the engine at tcp://10.0.0.5:2375 is spoken to without TLS: whoever is on the way reads and says what they like, and " +
      "whoever reaches this port is root on that host; set the setting tls, or DOCKER_TLS_VERIFY with DOCKER_CERT_PATH",
  ]);
  for (const own of ["tcp://127.0.0.1", "tcp://127.3.2.1", "tcp://[::1]", "tcp://localhost", "/run/docker.sock"])
    expect(warnings(own)).toEqual([]);
  expect(resolveEndpoint("tcp://10.0.0.5", {}, FALCO, { tls: TLS }).warnings).toEqual([]);
});
