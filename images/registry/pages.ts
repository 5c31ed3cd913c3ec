/**
 * Responses in several pages, linked by `Link: <…>; rel="next"` (RFC 8288). Only links to the same path of the same registry
 * are followed.
 */
import { ExchangeError } from "./errors";
import type { RegistryResponse } from "./response";
import type { RepositoryRequest, RegistrySession } from "./session";

/**
 * All pages of a request, or only the first if it is not a 200.
 * @param path below `/v2/<repository>/`, with the query of the first page
 */
export async function fetchPages(
  session: RegistrySession,
  repository: string,
  { path, ...request }: Omit<RepositoryRequest, "method" | "redirects">,
  maxPages: number,
): Promise<{ readonly pages: readonly RegistryResponse[]; readonly complete: boolean }> {
  const pages: RegistryResponse[] = [];
  const [own = ""] = path.split("?", 1);
  for (let next: string | undefined = path; next !== undefined;) {
    if (pages.length === maxPages) return { pages, complete: false };
    const response = await session.send(repository, {
      method: "GET",
      path: next,
      redirects: "stop",
      ...request,
    });
    pages.push(response);
    if (response.status !== 200) break;
    const query = nextQuery(response, `/v2/${repository}/${own}`);
    next = query === undefined ? undefined : `${own}${query}`;
  }
  return { pages, complete: true };
}

function nextQuery({ headers, url, redactor }: RegistryResponse, own: string): string | undefined {
  const link = headers.link;
  if (link === undefined) return undefined;
  const target = /^\s*<([^<>]{1,2048})>\s*;(?:[^,]*;)?\s*rel="?next"?\s*(?:;|,|$)/i.exec(link)?.[1];
  if (target === undefined) return undefined;
  const parsed = URL.canParse(target, url.href) ? new URL(target, url.href) : undefined;
  if (parsed?.origin === url.origin && parsed.pathname === own) return parsed.search;
  throw new ExchangeError(
    "refused",
    `${url.host} links to ${redactor.quote(target)} as the next page, which is not followed: it is another place than that of the first page`,
  );
}
