/** The tags of a repository, as far as the registry lists them within the limits. */

import { statusError } from "./response";
import { isTag } from "../reference";
import { ExchangeError } from "./errors";
import type { RegistrySession } from "./session";

const MAX_PAGES = 10;
const MAX_PAGE_BYTES = 1024 * 1024;
const PAGE_SIZE = 1000;
const MAX_TAGS = 10_000;

/** At most 10 pages and 10,000 tags; what comes after them is left out. */
export async function listTags(
  session: RegistrySession,
  repository: string,
): Promise<readonly string[]> {
  const tags = new Set<string>();
  let path: string | undefined = `tags/list?n=${PAGE_SIZE}`;
  for (let page = 0; path !== undefined && page < MAX_PAGES && tags.size < MAX_TAGS; page++) {
    const answer = await session.send(repository, {
      method: "GET",
      path,
      accept: "application/json",
      maxBodyBytes: MAX_PAGE_BYTES,
    });
    if (answer.status !== 200) throw statusError({ answer, text: session.text });
    const listed = readTags(answer.body);
    if (listed === undefined)
      throw new ExchangeError("invalid-answer", `${answer.url.host} answered with no list of tags`);
    for (const tag of listed) tags.add(tag);
    path = nextPage(answer.headers.link);
  }
  return [...tags].slice(0, MAX_TAGS);
}

/** Only what can be a tag; `null` stands for none with some registries. */
function readTags(body: Buffer): readonly string[] | undefined {
  try {
    const { tags } = JSON.parse(body.toString("utf8")) as { tags?: unknown };
    if (tags === null) return [];
    if (!Array.isArray(tags)) return undefined;
    return tags.filter((tag): tag is string => typeof tag === "string" && isTag(tag));
  } catch {
    return undefined;
  }
}

/**
 * Of `Link: </v2/…/tags/list?last=…>; rel="next"` the path with its query alone: the next page is in the same repository,
 * whatever it says. RFC 8288, section 3; each pattern reads the header once, however long and broken it is.
 */
export function nextPage(link: string | undefined): string | undefined {
  const next = [...(link ?? "").matchAll(/<([^<>]*)>([^<]*)/g)].find(([, , parameters = ""]) =>
    /^\s*;\s*rel="?next"?/.test(parameters),
  );
  const query = /\?[^#]*/.exec(next?.[1] ?? "")?.[0];
  return query === undefined ? undefined : `tags/list${query}`;
}
