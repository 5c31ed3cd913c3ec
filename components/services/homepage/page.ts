/**
 * The two generated pages: names and links for everybody, images and restrictions for administrators. Pure. They have no
 * scripts and load only their CSS.
 */
import { ContainerModel } from "../../hardened/model";
import { Controls, Exemption, isRoot } from "../../hardened/policy";
import { STATUS } from "../backup/saved";
import { DescribedStack } from "../definition";

interface PageService {
  readonly service: string;
  /** `traefik:v3.6.4@sha256:…` */
  readonly image: string;
  readonly since?: string;
  /** Absent for services without an active route. */
  readonly url?: string;
  readonly admin: boolean;
  readonly known?: readonly string[];
  /** At least one. All have the same controls and exemptions. */
  readonly containers: readonly [ContainerModel, ...ContainerModel[]];
}

/**
 * Placeholder that the web server replaces by the time at which the files were written. The page itself must not contain
 * the date: it would then change in every preview. Without replacement it is an invisible HTML comment.
 */
export const DEPLOYED_MARK = "<!-- deployed -->";

/**
 * The start page. It tells a visitor nothing about versions or restrictions.
 *
 * @param details address of {@link renderDetails}; absent if there are no administrators
 */
export function renderPage(described: DescribedStack, details?: string): string {
  const sections = groups(pageServices(described)).filter(({ id }) => id !== INTERNAL);
  return document(
    described.stack,
    "services",
    "",
    sections.length === 0
      ? "<p>This stack has no service with a page of its own.</p>"
      : sections.map((one) => group(one, linkCard)).join("\n"),
    details === undefined
      ? undefined
      : `For administrators: <a href="${escape(details)}">images and restrictions</a>`,
  );
}

/** The page for administrators. */
export function renderDetails(described: DescribedStack): string {
  const services = pageServices(described);
  const hasBackups = services.some(({ service }) => service === "backup");
  return document(
    described.stack,
    "details",
    `<p>${summary(services)}</p>
<p class="deployed">${DEPLOYED_MARK}</p>
<p><a href="/">Start page</a>${hasBackups ? ` · <a href="${STATUS.file}">How old the backups are</a>` : ""}</p>
`,
    groups(services)
      .map((one) => group(one, card))
      .join("\n"),
    "A check mark shows an active restriction. An exclamation mark shows an exemption and its reason.",
  );
}

/** A complete HTML document. All texts from the stack are escaped. */
const document = (
  stack: string,
  page: string,
  lead: string,
  main: string,
  footer: string | undefined,
): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(stack)} · ${page}</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
</head>
<body>
<header>
<h1>${escape(stack)}</h1>
${lead}</header>
<main>
${main}
</main>
${footer === undefined ? "" : `<footer>\n<p>${footer}</p>\n</footer>\n`}</body>
</html>
`;

const pageServices = ({ containers, services }: DescribedStack): PageService[] =>
  services.flatMap((service) => {
    const [first, ...others] = containers.filter((one) => one.service === service.service);
    return first === undefined ? [] : [{ ...service, containers: [first, ...others] }];
  });

function summary(services: readonly PageService[]): string {
  const pinned = services.filter(({ image }) => image.includes("@")).length;
  const plain = services.filter(({ containers: [first] }) => first.exemptions.length === 0).length;
  const pins =
    pinned === services.length
      ? "all pinned by digest"
      : `${pinned} of ${services.length} pinned by digest`;
  return `${services.length} ${services.length === 1 ? "service" : "services"}, ${pins}, ${plain} without exemptions.`;
}

interface Group {
  readonly id: string;
  readonly title: string;
  readonly members: readonly PageService[];
}

/** Services without a link. */
const INTERNAL = "internal";

function groups(services: readonly PageService[]): Group[] {
  const all = [
    { id: "open", title: "Services", members: services.filter((s) => !isInternal(s) && !s.admin) },
    {
      id: "admin",
      title: "Administration",
      members: services.filter((s) => !isInternal(s) && s.admin),
    },
    { id: INTERNAL, title: "Behind the scenes", members: services.filter(isInternal) },
  ];
  return all.filter(({ members }) => members.length > 0);
}

/** Services without a link: those without a URL, and the homepage itself. */
const isInternal = ({ service, url }: PageService): boolean =>
  url === undefined || service === "homepage";

const group = (
  { id, title, members }: Group,
  render: (service: PageService) => string,
): string => `<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
<ul class="services">
${members.map(render).join("\n")}
</ul>
</section>`;

const titleOf = ({ service, url }: PageService): string =>
  url === undefined || service === "homepage"
    ? escape(service)
    : `<a href="${escape(url)}">${escape(service)}</a>`;

const linkCard = (service: PageService): string => `<li>\n<h3>${titleOf(service)}</h3>\n</li>`;

function card(one: PageService): string {
  const { service, image, since, containers, known = [] } = one;
  const [{ controls, exemptions }] = containers;
  const { name, tag, digest } = parts(image);
  return `<li>
