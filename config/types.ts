/** What a stack says, and what the program makes of it. */
import { inspect } from "node:util";

import { ImageReference } from "../images/reference";
import { ServiceSettings } from "../components/model";
import { SecretName, ServiceName } from "../components/services";
import { ParsedKeys } from "./schema";

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

/** A stack's configuration with its defaults. */
export interface StackConfig extends Omit<ParsedKeys, "services" | "images"> {
  readonly stack: string;
  readonly services: Readonly<Record<ServiceName, ServiceSettings>>;
  /** Images of the services that are on. */
  readonly images: Readonly<Partial<Record<ServiceName, ImageReference>>>;
  readonly secrets: Secrets;
  /** A secret that a service needs; every service that is on has its own. */
  readonly secret: (name: string) => Secret;
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
