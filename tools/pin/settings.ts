/**
 * What `npm run pin` needs of a stack's configuration, and nothing else: a stack whose secrets are missing, or that
 * cannot be deployed yet for any other reason, can be pinned. Pure.
 */
import type { z } from "zod";

import { isMap, issueLines, zodMessage } from "../../text/messages";
import { ENCRYPTED } from "../../text/messages";
import { KEYS } from "../../config/schema";
import type { Registries } from "../../images/registry/origin";
import { PinsError } from "../../config/file/pins";

export interface PinSettings {
  readonly platform: string;
  /** Ms. */
  readonly minimumAge: number;
  readonly registries: Registries;
  /** For a registry whose credentials are encrypted: what to do where it wants them. */
  readonly lacking: ReadonlyMap<string, string>;
}

/** @param value gives a key of the configuration as YAML has it. Throws a {@link PinsError} with all problems. */
export function readSettings(stack: string, value: (key: string) => unknown): PinSettings {
  const problems: string[] = [];
  const parse = <S extends z.ZodType>(
    key: string,
    { schema, fallback }: { readonly schema: S; readonly fallback: unknown },
    given: unknown,
  ): z.output<S> | undefined => {
    const asked = given === undefined || given === null || given === "" ? fallback : given;
    const result = schema.safeParse(asked, { error: zodMessage });
    if (result.success) return result.data;
    problems.push(...issueLines(key, result.error.issues));
    return undefined;
  };
  const { registries: asked, encrypted } = withoutEncrypted(decode(value("registries")));
  const platform = parse("platform", KEYS.platform, value("platform"));
  const minimumAge = parse("minimumAge", KEYS.minimumAge, text(value("minimumAge")));
  const registries = parse("registries", KEYS.registries, asked);
  if (platform === undefined || minimumAge === undefined || registries === undefined)
    throw new PinsError(problems.join("\n"));
  return {
    platform,
    minimumAge,
    registries,
    lacking: new Map(
      encrypted.map((registry) => [
        registry,
        `its credentials are encrypted in the stack file, and this command reads no secrets: "npm run preview -- --stack ${stack}" can ask and names the digest, write it into the file by hand`,
      ]),
    ),
  };
}

/** YAML reads `0` as a number; Pulumi hands all over as text. */
const text = (given: unknown): unknown => (typeof given === "number" ? String(given) : given);

/** Structures may be stored as JSON in a text. */
function decode(given: unknown): unknown {
  if (typeof given !== "string" || !given.startsWith("{")) return given;
  try {
    return JSON.parse(given) as unknown;
  } catch {
    return given;
  }
}

/** Registries with an encrypted value in them are asked without credentials: many answer all the same. */
function withoutEncrypted(given: unknown): { registries: unknown; encrypted: readonly string[] } {
  if (isEncrypted(given)) return { registries: ENCRYPTED, encrypted: [] };
  if (!isMap(given)) return { registries: given, encrypted: [] };
  const encrypted: string[] = [];
  const registries = Object.fromEntries(
    Object.entries(given).map(([host, settings]) => {
      if (!isMap(settings) || !Object.values(settings).some(isEncrypted)) return [host, settings];
      encrypted.push(host);
      const open = Object.entries(settings).filter(
        ([key]) => key !== "username" && key !== "password",
      );
      return [host, Object.fromEntries(open)];
    }),
  );
  return { registries, encrypted };
}

/** `{ secure: … }` is how Pulumi stores an encrypted value. */
const isEncrypted = (value: unknown): boolean =>
  isMap(value) && typeof value.secure === "string" && Object.keys(value).length === 1;
