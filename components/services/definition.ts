/** What the program says of a service, in one place: names, configuration, image, containers, route. Pure. */
import { z } from "zod";

import { ImageNeeds } from "../../host/preflight";
import { ImageReference } from "../../images/reference";
import { SocketRead } from "../hardened/haproxy";
import { ContainerModel, ContainerSpec, FileContent } from "../hardened/model";
import { IngressSettings, Route, Tls } from "../ingress";

/** A secret of the configuration, `pinned-stack:<name>`. */
export interface SecretSpec {
  readonly minLength: number;
  /** Only with this mode of `tls`. Default: whenever the service is on. */
  readonly neededFor?: { readonly tlsMode: Tls["mode"] };
}

/** What a service needs of the host, apart from its container. */
export interface ImageSpec {
  /** Disk for the unpacked image, MiB, rounded up from the published ones. */
  readonly diskMiB: number;
  /** What else a version of it needs. */
  readonly needs?: (image: ImageReference) => Partial<ImageNeeds>;
  /** Why the service cannot use the image at all, as `expected …, got …`; undefined when it can. */
  readonly problem?: (image: ImageReference) => string | undefined;
}

/** Pages that Traefik serves under a host name, `<service>.<domain>` unless the stack says otherwise. */
export interface RouteSpec {
  /** Port inside the container; `api@internal` is Traefik's own dashboard. */
  readonly target: number | string;
  /** Only for the networks of `adminAllow`. */
  readonly admin: boolean;
  /** The service is at the domain itself. Default false. */
  readonly atDomain?: boolean;
  readonly healthPath?: string;
  /** Default `/`. */
  readonly probePath?: string;
}

/** Data in a format that only some versions of a service can read. */
export interface DataFormat {
  readonly version: number;
  /** `uid:gid` that the files belong to. */
  readonly user: string;
}

/** A database in the stack's PostgreSQL, owned by a role of the same name. */
export interface DatabaseSpec {
  readonly name: string;
  /** The secret that is the role's password. */
  readonly password: string;
}

/** What the containers of a service are made from. */
export interface ServiceContext<
  Options = Readonly<Record<string, unknown>>,
> extends IngressSettings {
  readonly stack: string;
  readonly image: ImageReference;
  /** Keys of its own in the stack's file. */
  readonly options: Options;
  /** Its own address for browsers, with a slash at its end; empty for a service without a route. */
  readonly url: string;
  /** All routes that somebody may use. */
  readonly routes: readonly Route[];
  /** Services that read Docker's API, each through a proxy of its own. */
  readonly dockerClients: readonly {
    readonly service: string;
    readonly reads: readonly SocketRead[];
  }[];
  /** Databases of the stack's services. */
  readonly databases: readonly (DatabaseSpec & { readonly service: string })[];
}

/** Text that depends on the whole stack, such as a page that lists it. */
export type DerivedContent = (stack: DescribedStack) => string;

/** The part of the stack that {@link DerivedContent} may read: everything but files. */
export interface DescribedStack {
  readonly stack: string;
  readonly containers: readonly ContainerModel[];
  readonly services: readonly {
    readonly service: string;
    readonly image: string;
    /** Day since which it is this image, `2026-01-31`; absent where nobody knows. */
    readonly since?: string;
    readonly url?: string;
    readonly admin: boolean;
  }[];
}

/** A container of a service. What it leaves out is the policy, or follows from the definition. */
export interface ServiceContainer extends Omit<
  ContainerSpec,
  "name" | "service" | "image" | "networks" | "mounts" | "ports"
> {
  /** Default: the service's name. */
  readonly name?: string;
  /** Folders of plain files, by the name of their volume. */
  readonly files?: Readonly<
    Record<
      string,
      {
        readonly path: string;
        readonly files: Readonly<
          Record<string, Exclude<FileContent, { readonly secret: string }> | DerivedContent>
        >;
      }
    >
  >;
  /** Folders of secrets that the container's user can read, by the name of their volume: file to secret. */
  readonly secrets?: Readonly<
    Record<string, { readonly path: string; readonly files: Readonly<Record<string, string>> }>
  >;
  /** Volumes that outlive every deployment, by name. */
  readonly data?: Readonly<Record<string, { readonly path: string; readonly chown?: boolean }>>;
  /** Paths of the host, read-only. */
  readonly hostPaths?: readonly { readonly source: string; readonly path: string }[];
  readonly dockerSocket?: boolean;
  /** Ports published on the stack's address. Its container joins `edge`. */
  readonly ports?: readonly { readonly published: number; readonly internal: number }[];
  /** Whether it may open connections to the internet: joins `egress`. */
  readonly egress?: boolean;
  /** Containers that it opens connections to. */
  readonly links?: readonly string[];
  /** The service whose image has `/bin/chown`. Default: its own. */
  readonly initImage?: string;
  /** A script for the host, run whenever the container is a new one; what depends on it waits. No secret in it. */
  readonly afterStart?: string;
  readonly contentSecurityPolicy?: string;
}

export interface ServiceDefinition<
  Name extends string = string,
  SecretName extends string = string,
  Options extends z.ZodRawShape = z.ZodRawShape,
> {
  readonly name: Name;
  /**
   * Whether it is on where the stack says nothing. `always`: it cannot be switched off. A function: it is on exactly when
   * another service that is on needs it. Default true.
   */
  readonly enabled?: boolean | "always" | ((other: ServiceDefinition) => boolean);
  /** Keys of its own under `services.<name>`. */
  readonly options?: Options;
  readonly secrets?: Readonly<Record<SecretName, SecretSpec>>;
  readonly image: ImageSpec;
  readonly route?: RouteSpec;
  /** What it reads of Docker's API, through a proxy of its own. */
  readonly dockerApi?: readonly SocketRead[];
  readonly database?: DatabaseSpec;
  /** Services that open connections to it. Both ends join the network. */
  readonly clients?: readonly string[];
  /** Whether its new image is started once beside the running one before that is stopped; for services without data. */
  readonly rehearse?: boolean;
  /** Whether the databases are dumped before its container is replaced. */
  readonly dumpBefore?: boolean;
  /** What users notice while it is replaced stop-first, such as "n8n waits". */
  readonly unavailableMeanwhile?: string;
  readonly dataFormat?: (image: ImageReference) => DataFormat | undefined;
  /** Why data of `last` must not be used by `now`, with the way out; undefined when it may. */
  readonly dataProblem?: (change: {
    readonly stack: string;
    readonly last: DataFormat;
    readonly now: DataFormat;
    readonly options: Readonly<Record<string, unknown>>;
  }) => string | undefined;
  containers(context: ServiceContext<z.output<z.ZodObject<Options>>>): readonly ServiceContainer[];
}

/** Checks the definition's types and keeps its names for the types of the configuration. */
export const defineService = <
  const Name extends string,
  const SecretName extends string = never,
  const Options extends z.ZodRawShape = Readonly<Record<string, never>>,
>(
  definition: ServiceDefinition<Name, SecretName, Options>,
): ServiceDefinition<Name, SecretName, Options> => definition;
