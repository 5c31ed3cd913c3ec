/** Digests, manifests and config blobs of images, from any number of registries, within limits and one deadline. */

import type { Digest, ImageReference } from "../reference";
import { batchLookup, type Tagged } from "./digests";
import { ExchangeError, RegistryError } from "./errors";
import { fetchManifest, type Manifest } from "./manifests";
import type { Registries } from "./origin";
import { statusError, verifiedBody } from "./response";
import { RegistrySession } from "./session";
import { LIMITS, Transport, type Limits, type RequestEvent } from "./transport";

export type { Manifest } from "./manifests";
export type { Registries, RegistrySettings } from "./origin";
export { RegistryError, type RegistryErrorCode } from "./errors";
export type { RequestEvent } from "./transport";

export interface RegistryClientOptions {
  /** Default: every registry over https and without credentials. */
  readonly registries?: Registries;
  /** For everything this client does, from its first request, in ms. Default 20 s. */
  readonly deadlineMs?: number;
  /** Limits of a single request, in ms. */
  readonly limits?: Partial<Omit<Limits, "deadlineMs">>;
  /** Ends all running requests with the code `aborted`. */
  readonly signal?: AbortSignal;
  /** Trusted certificates, PEM. Default: Node's own and those of NODE_EXTRA_CA_CERTS. */
  readonly ca?: string;
  /** Called before each request, retries and redirects included. */
  readonly onRequest?: (event: RequestEvent) => void;
}

/** The current digest of a tag, or why it is unknown. */
export type DigestOrError = Digest | RegistryError;

/** A config blob has a few KiB. Layers are out of scope. */
const MAX_BLOB_BYTES = 4 * 1024 * 1024;

/** Connects at the first call. Every method rejects with a {@link RegistryError}; close the client when done. */
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
   * Starts to ask all registries at once for the digests of these images' tags. The returned function gives the result for
   * one of them as soon as it is there; failures are values. An image without a tag has its own digest, unasked.
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

  /** All results of a {@link lookup}, in the order of the images. */
  digests(images: readonly ImageReference[]): Promise<readonly DigestOrError[]> {
    return Promise.all(images.map(this.lookup(images)));
  }

  /** The manifest or index of a digest or a tag, verified. Counts as a pull at Docker Hub. */
  manifest(image: ImageReference, digestOrTag: string): Promise<Manifest> {
    return this.#for(image, (session) => fetchManifest(session, image.repository, digestOrTag));
  }

  /** A blob of at most 4 MiB, such as an image's configuration, verified. */
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

  /** Closes the kept connections. */
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

  async #for<T>(image: ImageReference, ask: (session: RegistrySession) => Promise<T>): Promise<T> {
    try {
      return await ask(this.#session(image.registry));
    } catch (error) {
      throw error instanceof ExchangeError ? new RegistryError(image, error) : error;
    }
  }
}
