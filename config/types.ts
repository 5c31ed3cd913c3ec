/** What a stack says, and what the program makes of it. */
import { inspect } from "node:util";

import * as pulumi from "@pulumi/pulumi";

import { ImageReference } from "../images/reference";
import { ParsedKeys, RoutedName, SecretName, ServiceName } from "./schema";

/** A text that no message, log or inspection shows. */
export class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  reveal(): string {
    return this.#text;
  }
  toString(): string {
    return "[secret]";
  }
  toJSON(): string {
    return "[secret]";
  }
  [inspect.custom](): string {
    return "[secret]";
  }
}

export interface ServiceConfig {
  readonly enabled: boolean;
  readonly measures: {
    readonly memoryMiB?: number;
    readonly cpus?: number;
    readonly pidsLimit?: number;
  };
  readonly exemptions: NonNullable<NonNullable<ParsedKeys["services"]["traefik"]>["exemptions"]>;
}

export interface RoutedConfig extends ServiceConfig {
  readonly host: string;
}

export type ServicesConfig = Readonly<
  Record<ServiceName, ServiceConfig> & Record<RoutedName, RoutedConfig>
>;

export interface StackConfig extends Omit<ParsedKeys, "services" | "images"> {
  readonly stack: string;
  readonly services: ServicesConfig;
  /** Folder of the user's own homepage, relative to the project; absent: the generated page. */
  readonly homepageFolder?: string;
  /** Major version of PostgreSQL whose data has been moved by hand, see docs/operations.md. */
  readonly postgresUpgradedFrom?: number;
  /** Images of the enabled services. */
  readonly images: Readonly<Partial<Record<ServiceName, ImageReference>>>;
  readonly secrets: Secrets;
  /** A secret as an Output that Pulumi encrypts wherever it stores it; every enabled service has those that it needs. */
  readonly secret: (name: SecretName) => pulumi.Output<string>;
}

export type Secrets = Readonly<Partial<Record<SecretName, Secret>>>;

/** What a stack says, before it is checked. */
export interface RawConfig {
  readonly stack: string;
  /** Keys without the project's prefix. Secrets are texts; all else is as YAML or JSON gives it. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Keys that are stored encrypted. */
  readonly secure: ReadonlySet<string>;
}
