/** A stack as plain data. describe.ts creates it; Docker resources, reports and checks are derived from it. Pure. */
import { HostAddress } from "../host/address";
import { ImageNeeds } from "../host/preflight";
import { ImageReference } from "../images/reference";
import { ContainerModel, NetworkModel } from "./hardened/model";
import { Exemption, Limits } from "./hardened/policy";
import { Ingress, IngressSettings } from "./ingress";
import { DataFormat } from "./services/definition";

/** The settings of a service in the configuration, with defaults. */
export interface ServiceSettings {
  readonly enabled: boolean;
  /** Host name; only for services with a route. */
  readonly host?: string;
  readonly limits: Partial<Limits>;
  readonly exemptions: readonly Exemption[];
  /** Keys that are specific to this service. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The settings of a stack in the configuration that determine its containers. */
export interface StackSettings extends IngressSettings {
  readonly stack: string;
  /** `linux/amd64` */
  readonly platform: string;
  readonly host: HostAddress;
  readonly requirePins: boolean;
  readonly registries: Readonly<Record<string, { readonly insecure?: boolean }>>;
  readonly services: Readonly<Record<string, ServiceSettings>>;
}

/** The image of a service and its requirements on the host. */
export interface ImageModel {
  readonly service: string;
  readonly reference: ImageReference;
  readonly needs: ImageNeeds;
  /** Day on which the image was first deployed, `2026-01-31`; absent if unknown. */
  readonly since?: string;
}

/** A container with additional data for the renderers. */
export interface StackContainer extends ContainerModel {
  /** Image with `/bin/chown`, for init containers. */
  readonly initImage: string;
  /** A shell script that runs on the host whenever the container has been created. */
  readonly afterStart?: string;
  /** For a Docker socket proxy: allowed paths as regular expressions, without the API version prefix. */
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
  /** By service. */
  readonly dataFormats: Readonly<Record<string, DataFormat>>;
}
