/** The generated start page: what runs, from which image, and under which restrictions. Pure, no script, no request. */
import { ContainerModel } from "../../hardened/model";
import { Controls, Exemption, isRoot } from "../../hardened/policy";
import { DescribedStack } from "../definition";

interface PageService {
  readonly service: string;
  /** `traefik:v3.6.4@sha256:…` */
  readonly image: string;
  readonly since?: string;
  /** Absent for services that no browser reaches. */
  readonly url?: string;
  readonly admin: boolean;
  /** At least one. They run under the same controls, for the same reasons. */
  readonly containers: readonly [ContainerModel, ...ContainerModel[]];
}

/**
 * Where the web server puts in when these files were written: the day is not in the page itself, or it would be another
 * page in every preview. A server that does nothing leaves an empty line.
 */
export const DEPLOYED_MARK = "<!-- deployed -->";

/** The whole page, complete HTML. All texts are escaped. */
export function renderPage({ stack, containers, services: all }: DescribedStack): string {
  const services = all.flatMap((service): PageService[] => {
    const [first, ...others] = containers.filter((one) => one.service === service.service);
    return first === undefined ? [] : [{ ...service, containers: [first, ...others] }];
  });
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
  const plain = services.filter(({ containers: [first] }) => first.exemptions.length === 0).length;
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

function card({ service, image, since, url, containers }: PageService): string {
  const [{ controls, exemptions }] = containers;
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
<div><dt>User</dt><dd>${escape(controls.user)}</dd></div>
<div><dt>Limits</dt><dd>${controls.memoryMiB} MiB, ${controls.cpus} CPU, ${controls.pidsLimit} processes</dd></div>${containerRow(service, containers)}
</dl>
<ul class="badges" aria-label="Restrictions of ${escape(service)}">
${restrictionWords(controls, exemptions)
  .map((words) => `<li>${escape(words)}</li>`)
  .join("\n")}
</ul>${exemptionList(service, exemptions)}
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

/** Most services are one container of the same name. */
const containerRow = (service: string, containers: readonly ContainerModel[]): string => {
  const names = containers.map(({ name }) => name);
  return names.length === 1 && names[0] === service
    ? ""
    : `\n<div><dt>${names.length === 1 ? "Container" : "Containers"}</dt><dd>${names.map(escape).join(", ")}</dd></div>`;
};

const exemptionList = (service: string, exemptions: readonly Exemption[]): string =>
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

/** Restrictions that hold, a few words each. */
function restrictionWords(controls: Controls, exemptions: readonly Exemption[]): string[] {
  const exempt = new Set(exemptions.map(({ control }) => control));
  return [
    ...(exempt.has("user") ? [] : ["not root"]),
    ...(controls.capabilities.length === 0 ? ["no capabilities"] : []),
    ...(controls.readOnlyRootfs ? ["read-only root"] : []),
    ...(controls.noNewPrivileges ? ["no new privileges"] : []),
    ...(controls.healthCheck ? ["health check"] : []),
    ...(exempt.has("outsideNetworks") ? [] : ["no way to the internet"]),
    ...(exempt.has("dockerSocket") ? [] : ["no Docker socket"]),
  ];
}

/** What an exemption allows. Its reason is told beside it. */
function exemptionWords({ control, value }: Exemption): string {
  const list = typeof value === "object" ? value.join(", ") : String(value);
  switch (control) {
    case "user":
      return `runs as ${isRoot(list) ? "root" : list}`;
    case "capabilities":
      return `has ${list}`;
    case "readOnlyRootfs":
      return "may write to its root";
    case "noNewPrivileges":
      return "may gain privileges";
    case "dockerSocket":
      return "uses the Docker socket";
    case "hostPaths":
      return `reads the host's ${list}`;
    case "publishedPorts":
      // The numbers inside: which ones the host publishes them as is the stack's own choice.
      return `opens its ${list.includes(",") ? "ports" : "port"} ${list.replace(/, (?=\d+$)/, " and ")} to the outside`;
    case "outsideNetworks":
      return `leads outside through ${list}`;
    case "environmentSecrets":
      return `has a secret in ${list}`;
    case "healthCheck":
      return "has no health check";
  }
}

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
