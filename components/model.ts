/** A stack as plain data. Written by describe.ts; Docker resources, reports and checks are made from it. Pure. */
import { HostAddress } from "../host/address";
import { ImageNeeds } from "../host/preflight";
import { ImageReference } from "../images/reference";
import { ContainerModel, NetworkModel } from "./hardened/model";
import { Exemption, Limits } from "./hardened/policy";
import { Ingress, IngressSettings } from "./ingress";
import { DataFormat } from "./services/definition";

/** What the configuration says of a service, with its defaults. */
export interface ServiceSettings {
  readonly enabled: boolean;
  /** Of services with a route. */
  readonly host?: string;
  readonly limits: Partial<Limits>;
  readonly exemptions: readonly Exemption[];
  /** The keys that only this service has. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What the configuration says of a stack, as far as its containers follow from it. */
export interface StackSettings extends IngressSettings {
  readonly stack: string;
  /** `linux/amd64` */
  readonly platform: string;
  readonly host: HostAddress;
  readonly requirePins: boolean;
  readonly registries: Readonly<Record<string, { readonly insecure?: boolean }>>;
  readonly services: Readonly<Record<string, ServiceSettings>>;
}

/** The image of a service and what it needs of the host. */
export interface ImageModel {
  readonly service: string;
  readonly reference: ImageReference;
  readonly needs: ImageNeeds;
  /** Day since which the service runs it, `2026-01-31`; absent where nobody knows. */
  readonly since?: string;
}

/** A container with what only its renderers need. */
export interface StackContainer extends ContainerModel {
  /** Image that has `/bin/chown`, for init containers. */
  readonly initImage: string;
  /** A script for the host, run whenever the container is a new one. */
  readonly afterStart?: string;
  /** What a Docker socket proxy lets through: paths as regular expressions, without the API's version. */
  readonly dockerReads?: readonly string[];
}

export interface StackModel {
  readonly stack: string;
  readonly platform: string;
  /** Whether an image without a digest is refused. */
  readonly requirePins: boolean;
  /** Registries that the program and the engine ask over plain http. */
  readonly insecureRegistries: readonly string[];
  /** Of the services that are on, in the order of every table. */
  readonly images: readonly ImageModel[];
  readonly containers: readonly StackContainer[];
  /** Networks beyond the host first. */
  readonly networks: readonly (NetworkModel & {
    /** Containers; the one that opens connections comes first. */
    readonly members: readonly string[];
  })[];
  readonly ingress: Ingress;
  /** By service. */
  readonly dataFormats: Readonly<Record<string, DataFormat>>;
}
