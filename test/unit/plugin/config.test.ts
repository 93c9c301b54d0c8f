import { expect, test } from "bun:test";
import { readConfig, readDefaults } from "../../../src/plugin/config.ts";

test.each(["", "  \n", "{}", "null"])("%p is an empty configuration: the defaults", (text) => {
  expect(readConfig(text)).toEqual({ config: readDefaults(), warnings: [] });
  expect(readDefaults().flushinterval).toBe(0);
});

test.each([
  ['{"flushinterval": 10}', 10],
  ['{"flushInterval": 10}', 10],
  ['{"FLUSHINTERVAL": 10.0}', 10],
  ['{"flushinterval": 1e2}', 100],
  ['{"flushinterval": null}', 0],
  ['{"flushinterval": 0}', 0],
])("%s: flushinterval is %p", (text, interval) => {
  const result = readConfig(text);
  expect("config" in result && result.config.flushinterval).toBe(interval);
});

test.each([
  ['{"flushinterval": "10"}', 'init_config: flushinterval: expected a number, got the string "10"'],
  ['{"flushInterval": true}', "init_config: flushInterval: expected a number, got the boolean true"],
  ['{"flushinterval": 1.5}', "init_config: flushinterval: expected a whole number, got the number 1.5"],
  ['{"flushinterval": -1}', "init_config: flushinterval: expected at least 0, got the number -1"],
  ['{"flushinterval": 60001}', "init_config: flushinterval: expected at most 60000, got the number 60001"],
  ['{"flushinterval": []}', "init_config: flushinterval: expected a number, got the list []"],
  ['{"statefile": "run/x"}', 'init_config: statefile: expected an absolute path, got the string "run/x"'],
  ['{"inspect": "no"}', 'init_config: inspect: expected a boolean, got the string "no"'],
  [
    '{"loglevel": "loud"}',
    'init_config: loglevel: expected one of critical, error, warning, notice, info, debug, got the string "loud"',
  ],
  ['{"tls": {"ca": "x"}}', 'init_config: tls.ca: expected an absolute path, got the string "x"'],
  ['{"tls": {"cacert": "/x"}}', "init_config: tls.cacert: there is no such key"],
  ['{"engines": [{"name": "x"}]}', 'init_config: engines[0].address: expected the key "address", got nothing'],
  [
    '{"engines": [{"address": "/a"}, {"address": "/b", "TLS": {"KEY": 1}}]}',
    "init_config: engines[1].tls.key: expected a string, got the number 1",
  ],
  ['{"tls": {"ca": "/x", "CA": "/y"}}', 'init_config: tls: "ca" is there twice: keep one'],
  [
    JSON.stringify({ engines: Array.from({ length: 65 }, () => ({ address: "/a" })) }),
    'init_config: engines: expected at most 64 of them, got the list [{"address":"/a"},{"address":"/a"},{"address":"/a"},{"addres…',
  ],
  ['{"filters": {"lable": ["a"]}}', "init_config: filters.lable: there is no such key; did you mean label?"],
  ['{"filters": {"Events": ["a"]}}', "init_config: filters.events: there is no such key; did you mean event?"],
  [
    '{"engines": [{"address": "/a", "exclude": {"colour": ["a"]}}]}',
    "init_config: engines[0].exclude.colour: there is no such key; known are config, container, daemon, event, image, label, network, node, plugin, pod, scope, secret, service, type, volume",
  ],
  ['{"filters": {"type": "container"}}', 'init_config: filters.type: expected a list, got the string "container"'],
  ["[1]", "init_config: expected a map of settings, got the list [1]"],
  ['"x"', 'init_config: expected a map of settings, got the string "x"'],
  [
    '{"flushInterval": 1, "flushinterval": 2}',
    'init_config: "flushInterval" and "flushinterval" are the same key: keep one',
  ],
])("%s is refused in words", (text, error) => {
  expect(readConfig(text)).toEqual({ error });
});

test("what is not JSON is said so", () => {
  const result = readConfig("{flushinterval: 1}");
  expect("error" in result && result.error).toStartWith("init_config is not JSON: ");
});

test("every wrong value is named, not only the first", () => {
  const result = readConfig('{"flushinterval": -1, "queuebytes": "lots"}');
  expect("error" in result && result.error).toContain("flushinterval: expected at least 0");
  expect("error" in result && result.error).toContain('queuebytes: expected a number, got the string "lots"');
});

test("an unknown key is a warning that names the known ones, and the rest holds", () => {
  const result = readConfig('{"flushinteval": 10, "inspect": false}');
  if ("error" in result) throw new Error(result.error);
  expect(result.config.inspect).toBe(false);
  expect(result.warnings).toHaveLength(1);
  expect(result.warnings[0]).toContain('unknown key "flushinteval"');
  expect(result.warnings[0]).toContain("flushinterval");
});

test("what is null in a setting is absent, and the letter case of its keys does not matter", () => {
  const result = readConfig(
    '{"TLS": {"ServerName": "n", "ca": null}, "ssh": {"identityFile": "/id"}, "engines": [{"ADDRESS": "/a", "name": null}]}',
  );
  if ("error" in result) throw new Error(result.error);
  const { tls, ssh, engines } = result.config;
  expect({ tls, ssh, engines }).toEqual({
    tls: { servername: "n" },
    ssh: { identityfile: "/id" },
    engines: [{ address: "/a" }],
  });
});

test("a type that no engine has is a warning, as nothing would come", () => {
  const result = readConfig('{"filters": {"type": ["containers", "image"]}}');
  if ("error" in result) throw new Error(result.error);
  expect(result.warnings).toHaveLength(1);
  expect(result.warnings[0]).toStartWith("init_config: no engine is known to have events of type containers (known: ");
});

test("keys of objects themselves are no settings", () => {
  const result = readConfig('{"__proto__": {"flushinterval": 5}, "constructor": 1, "toString": 2}');
  if ("error" in result) throw new Error(result.error);
  expect(result.config).toEqual(readDefaults());
  expect(result.warnings).toHaveLength(3);
});
