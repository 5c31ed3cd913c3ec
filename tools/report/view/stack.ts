/** A report as plain data: `--format json` prints it, and all other formats except Compose use it. Pure. */
import {
  ContainerModel,
  isWritable,
  protocolOf,
  PublishedPort,
  ReplaceOrder,
  secretsIn,
} from "../../../components/hardened/model";
import { Controls, Exemption } from "../../../components/hardened/policy";
import { Ingress, Redirect, Route, Tls } from "../../../components/ingress";
import { ImageModel, StackContainer, StackModel } from "../../../components/model";
import { SupplyView } from "../../trust/supply";
import { CisReport, cisReport } from "../cis/cis";
import { factsOf } from "../cis/facts";

/**
 * Documented in docs/reports.md. `version` rises when a field is removed or changes its meaning, not for new fields. Secrets
 * appear by name.
 */
export interface StackView {
  readonly version: 1;
  readonly stack: string;
  readonly platform: string;
  readonly images: readonly ImageView[];
  /** Registries that are contacted over plain HTTP. */
  readonly insecureRegistries: readonly string[];
  /** Whether an image without a digest is refused. */
  readonly requirePins: boolean;
  readonly containers: readonly ContainerView[];
  readonly ingress: IngressView;
  readonly networks: StackModel["networks"];
  readonly ports: readonly PortView[];
  readonly volumes: readonly VolumeView[];
  readonly secrets: readonly SecretView[];
  /** What each Docker socket proxy allows: `GET`, which includes HEAD, and a regular expression for the path. */
  readonly socketReads: readonly {
    readonly container: string;
    readonly reads: readonly string[];
  }[];
  readonly cis: CisReport;
  /** Signatures, provenance, ends of lines and known holes. Absent in reports that compare. */
  readonly supply?: SupplyView;
}

export interface ImageView {
  readonly service: string;
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  readonly pinned: boolean;
}

export interface ContainerView extends Controls {
  readonly name: string;
  readonly service: string;
  readonly image: string;
  readonly privileged: boolean;
  readonly capDrop: readonly string[];
  /** Paths of tmpfs mounts. */
  readonly tmpfs: readonly string[];
  readonly networks: readonly string[];
  readonly order: ReplaceOrder;
  readonly exemptions: readonly Exemption[];
}

export interface IngressView {
  readonly tls: Tls["mode"];
  /** ACME directory URL. Only with `acme`, as `dnsProvider`. */
  readonly caServer?: string;
  readonly dnsProvider?: string;
  /** Networks with access to admin routes. Empty: there are no admin routes. */
  readonly adminAllow: readonly string[];
  readonly routes: readonly (Pick<
    Route,
    | "host"
    | "aliases"
    | "path"
    | "service"
    | "admin"
    | "publicPaths"
    | "login"
    | "insecureSkipVerify"
  > & {
    /** Paths below it that are for administrators only. */
    readonly adminPaths?: readonly string[];
    /** Only of pages that run outside the stack. */
    readonly url?: string;
  })[];
  /** Host names whose visitors are sent to another one. Absent: none. */
  readonly redirects?: readonly Redirect[];
  /** Of the homepage; absent if it has no route. */
  readonly contentSecurityPolicy?: string;
}

interface PortView extends PublishedPort {
  readonly protocol: "tcp" | "udp";
  readonly container: string;
}

interface VolumeView {
  /** Name inside the stack. Docker's names of `files` and `secrets` have a random suffix. */
  readonly name: string;
  /** `data` is kept by every deployment; the others take changed content, most of them by being replaced. */
  readonly role: "data" | "secrets" | "files";
  /** `uid:gid`, or where the owner comes from. */
  readonly owner: string;
  readonly mounts: readonly {
    readonly container: string;
    readonly path: string;
    readonly readOnly: boolean;
  }[];
  /** Absolute paths of files from the deployment. */
  readonly files: readonly string[];
}

interface SecretView {
  /** Name in the configuration. */
  readonly name: string;
  readonly readers: readonly SecretReader[];
}

interface SecretReader {
  readonly container: string;
  /** `file`: readable by the container's user only. `environment`: also visible in `docker inspect`. */
  readonly by: "file" | "environment";
  /** Path of the file, or name of the variable. */
  readonly at: string;
}

