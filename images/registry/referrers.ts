/**
 * The referrers API: what was attached to a digest.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
import { z } from "zod";

import { isDigest, type Digest } from "../reference";
import { ExchangeError } from "./errors";
import { OCI_INDEX } from "./manifests";
import { fetchPages } from "./pages";
import { statusError } from "./response";
import type { RegistrySession } from "./session";

export interface Referrers {
  /** Whether the registry has this API. If not, clients store the list under the tag `sha256-<hex>`. */
  readonly offered: boolean;
  /** The digests of the manifests that refer to the image, in the registry's order, without malformed entries. */
  readonly digests: readonly Digest[];
  /** Whether the list is all that the registry has, and not only its first pages. */
  readonly complete: boolean;
}

const MAX_PAGES = 4;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/** Statuses of registries without this API. A redirect leads to web pages at some of them. */
const isNotOffered = (status: number): boolean =>
  [400, 404, 405, 501].includes(status) || (status >= 300 && status <= 399);

export async function fetchReferrers(
  session: RegistrySession,
  repository: string,
  digest: Digest,
): Promise<Referrers> {
  const request = {
    path: `referrers/${digest}`,
    accept: OCI_INDEX,
    maxBodyBytes: MAX_PAGE_BYTES,
  };
  const { pages, complete } = await fetchPages(session, repository, request, MAX_PAGES);
  const digests: Digest[] = [];
  for (const page of pages) {
    const type = page.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
    if (isNotOffered(page.status) || (page.status === 200 && type !== OCI_INDEX)) {
      // A first page of the right type shows that the API is there.
      if (page === pages[0]) return { offered: false, digests: [], complete: true };
      return { offered: true, digests, complete: false };
    }
    if (page.status !== 200) throw statusError(page);
    const listed = listedDigests(page.body);
    if (listed === undefined)
      throw new ExchangeError(
        "invalid-answer",
        `${page.url.host} answered the list of signatures with something else than an image index`,
      );
    digests.push(...listed);
  }
  return { offered: true, digests: [...new Set(digests)], complete };
}

const index = z.object({
  manifests: z.array(
    z
      .object({ digest: z.custom<Digest>(isDigest) })
      .optional()
      .catch(undefined),
  ),
});

/** The digests in an image index; `undefined` for anything else. Filters by nothing: registries differ in what they repeat. */
export function listedDigests(bytes: Buffer): readonly Digest[] | undefined {
  try {
    const { manifests } = index.parse(JSON.parse(bytes.toString("utf8")));
    return manifests.flatMap((entry) => entry?.digest ?? []);
  } catch {
    return undefined;
  }
}
