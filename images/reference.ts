/**
 * Image references: `name:tag`, `name:tag@sha256:…` and `name@sha256:…`. Pure.
 * Grammar: https://github.com/distribution/reference (reference.go).
 */

declare const digestBrand: unique symbol;

/** `sha256:` and 64 lower-case hexadecimal digits, checked by {@link isDigest}. */
export type Digest = string & { readonly [digestBrand]: true };

/** A parsed image reference. */
export interface ImageReference {
  /** The name as written, without tag and digest: `traefik`, `ghcr.io/google/cadvisor`. */
  readonly name: string;
  /** Registry host, with a port unless it is the default: `docker.io`, `ghcr.io`, `127.0.0.1:5000`. */
  readonly registry: string;
  /** Repository in that registry: `library/traefik`. */
  readonly repository: string;
  /** Absent only with a digest. */
  readonly tag?: string;
  readonly digest?: Digest;
}

/** A reference with a digest. Docker then ignores the tag, which only documents the version. */
export interface PinnedImage extends ImageReference {
  readonly digest: Digest;
}

export class ReferenceError extends Error {
  override readonly name = "ReferenceError";
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const TAG = /^\w[\w.-]{0,127}$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const HOST_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const HOST = new RegExp(`^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|\\[[0-9a-f:]+\\])(?::\\d{1,5})?$`);
const MAX_NAME_LENGTH = 255;

const EXPECTED = "expected name:tag, name:tag@sha256:… or name@sha256:…";

/** Whether the text is a well-formed tag. */
export const isTag = (text: string): boolean => TAG.test(text);

export const isDigest = (text: unknown): text is Digest =>
  typeof text === "string" && DIGEST.test(text);

/** Throws a {@link ReferenceError} for a malformed digest. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const [algorithm, hex = ""] = text.split(":", 2);
  if (algorithm !== "sha256")
    throw new ReferenceError(
      `digest ${quote(text)}: expected sha256:, the only supported algorithm`,
    );
  if (hex.length !== 64)
    throw new ReferenceError(
      `digest ${quote(text)}: expected 64 hexadecimal digits, got ${hex.length}`,
    );
  if (/[A-F]/.test(hex))
    throw new ReferenceError(`digest ${quote(text)}: expected lower-case hexadecimal digits`);
  throw new ReferenceError(`digest ${quote(text)}: expected only the digits 0-9 and a-f`);
}

/** Throws a {@link ReferenceError} for a malformed reference, or without tag and digest: `latest` is never implied. */
export function parseReference(text: string): ImageReference {
  const fail = (why: string): never => {
    throw new ReferenceError(`image ${quote(text)}: ${why}`);
  };
  const at = text.indexOf("@");
  // The message does not repeat the text: it may contain a password with an "@".
  if (at !== text.lastIndexOf("@"))
    throw new ReferenceError(`image: has more than one "@", ${EXPECTED}, without credentials`);
  const digest = at === -1 ? undefined : parseDigest(text.slice(at + 1));
  const named = at === -1 ? text : text.slice(0, at);
  // A colon before the last slash separates a port, not a tag.
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  const name = colon === -1 ? named : named.slice(0, colon);
  if (name === "") return fail(EXPECTED);
  // Otherwise this would be a tag of the image library/sha256 on Docker Hub.
  if (name === "sha256") return fail(`is only a digest, ${EXPECTED}`);
  if (tag !== undefined && !isTag(tag)) return fail(`${quote(tag)} is not a valid tag`);
  if (tag === undefined && digest === undefined)
    return fail(`has neither tag nor digest, ${EXPECTED}`);

  const { registry, path } = splitRegistry(name);
  // Docker accepts upper case, but the settings in `registries` would not match.
  if (/[A-Z]/.test(registry)) return fail("the registry must be lower case");
  const port = /:(\d+)$/.exec(registry)?.[1];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535))
    return fail(`port ${port} is not between 1 and 65535`);
  // The URL parser rejects invalid IP addresses: 999.1.1.1, [:::].
  if (!HOST.test(registry) || !URL.canParse(`https://${registry}`))
    return fail(`${quote(registry)} is not a valid registry host`);
  if (/[A-Z]/.test(path)) return fail("the repository must be lower case");
  const bad = path.split("/").find((component) => !PATH_COMPONENT.test(component));
  if (bad !== undefined) return fail(`${quote(bad)} is not valid in a repository name`);
  const repository = registry === DOCKER_HUB && !path.includes("/") ? `library/${path}` : path;
  if (registry.length + 1 + repository.length > MAX_NAME_LENGTH)
    return fail(`the name is longer than ${MAX_NAME_LENGTH} characters`);
  return {
    name,
    registry,
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  };
}

/** The inverse of {@link parseReference}. */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${reference.name}${tag}${digest}`;
}

export const isPinned = (reference: ImageReference): reference is PinnedImage =>
  reference.digest !== undefined;

export const pinTo = (reference: ImageReference, digest: Digest): PinnedImage => ({
  ...reference,
  digest,
});

/** The default registry, for names without a registry host. */
export const DOCKER_HUB = "docker.io";

/** Docker's rule: the first component is a registry host if it contains a dot or a colon, or is `localhost`. */
function splitRegistry(name: string): { registry: string; path: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  if (slash === -1 || !(/[.:]/.test(first) || first === "localhost"))
    return { registry: DOCKER_HUB, path: name };
  const registry = first === "index.docker.io" ? DOCKER_HUB : first;
  return { registry, path: name.slice(slash + 1) };
}

/** Quotes a text for a message, shortened to 120 characters. */
const quote = (text: string): string =>
  JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}...` : text);
