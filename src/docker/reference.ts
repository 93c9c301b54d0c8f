/**
 * Image references as `docker pull` resolves them: the grammar and limits of github.com/distribution/reference
 * (regexp.go, reference.go), its defaults for Docker Hub (normalize.go) and the digests that github.com/opencontainers/
 * go-digest knows (algorithm.go).
 */

/** What an image reference names, with Docker Hub's defaults filled in. */
export interface ImageReference {
  /** Host and, where given, port: `docker.io`, `[::1]:5000`. The letter case is kept, as the engine keeps it. */
  readonly registry: string;
  /** The path at the registry, 1 to 255 characters: `library/alpine`. */
  readonly repository: string;
  /** 1 to 128 characters; `latest` where neither a tag nor a digest is given; absent where only a digest is. */
  readonly tag?: string;
  /** `sha256:` (or sha384, sha512) and lower-case hex digits. The engine pulls by it even where a tag stands beside. */
  readonly digest?: string;
}

const HUB = "docker.io";
/** The Hub's name in the time of the v1 registries; the engine still takes one for the other. */
const LEGACY_HUB = "index.docker.io";
const OFFICIAL = "library/";
const DEFAULT_TAG = "latest";

/** Characters. Longer texts are refused unread: a repository, tag and digest at their limits take about 520. */
const TEXT_MAX = 4096;
/** Characters of a repository, `library/` included (reference.go, RepositoryNameTotalLengthMax). */
const REPOSITORY_MAX = 255;

// Each alternative begins with a character that the repeat before it cannot take, so there is one way to match and
// time stays linear in the text.
const HOST_LABEL = "[a-zA-Z0-9]+(?:-+[a-zA-Z0-9]+)*";
const PATH_COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const REGISTRY = new RegExp(`^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const REPOSITORY = new RegExp(`^${PATH_COMPONENT}(?:/${PATH_COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
/** The grammar allows more; go-digest then refuses what is no known algorithm, of another length or in upper case. */
const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/;
const BARE_ID = /^[a-f0-9]{64}$/;

/**
 * Whether a text is the id of an image. `sha256:` marks one in any length: the engine takes a shortened one for an id
 * (dockerd 20.10: `docker create sha256:22c408c7128df` works) and refuses to make a repository of that name. Before a slash it is a registry and its port.
 */
function isImageId(text: string): boolean {
  return (text.startsWith("sha256:") && !text.includes("/")) || BARE_ID.test(text) || DIGEST.test(text);
}

/** Whether what stands before the first slash names a registry and not a part of a repository on Docker Hub. */
function namesRegistry(first: string): boolean {
  return first === "localhost" || /[.:A-Z]/.test(first);
}

/** Splits a name (no tag, no digest) in its registry and repository, neither of them checked yet. */
function splitName(name: string): readonly [registry: string, repository: string] {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const own = namesRegistry(first);
  const registry = !own || first === LEGACY_HUB ? HUB : first;
  const repository = own ? name.slice(slash + 1) : name;
  return [registry, registry === HUB && !repository.includes("/") ? OFFICIAL + repository : repository];
}

function parse(text: string): ImageReference | undefined {
  if (isImageId(text)) return undefined;
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !DIGEST.test(digest)) return undefined;

  const tagged = at < 0 ? text : text.slice(0, at);
  // A colon before the last slash belongs to the registry's port. Without a slash there is no registry: the colon of
  // `localhost:5000` starts a tag.
  const colon = tagged.lastIndexOf(":");
  const hasTag = colon > tagged.lastIndexOf("/");
  const tag = hasTag ? tagged.slice(colon + 1) : digest === undefined ? DEFAULT_TAG : undefined;
  if (tag !== undefined && !TAG.test(tag)) return undefined;

  const [registry, repository] = splitName(hasTag ? tagged.slice(0, colon) : tagged);
  if (repository.length > REPOSITORY_MAX || !REPOSITORY.test(repository) || !REGISTRY.test(registry)) return undefined;
  return Object.freeze({
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  });
}

/** Entries of a generation; two are kept, so at most twice as many answers are remembered. */
const GENERATION = 512;
/** Characters of the longest text that is remembered: with both generations full, the texts take at most 1 MiB. */
const KEY_MAX = 512;

// A map in two generations: what was asked for lately is in the young one or moves there, and when that is full, the
// old one goes as a whole. A hit costs one look-up and writes nothing, unlike in a strict order of use.
let young = new Map<string, ImageReference | null>();
let old = new Map<string, ImageReference | null>();

function remember(text: string, answer: ImageReference | null): void {
  if (young.size >= GENERATION) {
    old = young;
    young = new Map();
  }
  young.set(text, answer);
}

function recall(text: string): ImageReference | null | undefined {
  const answer = young.get(text);
  if (answer !== undefined) return answer;
  const aged = old.get(text);
  if (aged !== undefined) remember(text, aged);
  return aged;
}

/**
 * Parses an image reference as `docker pull` resolves it: `alpine` is `latest` of `library/alpine` at `docker.io`.
 * The answer is frozen and shared by all who ask for the same text.
 *
 * Undefined where the text is none, and for an image's id (64 hex digits, or `sha256:…`): an id is the hash of the
 * image's configuration on this engine, no digest that a registry knows, so there is nothing to tell. A shortened
 * id without `sha256:` cannot be told from a name and is read as one, as the engine's own parser does.
 *
 * One text that distribution's grammar takes is refused here: a first component that only looks like a registry
 * (`foo_bar.com/x`). The grammar finds no registry in it at all, the engine accepts it for a local tag, and a pull of
 * it fails for want of a host (tried on dockerd 20.10).
 */
export function parseReference(text: string): ImageReference | undefined {
  if (text.length > TEXT_MAX) return undefined;
  if (text.length > KEY_MAX) return parse(text);
  const known = recall(text);
  if (known !== undefined) return known ?? undefined;
  const answer = parse(text);
  remember(text, answer ?? null);
  return answer;
}
