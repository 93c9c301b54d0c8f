/**
 * A container's networks and ports (moby 29.7.2: api/types/container, network_settings.go, hostconfig.go; nat's PortMap;
 * checked against 20.10.24).
 */
import * as v from "valibot";
import { bool, compact, isMap, type Json, listOf, map, part, text, texts } from "../../base/lenient.ts";

const ports = listOf(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)));

export const networkFacts = {
  /** `none`, `host`, `bridge`, `default`, `container:<id>`, or a network's name. */
  networkMode: text,
  /**
   * `0.0.0.0:8080->80/tcp`, `[::]:8080->80/tcp`; `80/tcp` is exposed only. What a running container has, else what it
   * is to have: then `8080->80/tcp` lets the engine choose the address, and port 0 lets it choose the port.
   */
  ports: texts,
  /** The host's ports that lead into it, ascending; one that the engine is still to choose is missing. */
  hostPorts: ports,
  /** Those of them that are bound to all addresses; before the start also those whose address the engine chooses. */
  publicPorts: ports,
  /** Whether all exposed ports are published. */
  publishAllPorts: bool,
  /** Names of the networks it is connected to. */
  networks: texts,
  /** Its address in the network that `networkMode` names, else in the first one by name; IPv6 where there is no other. */
  ip: text,
} as const;

const networkFactsSchema = v.object(networkFacts);

export type NetworkFacts = Readonly<v.InferOutput<typeof networkFactsSchema>>;

/** `80/tcp` to where it is published; null where it is exposed only. */
const portMap = part(
  v.pipe(
    map,
    v.transform((each) => Object.entries(each)),
    v.array(v.tuple([v.string(), listOf(v.object({ HostIp: text, HostPort: text }))])),
  ),
);

// Not v.record: it leaves out the keys `constructor` and `prototype`, and a network may be called so.
const keys = part(v.pipe(map, v.transform(Object.keys)));

const networkAnswer = v.object({
  State: part(v.object({ Running: bool })),
  Config: part(v.object({ ExposedPorts: keys })),
  HostConfig: part(v.object({ NetworkMode: text, PortBindings: portMap, PublishAllPorts: bool })),
  NetworkSettings: part(v.object({ Ports: portMap, Networks: part(map) })),
});

type NetworkAnswer = v.InferOutput<typeof networkAnswer>;
type PortMap = NonNullable<v.InferOutput<typeof portMap>>;
type PortBinding = NonNullable<PortMap[number][1]>[number];

/** Where a port is published, as `docker ps` writes it. */
function bindingText({ HostIp = "", HostPort = "" }: PortBinding): string {
  const address = HostIp === "" ? "" : `${HostIp.includes(":") ? `[${HostIp}]` : HostIp}:`;
  return `${address}${HostPort === "" ? "0" : HostPort}`;
}

function portTexts(ports: PortMap): string[] {
  return ports.flatMap(([port, bindings = []]) =>
    bindings.length === 0 ? [port] : bindings.map((binding) => `${bindingText(binding)}->${port}`),
  );
}

/** What a container that does not run is to publish. */
function configuredPorts({ Config, HostConfig }: NetworkAnswer): PortMap {
  const chosenByEngine = HostConfig?.PublishAllPorts === true ? [{ HostIp: "", HostPort: "" }] : undefined;
  const exposed = (Config?.ExposedPorts ?? []).map((port) => [port, chosenByEngine] as const);
  return [...new Map([...exposed, ...(HostConfig?.PortBindings ?? [])])];
}

/** Each way to write 0.0.0.0 and ::, and none at all. */
const ALL_ADDRESSES = /^(?:[0:]*:ffff:)?[0:.]*$/i;

const PORT = /^\d{1,5}$/;

/** The host's ports of bindings, ascending. A range (`8000-8010`) leaves the choice to the engine. */
function hostPortsOf(bindings: readonly PortBinding[]): number[] {
  const numbers = bindings.map(({ HostPort = "" }) => (PORT.test(HostPort) ? Number(HostPort) : 0));
  return [...new Set(numbers.filter((port) => port >= 1 && port <= 65_535))].sort((a, b) => a - b);
}

/** What is read of a network that the container is in (network_settings.go, EndpointSettings). */
const endpoint = v.object({ IPAddress: text, GlobalIPv6Address: text });

function ipOf({ HostConfig, NetworkSettings }: NetworkAnswer): string | undefined {
  const networks = Object.entries(NetworkSettings?.Networks ?? {}).filter(([, each]) => isMap(each));
  const first = networks.find(([name]) => name === HostConfig?.NetworkMode);
  // Sorted by name: the engine keeps them in a Go map.
  const others = networks.sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [, each] of first === undefined ? others : [first, ...others]) {
    const { IPAddress, GlobalIPv6Address } = v.parse(endpoint, each);
    const ip = IPAddress || GlobalIPv6Address;
    if (ip) return ip;
  }
  return undefined;
}

/** Reads networks and ports, of the parsed JSON of `GET /containers/{id}/json`. */
export function networkFactsOf(json: Json): NetworkFacts {
  const answer = v.parse(networkAnswer, json);
  // The engine fills NetworkSettings.Ports in when the container starts and empties it when it stops.
  const ports = answer.State?.Running === true ? (answer.NetworkSettings?.Ports ?? []) : configuredPorts(answer);
  const bindings = ports.flatMap(([, each = []]) => each);
  const { Networks: networks } = answer.NetworkSettings ?? {};
  return compact<NetworkFacts>({
    networkMode: answer.HostConfig?.NetworkMode,
    ports: portTexts(ports),
    hostPorts: hostPortsOf(bindings),
    publicPorts: hostPortsOf(bindings.filter(({ HostIp = "" }) => ALL_ADDRESSES.test(HostIp))),
    publishAllPorts: answer.HostConfig?.PublishAllPorts,
    networks: networks === undefined ? undefined : Object.keys(networks),
    ip: ipOf(answer),
  });
}
