/** The sections of reports and comparisons, for the formats `table` and `markdown`. Pure. */
import { counted } from "../../text/one-line";
import { Change, ChangeKind, KINDS } from "./changes/change";
import { cisHeadline } from "./cis/cis";
import { onHost } from "./cis/facts";
import { Section, section } from "./print";
import { ContainerView, StackView } from "./view/stack";

export const headline = ({ stack, containers, images, networks, cis }: StackView): string =>
  `stack ${stack}: ${counted(containers.length, "container")} of ${counted(images.length, "image")}, ${counted(networks.length, "network")}, CIS section 5: ${cisHeadline(cis)}`;

/** Where the images are from, and what is known of them. */
function supplySections(supply: StackView["supply"]): Section[] {
  if (supply === undefined) return [];
  return [
    section(
      "Signatures and provenance",
      ["service", "signature", "why", "provenance", "sbom"],
      supply.images.map(({ service, signature, provenanceText, sbomText }) => [
        ...[service, signature.word, signature.text],
        provenanceText === "" ? "none known" : provenanceText,
        sbomText === "" ? "none known" : sbomText.replace(/^SBOM: /, ""),
      ]),
    ),
    section(
      "Known of these versions",
      ["service", "what"],
      [
        ...supply.images.flatMap(({ service, known }) => known.map((line) => [service, line])),
        ...supply.limits.map((line) => ["", line]),
      ],
      "no ended line and no hole that is not accepted",
    ),
  ];
}

export function sections(view: StackView): Section[] {
  const { containers, ingress } = view;
  return [
    section(
      "Images",
      ["service", "registry", "repository", "tag", "digest"],
      view.images.map(({ service, registry, repository, tag, digest }) => [
        service,
        registry,
        repository,
        tag ?? "none",
        digest === undefined ? "not pinned" : shortDigest(digest),
      ]),
    ),
    ...supplySections(view.supply),
    section(
      "Registries over plain HTTP",
      ["registry"],
      view.insecureRegistries.map((host) => [host]),
    ),
    section(
      "Restrictions",
      ["container", "user", "capabilities", "root", "memory", "cpus", "pids", "exempt"],
      containers.map((one) => [
        one.name,
        one.user,
        one.capabilities.join(" ") || "none",
        one.readOnlyRootfs ? "read-only" : "writable",
        `${one.memoryMiB} MiB`,
        String(one.cpus),
        String(one.pidsLimit),
        one.exemptions.map(({ control }) => control).join(", ") || "nothing",
      ]),
    ),
    section(
      "Exemptions",
      ["service", "control", "value", "reason"],
      exemptions(containers),
      "none, everything complies with the policy",
    ),
    section(
      "Ingress",
      ["what", "how"],
      [
        ["TLS", ingress.tls],
        ...given("certificates from", ingress.caServer),
        ...given("DNS records by", ingress.dnsProvider),
        ["administrators", ingress.adminAllow.join(" ") || "no route"],
        ...given("homepage's CSP", ingress.contentSecurityPolicy),
      ],
    ),
    section(
      "Routes",
      ["host", "service", "for"],
      ingress.routes.map((route) => [
        [route.host, ...(route.aliases ?? [])]
          .map((host) => `${host}${route.path ?? ""}`)
          .join(" "),
        route.url === undefined ? route.service : `${route.service}, at ${route.url}`,
        visitors(route),
      ]),
    ),
    ...(ingress.redirects === undefined
      ? []
      : [
          section(
            "Redirects",
            ["host", "to"],
            ingress.redirects.map(({ from, to }) => [from, to]),
          ),
        ]),
    section(
      "Networks",
      ["network", "members", "external"],
      view.networks.map(({ name, members, internal }) => [
        name,
        members.join(" → "),
        internal ? "no" : "yes",
      ]),
    ),
    section(
      "Published ports",
      ["host", "container", "port"],
      view.ports.map((port) => [onHost(port), port.container, `${port.internal}/${port.protocol}`]),
    ),
    section(
      "Volumes",
      ["volume", "role", "owner", "mounted by", "at", "for"],
      view.volumes.flatMap(({ name, role, owner, mounts }) =>
        mounts.map(({ container, path, readOnly }) => [
          ...[name, role, owner, container, path],
          readOnly ? "reading" : "writing",
        ]),
      ),
    ),
    section(
      "Secrets",
      ["secret", "read by", "from", "at"],
      view.secrets.flatMap(({ name, readers }) =>
        readers.map(({ container, by, at }) => [name, container, by, at]),
      ),
    ),
    section(
      "Docker socket",
      ["container", "lets through"],
      view.socketReads.flatMap(({ container, reads }) => reads.map((read) => [container, read])),
      "not mounted",
    ),
    section(
      "Replace order",
      ["container", "order"],
      containers.map(({ name, order }) => [name, order]),
    ),
  ];
}

/** `administrators; everybody: /webhook/ /form/` */
const visitors = ({
  admin,
  publicPaths = [],
  adminPaths = [],
  login,
  insecureSkipVerify,
}: StackView["ingress"]["routes"][number]): string => {
  const [all, others, paths] = admin
    ? ["administrators", "everybody", publicPaths]
    : ["everybody", "administrators", adminPaths];
  return [
    `${all}${login === undefined ? "" : ` after a login at ${login}`}`,
    ...(paths.length === 0 ? [] : [`${others}: ${paths.join(" ")}`]),
    ...(insecureSkipVerify === undefined ? [] : [`any certificate: ${insecureSkipVerify}`]),
  ].join("; ");
};

const given = (what: string, how: string | undefined): string[][] =>
  how === undefined ? [] : [[what, how]];

/** The first 12 hexadecimal digits of `sha256:…`, as Docker shortens digests. */
export const shortDigest = (digest: string): string => digest.slice("sha256:".length).slice(0, 12);

/** An exemption that several containers of a service share appears once. */
const exemptions = (containers: readonly ContainerView[]): string[][] => {
  const rows = containers.flatMap(({ service, exemptions: all }) =>
    all.map(({ control, value, reason }) => [service, control, [value].flat().join(" "), reason]),
  );
  return [...new Map(rows.map((row) => [row.join("\n"), row])).values()];
};

export const changesHeadline = (stack: string, changes: readonly Change[]): string => {
  const counts = KINDS.map(
    (kind) => `${changes.filter((change) => change.kind === kind).length} ${kind}`,
  );
  return `stack ${stack}: ${changes.length === 0 ? "as in the saved report" : counts.join(", ")}`;
};

const TITLES: Readonly<Record<ChangeKind, string>> = {
  weaker: "Weaker",
  stricter: "Stricter",
  newer: "Newer images",
  changed: "Changed, neither weaker nor stricter",
};

export const changeSections = (changes: readonly Change[]): Section[] =>
  KINDS.map((kind) => {
    const reasons = kind === "weaker" ? ["reason"] : [];
    const rows = changes
      .filter((change) => change.kind === kind)
      .map(({ subject, what, reason = "none" }) => [subject, what, ...reasons.map(() => reason)]);
    return section(TITLES[kind], ["subject", "change", ...reasons], rows, "nothing");
  });
