/** A stack as plain data. describe.ts creates it; Docker resources, reports and checks are derived from it. Pure. */
import type { Accepted } from "../images/known/known";
import { HostAddress } from "../host/address";
import { ImageNeeds } from "../host/preflight";
import { ImageReference, isPinned } from "../images/reference";
import { ContainerModel, NetworkModel } from "./hardened/model";
import { Exemption, Limits } from "./hardened/policy";
import { Ingress, IngressSettings } from "./ingress";
import type { Login, ServiceExtras } from "./services/keys";
import type { OwnService } from "./services/own/schema";

/** First level of the parent cgroups of the containers. */
export const CGROUP_ROOT = "pinned-stack";

/** The settings of a service in the configuration, with defaults. */
export interface ServiceSettings {
  readonly enabled: boolean;
  /** Host name; only for services with a route. */
  readonly host?: string;
  readonly limits: Partial<Limits>;
  readonly exemptions: readonly Exemption[];
  /** Keys that are specific to this service. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Default: none. */
  readonly extras?: ServiceExtras;
  /** Only of a service of one's own. */
  readonly own?: OwnService;
}

/** The settings of a stack in the configuration that determine its containers. */
export interface StackSettings extends IngressSettings {
  /** Known holes that the stack lives with. Default: none. */
  readonly accept?: readonly Accepted[];
  readonly stack: string;
  /** `linux/amd64` */
  readonly platform: string;
  readonly host: HostAddress;
  readonly requirePins: boolean;
  readonly registries: Readonly<Record<string, { readonly insecure?: boolean }>>;
  readonly services: Readonly<Record<string, ServiceSettings>>;
  /** Pages that run elsewhere, by name. Default: none. */
  readonly routes?: Readonly<Record<string, ElsewhereRoute>>;
  /** By host name, the one that its visitors are sent to. Default: none. */
  readonly redirects?: Readonly<Record<string, string>>;
}

export interface ElsewhereRoute {
  readonly host: string;
  readonly aliases?: readonly string[] | undefined;
  readonly path?: string | undefined;
  /** `https://192.0.2.10:8443` */
  readonly url: string;
  readonly admin?: boolean | undefined;
  readonly login?: Login | undefined;
  readonly insecureSkipVerify?: { readonly reason: string } | undefined;
}

/** The image of a service and its requirements on the host. */
export interface ImageModel {
  readonly service: string;
  readonly reference: ImageReference;
  readonly needs: ImageNeeds;
  /** Day on which the image was first deployed, `2026-01-31`; absent if unknown. */
  readonly since?: string;
  /** The stack file has a tag without a digest, so each run may deploy another image. Default false. */
  readonly bareTag?: boolean;
}

/** The model whose images of these services are not pinned by the stack file, whatever the tags have been resolved to. */
export const withBareTags = (model: StackModel, services: readonly string[]): StackModel => ({
  ...model,
  images: model.images.map((image) =>
    services.includes(image.service) ? { ...image, bareTag: true } : image,
  ),
});

/** Services whose image the stack file does not pin. */
export const bareTagsOf = ({ images }: Pick<StackModel, "images">): string[] =>
  images
    .filter(({ reference, bareTag = false }) => bareTag || !isPinned(reference))
    .map(({ service }) => service);

/** The same for the images of a configuration, by service. */
export const bareTagsIn = (images: Readonly<Partial<Record<string, ImageReference>>>): string[] =>
  Object.entries(images).flatMap(([service, reference]) =>
    reference === undefined || isPinned(reference) ? [] : [service],
  );

/** How a container is tried on a copy of its data before it replaces the one that runs. */
export interface Upgrade {
  /** It serves the databases of the others: PostgreSQL of this major version. */
  readonly serves?: { readonly version: number };
  /** Its database in that server. */
  readonly database?: string;
  /** SQL that first runs in the copy of the database. It disables scheduled work, which would otherwise run twice. */
  readonly quiet?: string;
  /** A command of the image that must work on the copy, where the SQL `when` gives a number above zero. */
  readonly check?: {
    readonly command: readonly string[];
    readonly when: string;
    /** Why the service would not have worked: "cannot decrypt its credentials". */
    readonly fails: string;
  };
  /** Why it is not tried on a copy of its data: "needs redis, which a trial does not have". Default: it is tried. */
  readonly untried?: string;
}

/** How data volumes are saved: a command whose output is the copy, a copy while the service is stopped, or not. */
export type Backup =
  { readonly command: readonly string[] } | { readonly stop: true } | { readonly none: string };

/** A container with what only its renderers need. */
export interface StackContainer extends ContainerModel {
  /** Image with `/bin/chown`, `/bin/sh`, `cp` and `wget`, for owners of volumes, copies and questions. */
  readonly toolImage: string;
  /** Shell functions of its start: sets up the container whose id is `$1`, as often as it is asked to. */
  readonly afterStart?: string;
  readonly upgrade?: Upgrade;
  readonly backup?: Backup;
  /** What a Docker socket proxy lets through: paths as regular expressions, without the API's version. */
  readonly dockerReads?: readonly string[];
}

export interface StackModel {
  readonly stack: string;
  readonly platform: string;
  /** Whether images without a digest are rejected. */
  readonly requirePins: boolean;
  /** Registries that the program and the engine access over plain http. */
  readonly insecureRegistries: readonly string[];
  /** Of the enabled services, in display order. */
  readonly images: readonly ImageModel[];
  readonly containers: readonly StackContainer[];
  /** Networks that are not internal come first. */
  readonly networks: readonly (NetworkModel & {
    /** Names of containers. In an internal network, the client comes first. */
    readonly members: readonly string[];
  })[];
  readonly ingress: Ingress;
}