export function stackView(model: StackModel): StackView {
  const { stack, platform, images, insecureRegistries, requirePins, containers, networks } = model;
  return {
    version: 1,
    stack,
    platform,
    images: images.map(imageView),
    insecureRegistries,
    requirePins,
    containers: containers.map(containerView),
    ingress: ingressView(model.ingress),
    networks,
    ports: containers.flatMap(({ name: container, ports }) =>
      ports.map((port) => ({ ...port, protocol: protocolOf(port), container })),
    ),
    volumes: volumeViews(containers),
    secrets: secretViews(containers),
    socketReads: containers.flatMap(({ name: container, dockerReads }) =>
      dockerReads === undefined
        ? []
        : { container, reads: dockerReads.map((path) => `GET ${path}`) },
    ),
    cis: cisReport(
      containers.map((container) => ({
        facts: factsOf(container),
        exemptions: container.exemptions,
      })),
    ),
  };
}

function imageView({ service, reference, bareTag = false }: ImageModel): ImageView {
  const { registry, repository, tag, digest } = reference;
  return {
    service,
    registry,
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
    pinned: digest !== undefined && !bareTag,
  };
}

const containerView = (container: StackContainer): ContainerView => ({
  name: container.name,
  service: container.service,
  image: container.image,
  ...container.controls,
  privileged: container.privileged,
  capDrop: container.capDrop,
  tmpfs: Object.keys(container.tmpfs),
  networks: container.networks.map(({ name }) => name),
  order: container.order,
  exemptions: container.exemptions,
});

/** Traefik's default: https://doc.traefik.io/traefik/v3.6/reference/install-configuration/tls/certificate-resolvers/acme/ */
const DEFAULT_CA = "https://acme-v02.api.letsencrypt.org/directory";

function ingressView({ tls, adminAllow, routes, redirects }: Ingress): IngressView {
  const policy = routes.find(({ service }) => service === "homepage")?.contentSecurityPolicy;
  return {
    tls: tls.mode,
    ...(tls.mode === "acme" && {
      caServer: tls.caServer ?? DEFAULT_CA,
      dnsProvider: tls.dnsProvider,
    }),
    adminAllow,
    routes: routes.map((route) => {
      const { host, aliases, path, service, admin, publicPaths, adminPaths, login } = route;
      const { container, target, insecureSkipVerify } = route;
      return {
        ...{ host, service, admin },
        ...(aliases && { aliases }),
        ...(path !== undefined && { path }),
        ...(publicPaths && { publicPaths }),
        ...(adminPaths && { adminPaths: adminPaths.map((one) => one.path) }),
        ...(login !== undefined && { login }),
        ...(container === undefined && { url: target }),
        ...(insecureSkipVerify !== undefined && { insecureSkipVerify }),
      };
    }),
    ...(redirects && { redirects }),
    ...(policy !== undefined && { contentSecurityPolicy: policy }),
  };
}

const ROLES: readonly VolumeView["role"][] = ["data", "secrets", "files"];

/** By role, then by name. */
function volumeViews(containers: readonly ContainerModel[]): VolumeView[] {
  const volumes = new Map<string, VolumeView>();
  for (const { name: container, controls, mounts } of containers)
    for (const mount of mounts) {
      if (mount.kind === "host" || mount.kind === "socket") continue;
      const { kind: role, volume: name, path } = mount;
      const isData = role === "data";
      const own = isData ? mount.chown : role === "secrets";
      const known = volumes.get(name);
      const first: VolumeView = {
        name,
        role,
        // Of several containers that have it, one is its owner.
        owner: own ? controls.user : (known?.owner ?? (isData ? "from the image" : "root")),
        mounts: known?.mounts ?? [],
        files: isData ? [] : Object.keys(mount.files).map((file) => `${path}/${file}`),
      };
      const at = { container, path, readOnly: !isWritable(mount) };
      volumes.set(name, { ...first, mounts: [...first.mounts, at] });
    }
  return [...volumes.values()].sort(
    (a, b) => ROLES.indexOf(a.role) - ROLES.indexOf(b.role) || (a.name < b.name ? -1 : 1),
  );
}

function secretViews(containers: readonly ContainerModel[]): SecretView[] {
  const secrets = new Map<string, SecretReader[]>();
  const add = (name: string, reader: SecretReader): void =>
    void secrets.set(name, [...(secrets.get(name) ?? []), reader]);
  for (const { name: container, secretEnvironment, mounts } of containers) {
    for (const [at, secret] of Object.entries(secretEnvironment))
      for (const one of secretsIn(secret)) add(one, { container, by: "environment", at });
    for (const mount of mounts)
      if (mount.kind === "secrets")
        for (const [file, content] of Object.entries(mount.files))
          if (typeof content === "object" && "secret" in content)
            add(content.secret, { container, by: "file", at: `${mount.path}/${file}` });
  }
  return [...secrets].map(([name, readers]) => ({ name, readers }));
}
