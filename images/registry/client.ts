/** The registries of the stack's images: digests, manifests, config blobs and tags, within limits and one deadline. */

import { readVerified, statusError } from "./response";
import { digestPass, type Tagged } from "./digests";
import { fetchManifest, type Manifest } from "./manifests";
import type { Registries } from "./origin";
import type { Digest, ImageReference } from "../reference";
import { ExchangeError, RegistryError } from "./errors";
import { RegistrySession } from "./session";
import { listTags } from "./tags";
import { LIMITS, Transport, type Limits, type RequestEvent } from "./transport";

export type { Manifest } from "./manifests";
export type { Registries, RegistrySettings } from "./origin";
export { RegistryError, type RegistryErrorCode } from "./errors";
export type { RequestEvent } from "./transport";

export interface RegistryClientOptions {
  /** Default: every registry over https and without credentials. */
  readonly registries?: Registries;
  /** Everything this client does, counted from its first request, in ms. Default 20 s. */
  readonly deadlineMs?: number;
  /** The limits of the single request, in ms. */
  readonly limits?: Partial<Omit<Limits, "deadlineMs">>;
  /** Ends everything under way with the code `aborted`. */
  readonly signal?: AbortSignal;
  /** Certificates to trust, PEM. Default: Node's own and those of NODE_EXTRA_CA_CERTS. */
  readonly ca?: string;
  /** Called for each request as it is sent, retries and redirects included. */
  readonly onRequest?: (event: RequestEvent) => void;
}

/** What a tag is now, or why that is not known. */
export type Answered = Digest | RegistryError;

/** A config blob is a few KiB; this is no client for layers. */
const MAX_BLOB_BYTES = 4 * 1024 * 1024;

/** Makes no connection before the first call. Every method rejects with a {@link RegistryError}; close it when done. */
export class RegistryClient {
  readonly #registries: Registries;
  readonly #headStartMs: number;
  readonly #transport: Transport;
  readonly #sessions = new Map<string, RegistrySession>();

  constructor(options: RegistryClientOptions = {}) {
    const { registries = {}, deadlineMs, limits, ...rest } = options;
    const all = { ...LIMITS, ...limits, ...(deadlineMs !== undefined && { deadlineMs }) };
    this.#registries = registries;
    this.#headStartMs = all.headStartMs;
    this.#transport = new Transport({ ...rest, limits: all });
  }

  /**
   * Begins to ask all registries at once what the tags of these images are now. Gives what then answers for each of them,
   * failures as values: no image waits for another's answer. One without tag is what its digest says, unasked.
   */
  pass(images: readonly ImageReference[]): (image: ImageReference) => Promise<Answered> {
    const groups = new Map<string, Tagged[]>();
    for (const { registry, repository, tag } of images)
      if (tag !== undefined)
        groups.set(registry, [...(groups.get(registry) ?? []), { repository, tag }]);
    const passes = new Map(
      [...groups].map(([registry, group]) => [
        registry,
        digestPass(this.#session(registry), group, this.#headStartMs),
      ]),
    );
    return async (image) => {
      const { registry, repository, tag, digest } = image;
      const answer = tag === undefined ? digest : await passes.get(registry)?.({ repository, tag });
      if (answer === undefined) throw new TypeError(`${image.name} is not among those asked for`);
      return answer instanceof ExchangeError ? new RegistryError(image, answer) : answer;
    };
  }

  /** The answers of a {@link pass}, in the order of the images, once all are there. */
  digests(images: readonly ImageReference[]): Promise<readonly Answered[]> {
    return Promise.all(images.map(this.pass(images)));
  }

  /** The manifest or index of a digest or a tag; the bytes are those of the digest. A pull, where pulls are counted. */
  manifest(image: ImageReference, digestOrTag: string): Promise<Manifest> {
    return this.#about(image, (session) => fetchManifest(session, image.repository, digestOrTag));
  }

  /** A small blob, as an image's configuration is; the bytes are those of the digest. */
  blob(image: ImageReference, digest: Digest): Promise<Buffer> {
    return this.#about(image, async (session) => {
      const answer = await session.send(image.repository, {
        method: "GET",
        path: `blobs/${digest}`,
        maxBodyBytes: MAX_BLOB_BYTES,
      });
      const said = { answer, text: session.text };
      if (answer.status !== 200) throw statusError(said);
      return readVerified(said, digest);
    });
  }

  /** The tags of the image's repository: what the registry lists on its first 10 pages, at most 10,000. */
  tags(image: ImageReference): Promise<readonly string[]> {
    return this.#about(image, (session) => listTags(session, image.repository));
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

  async #about<T>(
    image: ImageReference,
    ask: (session: RegistrySession) => Promise<T>,
  ): Promise<T> {
    try {
      return await ask(this.#session(image.registry));
    } catch (error) {
      throw error instanceof ExchangeError ? new RegistryError(image, error) : error;
    }
  }
}
