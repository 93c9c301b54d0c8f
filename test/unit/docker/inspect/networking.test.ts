import { describe, expect, test } from "bun:test";
import { type NetworkFacts, networkFactsOf } from "../../../../src/docker/inspect/networking.ts";

const running = { State: { Running: true } };
const bindings = {
  "80/tcp": [{ HostIp: "", HostPort: "8080" }],
  "81/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }],
  "82/udp": [{ HostIp: "::1", HostPort: "82" }],
};

describe("ports", () => {
  const cases: [what: string, answer: object, expected: NetworkFacts][] = [
    [
      "before the start",
      {
        State: { Running: false },
        Config: { ExposedPorts: { "80/tcp": {}, "90/tcp": {} } },
        HostConfig: { PortBindings: bindings },
        NetworkSettings: { Ports: {} },
      },
      {
        ports: ["8080->80/tcp", "90/tcp", "127.0.0.1:0->81/tcp", "[::1]:82->82/udp"],
        hostPorts: [82, 8080],
        publicPorts: [8080],
      },
    ],
    [
      "of a running container, asked-for ones notwithstanding",
      {
        ...running,
        Config: { ExposedPorts: { "90/tcp": {} } },
        HostConfig: { PortBindings: { "7/tcp": [{ HostIp: "", HostPort: "7" }] } },
        NetworkSettings: {
          Ports: {
            "80/tcp": [
              { HostIp: "0.0.0.0", HostPort: "8080" },
              { HostIp: "::", HostPort: "8080" },
            ],
            "443/tcp": null,
            "53/udp": [],
          },
        },
      },
      {
        ports: ["0.0.0.0:8080->80/tcp", "[::]:8080->80/tcp", "443/tcp", "53/udp"],
        hostPorts: [8080],
        publicPorts: [8080],
      },
    ],
    ["none in the host's network", { ...running, HostConfig: { PortBindings: bindings } }, {}],
    [
      "all exposed ones are to be published",
      {
        Config: { ExposedPorts: { "80/tcp": {}, "99/tcp": {} } },
        HostConfig: { PublishAllPorts: true, PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "1" }] } },
      },
      { ports: ["1->80/tcp", "0->99/tcp"], hostPorts: [1], publicPorts: [1], publishAllPorts: true },
    ],
    [
      "a range, and what is no port",
      {
        HostConfig: {
          PortBindings: { "1/tcp": ["8000-8010", "65536", "0", "-1", "x", " 5"].map((HostPort) => ({ HostPort })) },
        },
      },
      {
        ports: ["8000-8010->1/tcp", "65536->1/tcp", "0->1/tcp", "-1->1/tcp", "x->1/tcp", " 5->1/tcp"],
      },
    ],
  ];
  test.each(cases)("%s", (_, answer, expected) => {
    expect(networkFactsOf(answer as never)).toStrictEqual(expected);
  });

  test.each(["", "0.0.0.0", "::", "0:0:0:0:0:0:0:0", "::0", "::ffff:0.0.0.0"])("%p is all addresses", (HostIp) => {
    const ports = { HostConfig: { PortBindings: { "1/tcp": [{ HostIp, HostPort: "22" }] } } };
    expect(networkFactsOf(ports).publicPorts).toEqual([22]);
  });

  test.each(["127.0.0.1", "::1", "10.0.0.0", "fe80::", "::ffff:127.0.0.1", "localhost"])("%p is not", (HostIp) => {
    const ports = { HostConfig: { PortBindings: { "1/tcp": [{ HostIp, HostPort: "22" }] } } };
    expect(networkFactsOf(ports)).toMatchObject({ hostPorts: [22] });
    expect(networkFactsOf(ports).publicPorts).toBeUndefined();
  });
});

test("networks with the names of JavaScript's own", () => {
  const Networks = JSON.parse('{"constructor":{},"prototype":null,"__proto__":{},"toString":1}');
  expect(networkFactsOf({ NetworkSettings: { Networks } })).toEqual({
    networks: ["constructor", "prototype", "__proto__", "toString"],
  });
});

describe("the address", () => {
  const b = { IPAddress: "10.0.0.2", GlobalIPv6Address: "fd00::2" };
  const a = { IPAddress: "", GlobalIPv6Address: "fd00::1" };
  const cases: [mode: string, networks: object, ip: string | undefined][] = [
    ["b", { a, b }, "10.0.0.2"],
    ["a", { b, a }, "fd00::1"],
    ["default", { b, a }, "fd00::1"],
    ["none", { none: { IPAddress: "" } }, undefined],
    ["b", { b: null, a }, "fd00::1"],
    ["b", { b: { IPAddress: 5 }, a: 7 }, undefined],
  ];
  test.each(cases)("in %p of %p is %p", (NetworkMode, Networks, ip) => {
    expect(networkFactsOf({ HostConfig: { NetworkMode }, NetworkSettings: { Networks } } as never).ip).toBe(
      ip as string,
    );
  });
});
