import { describe, expect, test } from "bun:test";
import { type ImageReference, parseReference } from "../../../src/docker/reference.ts";

const HEX = "dbcc1c35ac38df41fd2f5e4130b32ffdb93ebae8b3dbe638c23575912276fc9c";
const DIGEST = `sha256:${HEX}`;

function at(registry: string, repository: string, tag?: string, digest?: string): ImageReference {
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

describe("a reference is resolved as docker pull does", () => {
  const repository255 = `${"a/".repeat(127)}a`;
  const cases: [text: string, expected: ImageReference][] = [
    // Docker Hub's defaults.
    ["alpine", at("docker.io", "library/alpine", "latest")],
    ["alpine:3.20", at("docker.io", "library/alpine", "3.20")],
    ["library/alpine", at("docker.io", "library/alpine", "latest")],
    ["docker.io/alpine", at("docker.io", "library/alpine", "latest")],
    ["docker.io/library/alpine:edge", at("docker.io", "library/alpine", "edge")],
    ["index.docker.io/alpine", at("docker.io", "library/alpine", "latest")],
    ["index.docker.io/grafana/loki:2", at("docker.io", "grafana/loki", "2")],
    ["grafana/loki", at("docker.io", "grafana/loki", "latest")],
    ["docker.io/library/foo/bar", at("docker.io", "library/foo/bar", "latest")],
    ["bb:1", at("docker.io", "library/bb", "1")],
    // Digests: by itself there is no tag, beside a tag both are told.
    [`redis@${DIGEST}`, at("docker.io", "library/redis", undefined, DIGEST)],
    [`redis:7@${DIGEST}`, at("docker.io", "library/redis", "7", DIGEST)],
    [`ghcr.io/a/b@${DIGEST}`, at("ghcr.io", "a/b", undefined, DIGEST)],
    [`host:5000/b:t@${DIGEST}`, at("host:5000", "b", "t", DIGEST)],
    [`a@sha384:${"0".repeat(96)}`, at("docker.io", "library/a", undefined, `sha384:${"0".repeat(96)}`)],
    [`a@sha512:${"f".repeat(128)}`, at("docker.io", "library/a", undefined, `sha512:${"f".repeat(128)}`)],
    // What makes the first component a registry.
    ["quay.io/coreos/etcd:v3.5.1", at("quay.io", "coreos/etcd", "v3.5.1")],
    ["localhost/app", at("localhost", "app", "latest")],
    ["localhost:5000/app:1", at("localhost:5000", "app", "1")],
    ["registry:5000/app", at("registry:5000", "app", "latest")],
    ["sha256:5000/app", at("sha256:5000", "app", "latest")],
    ["127.0.0.1:8000/private/moonbase", at("127.0.0.1:8000", "private/moonbase", "latest")],
    ["192.168.0.1/debian", at("192.168.0.1", "debian", "latest")],
    ["[::1]:5000/repo:tag", at("[::1]:5000", "repo", "tag")],
    ["[2001:db8::1]/repo", at("[2001:db8::1]", "repo", "latest")],
    ["xn--n3h.com:18080/foo:xn--n3h.com", at("xn--n3h.com:18080", "foo", "xn--n3h.com")],
    ["FOO/bar", at("FOO", "bar", "latest")],
    ["Docker.io/alpine", at("Docker.io", "alpine", "latest")],
    ["registry/app", at("docker.io", "registry/app", "latest")],
    ["foo_bar/app", at("docker.io", "foo_bar/app", "latest")],
    // Without a slash there is no registry.
    ["localhost", at("docker.io", "library/localhost", "latest")],
    ["localhost:5000", at("docker.io", "library/localhost", "5000")],
    ["test.com:tag", at("docker.io", "library/test.com", "tag")],
    ["foo_bar.com:8080", at("docker.io", "library/foo_bar.com", "8080")],
    // Separators.
    ["a__b/c---d/e.f_g", at("docker.io", "a__b/c---d/e.f_g", "latest")],
    ["d/t", at("docker.io", "d/t", "latest")],
    ["lower:UPPER_.-9", at("docker.io", "library/lower", "UPPER_.-9")],
    ["a:_", at("docker.io", "library/a", "_")],
    // Limits.
    [`ghcr.io/${repository255}:tag`, at("ghcr.io", repository255, "tag")],
    [`a:${"t".repeat(128)}`, at("docker.io", "library/a", "t".repeat(128))],
    // What only resembles an id.
    [HEX.slice(1), at("docker.io", `library/${HEX.slice(1)}`, "latest")],
    [`docker.io/${HEX}`, at("docker.io", `library/${HEX}`, "latest")],
    [`${HEX}:1`, at("docker.io", `library/${HEX}`, "1")],
    ["sha256", at("docker.io", "library/sha256", "latest")],
  ];
  test.each(cases)("%s", (text, expected) => {
    expect(parseReference(text)).toStrictEqual(expected);
  });
});

describe("no reference", () => {
  const cases: [why: string, text: string][] = [
    ["nothing", ""],
    ["a space", " "],
    ["an image's id", DIGEST],
    ["an image's id, bare", HEX],
    ["an image's id, shortened", "sha256:22c408c7128df"],
    ["an id of another algorithm", `sha512:${"0".repeat(128)}`],
    ["a URL", "https://github.com/docker/docker"],
    ["an upper-case repository", "docker/Docker"],
    ["an upper-case name", "Uppercase:tag"],
    ["an upper-case repository at a registry", "test:5000/Uppercase/lowercase:tag"],
    ["only a tag", ":tag"],
    ["only a digest", `@${DIGEST}`],
    ["an empty tag", "alpine:"],
    ["an empty digest", "alpine@"],
    ["two tags", "alpine:1:2"],
    ["two digests", `alpine@${DIGEST}@${DIGEST}`],
    ["a tag after the digest", `alpine@${DIGEST}:1`],
    ["a short digest", "alpine@sha256:ffffffffffffffffffffffffffffffffff"],
    ["an upper-case digest", `alpine@sha256:${HEX.toUpperCase()}`],
    ["an unknown digest", `alpine@md5:${HEX}`],
    ["a tag that starts with a dash", "alpine:-1"],
    ["a tag too long", `a:${"t".repeat(129)}`],
    ["a repository too long", `ghcr.io/${"a/".repeat(127)}aa`],
    ["a repository too long with library/", "a".repeat(248)],
    ["an empty component", "docker///docker"],
    ["no repository", "docker/"],
    ["no registry", "/docker"],
    ["a registry without a repository", "ghcr.io/"],
    ["a dash at the start", "-docker/docker"],
    ["a dash at the end", "docker-/docker"],
    ["two dots", "dock..er/docker"],
    ["mixed separators", "dock_.er/docker"],
    ["three underscores", "dock___er/docker"],
    ["a registry that starts with a dash", "-docker.io/docker/docker"],
    ["a registry with an underscore", "foo_bar.com/x:1"],
    ["a registry with an empty port", "host.example:/x"],
    ["a registry with a port that is none", "host.example:x/x"],
    ["an address without brackets", "fc00::1:5000/debian"],
    ["an address with a zone", "[fe80::1%eth0]:5000/debian"],
    ["an address alone", "[2001:db8::1]:5000"],
    ["a new line at the end", "alpine\n"],
    ["a new line after the digest", `alpine@${DIGEST}\n`],
    ["a zero", "alp\0ine"],
    ["another alphabet", "älpine"],
    ["letters that become ASCII in lower case", "\u212Aube/app"],
    ["a lone surrogate", "\ud800/app"],
  ];
  test.each(cases)("%s", (_, text) => {
    expect(parseReference(text)).toBeUndefined();
  });
});

test("hostile texts take no time", () => {
  const MB = 1024 * 1024;
  const units = ["a", "-", "a-", "a/", "a.", "a_", ":", "@", "[", "A.", "/", "0", "sha256:", `@${DIGEST}`];
  const texts = units.flatMap((unit) =>
    [MB, 4096, 4000, 500].flatMap((length) => {
      const body = unit.repeat(Math.floor(length / unit.length));
      return [body, `${body}!`, `${body}/!`, `a.b/${body}!`, `a:${body}!`];
    }),
  );
  const start = performance.now();
  for (const text of texts) parseReference(text);
  // 280 texts; quadratic time on 4,096 characters would take 16 million steps for each.
  expect(performance.now() - start).toBeLessThan(250);
});

test("a text over 4,096 characters is refused whatever it says", () => {
  const registry = `${"a".repeat(4096 - "/app".length)}`.replace(/^a/, "A");
  expect(parseReference(`${registry}/app`)).toEqual(at(registry, "app", "latest"));
  expect(parseReference(`${registry}a/app`)).toBeUndefined();
});

describe("answers are remembered", () => {
  test("and shared, so they cannot be changed", () => {
    const first = parseReference("ghcr.io/shared/one:1");
    expect(parseReference("ghcr.io/shared/one:1")).toBe(first as ImageReference);
    expect(Object.isFrozen(first)).toBe(true);
    expect(() => Object.assign(first as object, { registry: "evil.example" })).toThrow(TypeError);
  });

  test("while they are asked for, and not without bound", () => {
    const idle = parseReference("ghcr.io/bound/idle:1");
    const busy = parseReference("ghcr.io/bound/busy:1");
    for (let i = 0; i < 4000; i++) {
      expect(parseReference(`ghcr.io/bound/app:${i}`)?.tag).toBe(String(i));
      if (i % 100 === 0) expect(parseReference("ghcr.io/bound/busy:1")).toBe(busy as ImageReference);
    }
    expect(parseReference("ghcr.io/bound/idle:1")).toEqual(idle as ImageReference);
    expect(parseReference("ghcr.io/bound/idle:1")).not.toBe(idle as ImageReference);
  });

  test("unless the text is long", () => {
    const text = `${"long.".repeat(110)}example/app`;
    expect(parseReference(text)).toEqual(at(`${"long.".repeat(110)}example`, "app", "latest"));
    expect(parseReference(text)).not.toBe(parseReference(text) as ImageReference);
  });

  test("refusals too", () => {
    for (let i = 0; i < 3; i++) expect(parseReference("Not A Reference")).toBeUndefined();
  });
});
