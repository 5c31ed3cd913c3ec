/** Everything that the program knows about a service: configuration, image, containers, route. Pure. */
import { z } from "zod";

import { ImageNeeds } from "../../host/preflight";
import { ImageReference } from "../../images/reference";
import { SocketRead } from "../hardened/haproxy";
import {
  ContainerModel,
  ContainerSpec,
  DataMount,
  FileContent,
  HostMount,
  PublishedPort,
} from "../hardened/model";
import { IngressSettings, Redirect, Route, Tls } from "../ingress";
import { Backup, Upgrade } from "../model";
import type { SavedVolume } from "./backup/saved";

/** A secret in the configuration, `pinned-stack:<name>`. */
export interface SecretSpec {
  readonly minLength: number;
  /** For keys: weak ones are refused. How to make a random one, as the end of `expected … random characters`. */
  readonly random?: string;
  /**
   * Required only with this mode of `tls`, or with these options of the service. Default: required whenever the service is
   * enabled.
   */
  readonly neededFor?:
    | { readonly tlsMode: Tls["mode"] }
    | {
        readonly options: (options: Readonly<Record<string, unknown>>) => boolean;
        /** What needs it. */
        readonly name: string;
      };
}

/** Requirements of and on the image of a service. */
export interface ImageSpec {
  /** Disk space for the unpacked image in MiB, rounded up from published images. */
  readonly diskMiB: number;
  /** Further requirements on the host, which may depend on the version in the tag. */
  readonly needs?: (image: ImageReference) => Partial<ImageNeeds>;
  /**
   * Why the service cannot use the image, as `expected …, got …`; undefined if it can.
   * @param images of all services, by service; without the missing and unreadable ones
   */
  readonly problem?: (
    image: ImageReference,
    images: Readonly<Partial<Record<string, ImageReference>>>,
  ) => string | undefined;
}

/** A route in Traefik. The host name is `<service>.<domain>` unless the stack sets another. */
export interface RouteSpec {
  /** Container port, or `api@internal` for Traefik's dashboard. */
  readonly target: number | string;
  /** Whether only the networks in `adminAllow` have access. A function decides by the service's own options. */
  readonly admin: boolean | ((options: Readonly<Record<string, unknown>>) => boolean);
  /** See {@link Route.publicPaths}. Each starts and ends with a slash: `/form` would also open `/formula`. */
  readonly publicPaths?: readonly `/${string}/`[];
  /**
   * Paths that only the networks in `adminAllow` may open: see {@link AdminPath}. A page has a container port of its own as
   * `target`; a path of the service has none.
   *
   * @param options the service's own configuration keys
   */
  readonly adminPaths?: (
    options: Readonly<Record<string, unknown>>,
  ) => readonly { readonly path: `/${string}`; readonly target?: number }[];
  /** Whether the default host name is the domain itself. Default false. */
  readonly atDomain?: boolean;
  /** See {@link Route.healthPath}. */
  readonly healthPath?: string;
  /** See {@link Route.probePath}. Default `/`. */
  readonly probePath?: string;
  /** See {@link Route.anyAnswer}. Default false. */
  readonly anyAnswer?: boolean;
  /** See {@link Route.path}. */
  readonly path?: string;
}

export const isAdminRoute = (
  { admin }: RouteSpec,
  options: Readonly<Record<string, unknown>>,
): boolean => (typeof admin === "function" ? admin(options) : admin);

/** A database in the stack's PostgreSQL, owned by a role of the same name. */
export interface DatabaseSpec {
  readonly name: string;
  /** Name of the secret with the role's password. */
  readonly password: string;
}

/** Input for the containers of a service. */
export interface ServiceContext<
  Options = Readonly<Record<string, unknown>>,
> extends IngressSettings {
  readonly stack: string;
  readonly image: ImageReference;
  /** The service's own configuration keys. */
  readonly options: Options;
  /** The public URL of the service, with a trailing slash; empty without a route. */
  readonly url: string;
  /** All active routes of the stack. */
  readonly routes: readonly Route[];
  readonly redirects: readonly Redirect[];
  /** Services that read the Docker API, each through its own proxy. */
  readonly dockerClients: readonly {
    readonly service: string;
    readonly reads: readonly SocketRead[];
  }[];
  /** The databases of all enabled services. */
  readonly databases: readonly (DatabaseSpec & { readonly service: string })[];
  /** The options of the service `backup`; undefined where it is not enabled. */
  readonly backup?: Readonly<Record<string, unknown>>;
  /** The data volumes of all other services that are to be saved. */
  readonly savedVolumes: () => readonly SavedVolume[];
}

/** File content that is generated from the whole stack, such as the start page. */
export type DerivedContent = (stack: DescribedStack) => string;

