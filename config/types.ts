/** The configuration of a stack before and after validation. */
import { inspect } from "node:util";

import { ImageReference } from "../images/reference";
import { ServiceSettings } from "../components/model";
import { ServiceName } from "../components/services";
import { ParsedKeys } from "./schema";

/** A secret that is not printed by accident: string conversion, JSON and util.inspect hide its value. */
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

/** A validated configuration with defaults. */
export interface StackConfig extends Omit<ParsedKeys, "services" | "images" | "secrets"> {
  readonly stack: string;
  /** Those of one's own included. */
  readonly services: Readonly<Record<ServiceName, ServiceSettings>> &
    Readonly<Record<string, ServiceSettings>>;
  /** Images of the enabled services. */
  readonly images: Readonly<Record<string, ImageReference>>;
  readonly secrets: Secrets;
  /** A secret by name. Those of enabled services are always set; throws for any other that is not. */
  readonly secret: (name: string) => Secret;
}

/** The secrets of this program's services and of one's own, which have different names. */
export type Secrets = Readonly<Partial<Record<string, Secret>>>;

/** A configuration before validation. */
export interface RawConfig {
  readonly stack: string;
  /** By key without the namespace. Secrets are strings; other values are decoded. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Keys, without the namespace, that are stored encrypted. */
  readonly secure: ReadonlySet<string>;
  /** Stands for every secret of one's own services that is not set. Default: a missing one is a problem. */
  readonly placeholder?: string;
}
