/** Fetches digests, manifests and config blobs from any number of registries, with limits and a common deadline. */

import type { Digest, ImageReference } from "../reference";
import { batchLookup, type Tagged } from "./digests";
import { ExchangeError, RegistryError } from "./errors";
import { fetchManifest, type Manifest } from "./manifests";
import type { Registries } from "./origin";
import { fetchReferrers, type Referrers } from "./referrers";
import { statusError, verifiedBody } from "./response";
import { RegistrySession } from "./session";
import { fetchTags, type TagList } from "./tag-list";
import { LIMITS, Transport, type Limits, type RequestEvent } from "./transport";

export type { Manifest } from "./manifests";
export type { Registries, RegistrySettings } from "./origin";
export { RegistryError, type RegistryErrorCode } from "./errors";
export type { RequestEvent } from "./transport";

export interface RegistryClientOptions {
  /** Default: https and no credentials for all registries. */
  readonly registries?: Registries;
  /** Deadline for all requests of this client, in ms from the first request. Default 20 000. */
  readonly deadlineMs?: number;
  /** Limits of a single request, in ms. Default: {@link LIMITS}. */
  readonly limits?: Partial<Omit<Limits, "deadlineMs">>;
  /** Aborts all running requests with the error code `aborted`. */
  readonly signal?: AbortSignal;
  /** Trusted CA certificates, PEM. Default: Node's own and those in NODE_EXTRA_CA_CERTS. */
  readonly ca?: string;
  /** Called before each request, including retries and redirects. */
  readonly onRequest?: (event: RequestEvent) => void;
}

/** The current digest of a tag, or the error of its lookup. */
export type DigestOrError = Digest | RegistryError;

/** Sufficient for config blobs, which have a few KiB. */
const MAX_BLOB_BYTES = 4 * 1024 * 1024;

/** Connects on first use. Methods reject with a {@link RegistryError}. Close the client after use. */
export class RegistryClient {
  readonly #registries: Registries;
  readonly #warmUpMs: number;
  readonly #transport: Transport;
  readonly #sessions = new Map<string, RegistrySession>();

  constructor(options: RegistryClientOptions = {}) {
    const { registries = {}, deadlineMs, limits, ...rest } = options;
    const all = { ...LIMITS, ...limits, ...(deadlineMs !== undefined && { deadlineMs }) };
    this.#registries = registries;
    this.#warmUpMs = all.warmUpMs;
    this.#transport = new Transport({ ...rest, limits: all });
  }

  /**
   * Starts to look up the current digests of the images' tags in all registries in parallel. The returned function waits
   * for one of them; it resolves to errors instead of throwing. An image without a tag resolves to its own digest.
   */
  lookup(images: readonly ImageReference[]): (image: ImageReference) => Promise<DigestOrError> {
    const batches = new Map<string, Tagged[]>();
    for (const { registry, repository, tag } of images)
      if (tag !== undefined)
        batches.set(registry, [...(batches.get(registry) ?? []), { repository, tag }]);
    const lookups = new Map(
      [...batches].map(([registry, batch]) => [
        registry,
        batchLookup(this.#session(registry), batch, this.#warmUpMs),
      ]),
    );
    return async (image) => {
      const { registry, repository, tag, digest } = image;
      const found = tag === undefined ? digest : await lookups.get(registry)?.({ repository, tag });
      if (found === undefined) throw new TypeError(`${image.name} is not part of the lookup`);
      return found instanceof ExchangeError ? new RegistryError(image, found) : found;
    };
  }

  /** The results of a {@link lookup} for all images, in their order. */
  digests(images: readonly ImageReference[]): Promise<readonly DigestOrError[]> {
    return Promise.all(images.map(this.lookup(images)));
  }

  /** The verified manifest or index for a digest or a tag. Docker Hub counts it as a pull. */
  manifest(image: ImageReference, digestOrTag: string): Promise<Manifest> {
    return this.#for(image, (session) => fetchManifest(session, image.repository, digestOrTag));
  }

  /** A verified blob of at most 4 MiB, such as an image configuration. */
  blob(image: ImageReference, digest: Digest): Promise<Buffer> {
    return this.#for(image, async (session) => {
      const response = await session.send(image.repository, {
        method: "GET",
        path: `blobs/${digest}`,
        maxBodyBytes: MAX_BLOB_BYTES,
      });
      if (response.status !== 200) throw statusError(response);
      return verifiedBody(response, digest);
    });
  }

  /**
   * The descriptors' digests in the referrers API's answer for a digest, with what the API is: `offered` or not. Follows no
   * redirect. Rejects if the registry could not tell, for instance with 429 or 500.
   */
  referrers(image: ImageReference, digest: Digest): Promise<Referrers> {
    return this.#for(image, (session) => fetchReferrers(session, image.repository, digest));
  }

  /** A manifest that need not exist: `undefined` for 404. Follows no redirect. */
  manifestIfAny(image: ImageReference, digestOrTag: string): Promise<Manifest | undefined> {
    return this.#for(image, async (session) => {
      try {
        return await fetchManifest(session, image.repository, digestOrTag, "stop");
      } catch (error) {
        if (error instanceof ExchangeError && error.code === "not-found") return undefined;
        throw error;
      }
    });
  }

  /** All tags of the image's repository, at most 20 000, in the registry's order. */
  tags(image: ImageReference): Promise<TagList> {
    return this.#for(image, (session) => fetchTags(session, image.repository));
  }

  /** Closes all connections. */
  close(): void {
    this.#transport.close();
  }

  #session(registry: string): RegistrySession {
    const known = this.#sessions.get(registry);
    if (known !== undefined) return known;
    const session = new RegistrySession(registry, this.#registries, this.#transport);
    this.#sessions.set(registry, session);
    return session;
  }

  async #for<T>(image: ImageReference, run: (session: RegistrySession) => Promise<T>): Promise<T> {
    try {
      return await run(this.#session(image.registry));
    } catch (error) {
      throw error instanceof ExchangeError ? new RegistryError(image, error) : error;
    }
  }
}
