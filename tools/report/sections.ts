/** The report as titled tables of texts; what `table` and `markdown` print. Pure. */
import { cisHeadline } from "./cis/cis";
import { onHost } from "./view/facts";
import { counted } from "../../text/one-line";
import { ContainerView, ImageView, StackView } from "./view/stack";
import { VolumeView } from "./view/volumes";

export interface Section {
  readonly title: string;
  /** The first row is the head. No rows: there is nothing of the kind. */
  readonly rows: readonly (readonly string[])[];
  /** Shown instead of the table when it would be empty. */
  readonly none: string;
}

export const headline = ({ stack, containers, images, networks, cis }: StackView): string =>
  `stack ${stack}: ${counted(containers.length, "container")} of ${counted(images.length, "image")}, ${counted(networks.length, "network")}, CIS section 5: ${cisHeadline(cis)}`;

export function sections(view: StackView): Section[] {
  return [
    {
      title: "Images",
      rows: [["service", "registry", "repository", "tag", "digest"], ...view.images.map(image)],
      none: "none",
    },
    // Hardly any stack has them, so their absence is no line worth reading.
    ...(view.insecureRegistries.length === 0
      ? []
      : [
          {
            title: "Registries over plain http",
            rows: [["registry"], ...view.insecureRegistries.map((host) => [host])],
            none: "none",
          },
        ]),
    {
      title: "Restrictions",
      rows: [
        ["container", "user", "capabilities", "root", "memory", "cpus", "pids", "exempt"],
        ...view.containers.map(restrictions),
      ],
      none: "none",
    },
    {
      title: "Exemptions",
      rows: [["service", "control", "value", "reason"], ...exemptions(view.containers)],
      none: "none, everything is within the policy",
    },
    {
      title: "Entrance",
      rows: [
        ["what", "how"],
        ["TLS", view.entrance.tls],
        ...told("certificates from", view.entrance.caServer),
        ...told("DNS records by", view.entrance.dnsProvider),
        ["administrators", view.entrance.adminAllow.join(" ") || "no route"],
        ...told("homepage's CSP", view.entrance.contentSecurityPolicy),
      ],
      none: "none",
    },
    {
      title: "Routes",
      rows: [
        ["host", "service", "for"],
        ...view.entrance.routes.map(({ host, service, admin }) => [
          host,
          service,
          admin ? "administrators" : "everybody",
        ]),
      ],
      none: "none",
    },
    {
      title: "Networks",
      rows: [
        ["network", "members", "leads out"],
        ...view.networks.map(({ name, members, internal }) => [
          name,
          members.join(" → "),
          internal ? "no" : "yes",
        ]),
      ],
      none: "none",
    },
    {
      title: "Published ports",
      rows: [
        ["host", "container", "port"],
        ...view.ports.map((port) => [
          onHost(port),
          port.container,
          `${port.internal}/${port.protocol}`,
        ]),
      ],
      none: "none",
    },
    {
      title: "Volumes",
      rows: [
        ["volume", "role", "owner", "mounted by", "at", "for"],
        ...view.volumes.flatMap(volume),
      ],
      none: "none",
    },
    {
      title: "Secrets",
      rows: [
        ["secret", "read by", "from", "at"],
        ...view.secrets.flatMap(({ name, readers }) =>
          readers.map(({ container, by, at }) => [name, container, by, at]),
        ),
      ],
      none: "none",
    },
    {
      title: "Docker socket",
      rows: [
        ["container", "lets through"],
        ...view.socketReads.flatMap(({ container, reads }) =>
          reads.map((read) => [container, read]),
        ),
      ],
      none: "nobody has it",
    },
    {
      title: "Helpers",
      rows: [
        ["container", "user", "capabilities", "runs"],
        ...view.helpers.map(({ name, user, capabilities: added, starts }) => [
          name,
          user,
          added.join(" ") || "none",
          starts ? "once, then it ends" : "never, it only carries files",
        ]),
      ],
      none: "none",
    },
    {
      title: "Order of a replacement",
      rows: [["container", "order"], ...view.containers.map(({ name, order }) => [name, order])],
      none: "none",
    },
  ];
}

const told = (what: string, how: string | undefined): string[][] =>
  how === undefined ? [] : [[what, how]];

/** As much of a digest as people compare. */
const SHORT = "sha256:".length + 12;

const image = ({ service, registry, repository, tag, digest }: ImageView): string[] => [
  service,
  registry,
  repository,
  tag ?? "none",
  digest?.slice("sha256:".length, SHORT) ?? "not pinned",
];

const restrictions = (container: ContainerView): string[] => [
  container.name,
  container.user,
  capabilities(container),
  container.readOnlyRootfs ? "read-only" : "writable",
  `${container.memoryMiB} MiB`,
  String(container.cpus),
  String(container.pidsLimit),
  container.exemptions.map(({ control }) => control).join(", ") || "nothing",
];

const capabilities = ({ capDrop, capabilities: added }: ContainerView): string =>
  [...(capDrop.includes("ALL") ? [] : ["Docker's own"]), ...added].join(" ") || "none";

/** Once a service: its containers share them. */
const exemptions = (containers: readonly ContainerView[]): string[][] => {
  const services = new Map(containers.map((container) => [container.service, container]));
  return [...services.values()].flatMap(({ service, exemptions: given }) =>
    given.map(({ control, value, reason }) => [service, control, valueText(value), reason]),
  );
};

const valueText = (value: string | boolean | readonly (string | number)[]): string =>
  typeof value === "object" ? value.join(" ") : String(value);

const volume = ({ name, role, owner, mounts }: VolumeView): string[][] =>
  mounts.map(({ container, path, readOnly }) => [
    name,
    role,
    owner,
    container,
    path,
    readOnly ? "reading" : "writing",
  ]);
