/** What the conversion of a service takes from the rest of the Compose file and from its image. Pure. */
import { isMap } from "../../text/messages";
import { type ImageDefaults } from "../../images/inspect/facts";
import { ImageReference } from "../../images/reference";
import { type ComposeFile, type Raw } from "./compose/document";
import { scalar } from "./compose/syntax";
import { type Variables } from "./compose/variables";
import { type ProjectFolder } from "./folder";
import { type HostFinder } from "./hosts";
import { type KnownImage } from "./known";
import { type Secrets } from "./secrets";
import { middlewaresOf } from "./traefik";

/** A service of the Compose file that becomes an entry. */
export interface Source {
  /** In the Compose file. */
  readonly name: string;
  /** In the stack. */
  readonly as: string;
  readonly service: Raw;
  readonly image: ImageReference;
  readonly known: KnownImage;
  /** `undefined` if its registry did not answer. */
  readonly defaults?: ImageDefaults;
}

export interface Context {
  readonly file: ComposeFile;
  /** Name of the Compose project, which begins the names of its volumes. */
  readonly project: string;
  readonly variables: Variables;
  readonly secrets: Secrets;
  readonly folder: ProjectFolder;
  /** Services that become entries: name in the Compose file to name in the stack. */
  readonly names: ReadonlyMap<string, string>;
  readonly mentions: HostFinder;
  readonly middlewares: ReturnType<typeof middlewaresOf>;
}

/** Items of a list or map beyond this are ignored; nobody writes so many. */
const MAX_ITEMS = 1000;

/** A value with the variables in all its texts replaced. Keys stay, as in Compose. */
export function resolved(value: unknown, at: string, variables: Variables): unknown {
  if (typeof value === "string") return variables.text(value, at);
  if (Array.isArray(value))
    return value.slice(0, MAX_ITEMS).map((item) => resolved(item, at, variables));
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MAX_ITEMS)
      .map(([key, item]) => [key, resolved(item, at, variables)]),
  );
}

/** A key of a service with its variables replaced. */
export const keyOf = (
  { name, service }: Pick<Source, "name" | "service">,
  key: string,
  { variables }: Context,
): unknown => resolved(service[key], `services.${name}.${key}`, variables);

/** The text of a key. */
export const textKey = (
  source: Pick<Source, "name" | "service">,
  key: string,
  context: Context,
): string | undefined => scalar(keyOf(source, key, context));

/** A short form of a value for a message. */
export const shown = (value: unknown): string =>
  typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : "as a map";
