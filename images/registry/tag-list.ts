/** The tags of a repository. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags */
import { z } from "zod";

import { parseJson } from "../json";
import { isTag } from "../reference";
import { ExchangeError } from "./errors";
import { fetchPages } from "./pages";
import { statusError } from "./response";
import type { RegistrySession } from "./session";

export interface TagList {
  readonly tags: readonly string[];
  /** Whether these are all, and not only the first pages. */
  readonly complete: boolean;
}

/** Registries commonly limit a page to 1000 tags. */
const PAGE_SIZE = 1000;
const MAX_PAGES = 20;
const MAX_PAGE_BYTES = 2 * 1024 * 1024;

const answer = z.object({ tags: z.array(z.string()).nullable() });

export async function fetchTags(session: RegistrySession, repository: string): Promise<TagList> {
  const request = { path: `tags/list?n=${PAGE_SIZE}`, maxBodyBytes: MAX_PAGE_BYTES };
  const { pages, complete } = await fetchPages(session, repository, request, MAX_PAGES);
  const tags = pages.flatMap((page) => {
    if (page.status !== 200) throw statusError(page);
    const parsed = answer.safeParse(parseJson(page.body));
    if (!parsed.success)
      throw new ExchangeError("invalid-answer", `${page.url.host} answered without a list of tags`);
    return (parsed.data.tags ?? []).filter(isTag);
  });
  return { tags: [...new Set(tags)], complete };
}