<div class="title"><h3>${titleOf(one)}</h3>${tag === "" ? "" : `<span class="version">${escape(tag)}</span>`}</div>
<dl>
<div><dt>Image</dt><dd>${escape(name)}</dd></div>
<div><dt>Digest</dt><dd>${digestCell(digest)}</dd></div>${sinceRow(since)}
<div><dt>User</dt><dd>${escape(controls.user)}</dd></div>
<div><dt>Limits</dt><dd>${controls.memoryMiB} MiB, ${controls.cpus} CPU, ${controls.pidsLimit} processes</dd></div>${containerRow(service, containers)}${knownRow(known)}
</dl>
<ul class="badges" aria-label="Restrictions of ${escape(service)}">
${restrictionLabels(controls, exemptions)
  .map((label) => `<li>${escape(label)}</li>`)
  .join("\n")}
</ul>${exemptionList(service, exemptions)}
</li>`;
}

/** The first 12 digits, and the full digest in a `<details>` element for copying. */
function digestCell(digest: string): string {
  if (digest === "") return "not pinned";
  const hash = digest.replace("sha256:", "");
  return `<details><summary><code>${escape(hash.slice(0, 12))}</code></summary><code class="full">${escape(digest)}</code></details>`;
}

const sinceRow = (since: string | undefined): string =>
  since === undefined
    ? ""
    : `\n<div><dt>Since</dt><dd><time datetime="${escape(since)}">${escape(since)}</time></dd></div>`;

/** Left out for a service with a single container of the same name. */
const containerRow = (service: string, containers: readonly ContainerModel[]): string => {
  const names = containers.map(({ name }) => name);
  return names.length === 1 && names[0] === service
    ? ""
    : `\n<div><dt>${names.length === 1 ? "Container" : "Containers"}</dt><dd>${names.map(escape).join(", ")}</dd></div>`;
};

/** Facts about versions are for administrators only, as the versions themselves. */
const knownRow = (known: readonly string[]): string =>
  known.length === 0 ? "" : `\n<div><dt>Known</dt><dd>${known.map(escape).join("<br>")}</dd></div>`;

const exemptionList = (service: string, exemptions: readonly Exemption[]): string =>
  exemptions.length === 0
    ? ""
    : `
<ul class="exemptions" aria-label="Exemptions of ${escape(service)}">
${exemptions
  .map(
    (exemption) =>
      `<li><strong>${escape(exemptionLabel(exemption))}</strong> <span>${escape(exemption.reason)}</span></li>`,
  )
  .join("\n")}
</ul>`;

/** Short labels of the active restrictions. */
function restrictionLabels(controls: Controls, exemptions: readonly Exemption[]): string[] {
  const exempt = new Set(exemptions.map(({ control }) => control));
  return [
    ...(exempt.has("user") ? [] : ["not root"]),
    ...(controls.capabilities.length === 0 ? ["no capabilities"] : []),
    ...(controls.readOnlyRootfs ? ["read-only root"] : []),
    ...(controls.noNewPrivileges ? ["no new privileges"] : []),
    ...(controls.healthCheck ? ["health check"] : []),
    ...(exempt.has("outsideNetworks") ? [] : ["no internet access"]),
    ...(exempt.has("dockerSocket") ? [] : ["no Docker socket"]),
  ];
}

/** Short description of what an exemption allows. */
function exemptionLabel({ control, value }: Exemption): string {
  const list = typeof value === "object" ? value.join(", ") : String(value);
  switch (control) {
    case "user":
      return `runs as ${isRoot(list) ? "root" : list}`;
    case "capabilities":
      return `has ${list}`;
    case "readOnlyRootfs":
      return "can write to its root file system";
    case "noNewPrivileges":
      return "can gain privileges";
    case "dockerSocket":
      return "uses the Docker socket";
    case "hostPaths":
      return `reads the host's ${list}`;
    case "writableHostPaths":
      return `writes to the host's ${list}`;
    case "devices":
      return `uses the host's ${list}`;
    case "hostCgroups":
      return "reads the use of resources of the whole host";
    case "publishedPorts":
      // Container ports. The published ports depend on the stack's configuration.
      return `publishes ${list.includes(",") ? "ports" : "port"} ${list.replace(/, (?=\d+$)/, " and ")}`;
    case "outsideNetworks":
      return `has internet access through ${list}`;
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
