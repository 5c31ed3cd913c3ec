/** The generated start page: what runs, from which image, and under which restrictions. Pure, no script, no request. */
import { RestrictionRow } from "../../hardened/policy";
import { exemptionWords, restrictionWords } from "./words";

export { STYLE } from "./style";

export interface PageService {
  /** What the page calls it, and the image it runs: `traefik:v3.6.4@sha256:…`. */
  readonly service: string;
  readonly image: string;
  /** The day since which it is this image: `2026-01-31`. Absent where that is not known. */
  readonly since?: string;
  /** Absent for services that no browser reaches. */
  readonly url?: string;
  readonly admin: boolean;
  readonly restrictions: RestrictionRow;
}

export interface Page {
  readonly stack: string;
  readonly services: readonly PageService[];
}

/**
 * Where the web server puts in when these files were written: the day is not in the page itself, or it would be another
 * page in every preview. A server that does nothing leaves an empty line.
 */
export const DEPLOYED_MARK = "<!-- deployed -->";

/** The whole page, complete HTML. All texts are escaped. */
export function renderPage({ stack, services }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(stack)} · services</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
</head>
<body>
<header>
<h1>${escape(stack)}</h1>
<p>${summary(services)}</p>
<p class="deployed">${DEPLOYED_MARK}</p>
</header>
<main>
${groups(services)
  .map(({ id, title, members }) => group(id, title, members))
  .join("\n")}
</main>
<footer>
<p>A check mark is a restriction that holds. An exclamation mark is an exemption, with the reason that was given for it.</p>
</footer>
</body>
</html>
`;
}

function summary(services: readonly PageService[]): string {
  const pinned = services.filter(({ image }) => image.includes("@")).length;
  const plain = services.filter(({ restrictions }) => restrictions.exemptions.length === 0).length;
  const pins =
    pinned === services.length
      ? "all pinned by digest"
      : `${pinned} of ${services.length} pinned by digest`;
  return `${services.length} ${services.length === 1 ? "service" : "services"}, ${pins}, ${plain} of them without any exemption.`;
}

interface Group {
  readonly id: string;
  readonly title: string;
  readonly members: readonly PageService[];
}

function groups(services: readonly PageService[]): Group[] {
  const all = [
    { id: "open", title: "Services", members: services.filter((s) => !isInner(s) && !s.admin) },
    {
      id: "admin",
      title: "Administration",
      members: services.filter((s) => !isInner(s) && s.admin),
    },
    { id: "inner", title: "Behind the scenes", members: services.filter(isInner) },
  ];
  return all.filter(({ members }) => members.length > 0);
}

/** Services that nobody goes to; the homepage is where its reader is already. */
const isInner = ({ service, url }: PageService): boolean =>
  url === undefined || service === "homepage";

const group = (
  id: string,
  title: string,
  members: readonly PageService[],
): string => `<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
<ul class="services">
${members.map(card).join("\n")}
</ul>
</section>`;

function card({ service, image, since, url, restrictions }: PageService): string {
  const { name, tag, digest } = parts(image);
  const title =
    url === undefined || service === "homepage"
      ? escape(service)
      : `<a href="${escape(url)}">${escape(service)}</a>`;
  return `<li>
<div class="title"><h3>${title}</h3>${tag === "" ? "" : `<span class="version">${escape(tag)}</span>`}</div>
<dl>
<div><dt>Image</dt><dd>${escape(name)}</dd></div>
<div><dt>Digest</dt><dd>${digestCell(digest)}</dd></div>${sinceRow(since)}
<div><dt>User</dt><dd>${escape(restrictions.user)}</dd></div>
<div><dt>Limits</dt><dd>${restrictions.memoryMiB} MiB, ${restrictions.cpus} CPU, ${restrictions.pidsLimit} processes</dd></div>${containerRow(restrictions)}
</dl>
<ul class="badges" aria-label="Restrictions of ${escape(service)}">
${restrictionWords(restrictions)
  .map((words) => `<li>${escape(words)}</li>`)
  .join("\n")}
</ul>${exemptionList(service, restrictions)}
</li>`;
}

/** Twelve characters to compare; the whole of it to copy, selected at once by a click. */
function digestCell(digest: string): string {
  if (digest === "") return "not pinned";
  const hash = digest.replace("sha256:", "");
  return `<details><summary><code>${escape(hash.slice(0, 12))}</code></summary><code class="full">${escape(digest)}</code></details>`;
}

const sinceRow = (since: string | undefined): string =>
  since === undefined
    ? ""
    : `\n<div><dt>Since</dt><dd><time datetime="${escape(since)}">${escape(since)}</time></dd></div>`;

/** A service is a container of the same name, as a rule. */
const containerRow = ({ service, containers }: RestrictionRow): string =>
  containers.length === 1 && containers[0] === service
    ? ""
    : `\n<div><dt>${containers.length === 1 ? "Container" : "Containers"}</dt><dd>${containers.map(escape).join(", ")}</dd></div>`;

const exemptionList = (service: string, { exemptions }: RestrictionRow): string =>
  exemptions.length === 0
    ? ""
    : `
<ul class="exemptions" aria-label="Exemptions of ${escape(service)}">
${exemptions
  .map(
    (exemption) =>
      `<li><strong>${escape(exemptionWords(exemption))}</strong> <span>${escape(exemption.reason)}</span></li>`,
  )
  .join("\n")}
</ul>`;

function parts(image: string): { name: string; tag: string; digest: string } {
  const [named = "", digest = ""] = image.split("@", 2);
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  return colon === -1
    ? { name: named, tag: "", digest }
    : { name: named.slice(0, colon), tag: named.slice(colon + 1), digest };
}

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect x="2" y="7" width="12" height="8" rx="2" fill="#1f6f4a"/><path d="M5 7V5a3 3 0 0 1 6 0v2" fill="none" stroke="#1f6f4a" stroke-width="2"/></svg>`;