/** The stack as {@link DerivedContent} sees it. Derived files in it are still empty. */
export interface DescribedStack {
  readonly stack: string;
  readonly containers: readonly ContainerModel[];
  readonly services: readonly {
    readonly service: string;
    readonly image: string;
    /** Day on which the image was first deployed, `2026-01-31`; absent if unknown. */
    readonly since?: string;
    readonly url?: string;
    readonly admin: boolean;
    /** What is known of the image's version: the end of its line, and advisories. One line each. Absent: nothing. */
    readonly known?: readonly string[];
  }[];
}

/** A container of a service. Fields that are not set follow the policy or the service definition. */
export interface ServiceContainer extends Omit<
  ContainerSpec,
  "name" | "service" | "image" | "networks" | "mounts" | "ports"
> {
  /** Default: the service's name. */
  readonly name?: string;
  /** Volumes with plain files, by volume name. */
  readonly files?: Readonly<
    Record<
      string,
      {
        readonly path: string;
        readonly files: Readonly<
          Record<string, Exclude<FileContent, { readonly secret: string }> | DerivedContent>
        >;
        /** Whether the program in the container notices changed files by itself, so that they need no new container. Default false. */
        readonly live?: boolean;
      }
    >
  >;
  /** Volumes with secret files that the container's user can read, by volume name. `files` maps file to secret name. */
  readonly secrets?: Readonly<
    Record<string, { readonly path: string; readonly files: Readonly<Record<string, string>> }>
  >;
  /** Volumes that outlive every deployment, by name. */
  readonly data?: Readonly<
    Record<
      string,
      {
        readonly path: string;
        readonly chown?: boolean;
        /** See {@link DataMount}. */
        readonly copy?: DataMount["copy"];
        readonly readOnly?: boolean;
        /** Name in the stack of another service's volume that it shares. */
        readonly of?: string;
      }
    >
  >;
  readonly hostPaths?: readonly Omit<HostMount, "kind">[];
  readonly dockerSocket?: boolean;
  /** Ports published on the stack's address. The container joins a network `edge` of its own. */
  readonly ports?: readonly Omit<PublishedPort, "address">[];
  /** Whether it has internet access: joins a network `egress` of its own. Default false. */
  readonly egress?: boolean;
  /** Names of the containers that it connects to. */
  readonly links?: readonly string[];
  /** The service whose image has `/bin/chown`, `/bin/sh`, `cp` and `wget`. Default: its own. */
  readonly toolImage?: string;
  /**
   * Shell that sets up the container whose id is `$1`, run on the host whenever it is a new one; what depends on it waits. No
   * secret in it.
   */
  readonly afterStart?: string;
  /** How it is tried on a copy of its data. Its database follows from the definition. */
  readonly upgrade?: Omit<Upgrade, "database">;
  readonly contentSecurityPolicy?: string;
  /** How its data volumes are to be saved. */
  readonly backup?: Backup;
}

export interface ServiceDefinition<
  Name extends string = string,
  SecretName extends string = string,
  Options extends z.ZodRawShape = z.ZodRawShape,
> {
  readonly name: Name;
  /** Whether it comes from the configuration and not from this program. Default false. */
  readonly own?: boolean;
  /**
   * Whether the service is enabled by default. `always`: it cannot be disabled. A function that selects the services that
   * need this one: it is enabled if and only if one of them is enabled. Default true.
   */
  readonly enabled?: boolean | "always" | ((other: ServiceDefinition) => boolean);
  /**
   * With a function in `enabled`: whether a service that needs this one does so with the image it has, undefined if that
   * is missing or unreadable. Default: always.
   */
  readonly neededWith?: (image: ImageReference | undefined) => boolean;
  /** The service's own keys below `services.<name>`. */
  readonly options?: Options;
  readonly secrets?: Readonly<Record<SecretName, SecretSpec>>;
  readonly image: ImageSpec;
  readonly route?: RouteSpec;
  /** Docker API paths that it reads through its own socket proxy. */
  readonly dockerApi?: readonly SocketRead[];
  readonly database?: DatabaseSpec;
  /** Whether it identifies containers by their cgroups. If so, each container gets a cgroup with its name. Default false. */
  readonly namedCgroups?: boolean;
  /** Names of the services that connect to it. A network is created for each. */
  readonly clients?: readonly string[];
  /** Variables that a stack may not set, and why. Default: those that the service sets itself. */
  readonly fixedEnvironment?: { readonly names: RegExp; readonly why: string };
  /** What users notice while it is replaced stop-first, such as "n8n waits". */
  readonly downtimeEffect?: string;
  containers(context: ServiceContext<z.output<z.ZodObject<Options>>>): readonly ServiceContainer[];
}

/** Identity function that checks a definition and keeps its literal types for the types of the configuration. */
export const defineService = <
  const Name extends string,
  const SecretName extends string = never,
  const Options extends z.ZodRawShape = Readonly<Record<string, never>>,
>(
  definition: ServiceDefinition<Name, SecretName, Options>,
): ServiceDefinition<Name, SecretName, Options> => definition;
