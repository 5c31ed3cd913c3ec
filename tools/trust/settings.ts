/**
 * Reads only the configuration keys that `npm run pin` and `npm run verify` need, so that a stack can be pinned before its secrets are set or
 * the rest of its configuration is valid. Pure.
 */
import type { z } from "zod";

import { fromJson, isEncrypted, StackFileError } from "../../config/file/yaml";
import { KEYS } from "../../config/schema";
import type { Registries } from "../../images/registry/origin";
import type { Accepted } from "../../images/known/known";
import type { TrustPolicies } from "../../images/trust/policy";
import { ENCRYPTED, isMap, issueLines, zodMessage } from "../../text/messages";

export interface PinSettings {
  readonly platform: string;
  /** In ms. */
  readonly minimumAge: number;
  readonly registries: Registries;
  readonly trust: TrustPolicies;
  /** Known holes that the stack lives with. */
  readonly accept: readonly Accepted[];
  /** By registry with encrypted credentials: the remedy if it requires them. */
  readonly encrypted: ReadonlyMap<string, string>;
}

/** Throws a {@link StackFileError} with all problems. @param value returns the YAML value of a key */
export function readSettings(stack: string, value: (key: string) => unknown): PinSettings {
  const problems: string[] = [];
  const parse = <S extends z.ZodType>(
    key: string,
    { schema, fallback }: { readonly schema: S; readonly fallback: unknown },
    given: unknown,
  ): z.output<S> | undefined => {
    const isUnset = given === undefined || given === null || given === "";
    const result = schema.safeParse(isUnset ? fallback : given, { error: zodMessage });
    if (result.success) return result.data;
    problems.push(...issueLines(key, result.error.issues));
    return undefined;
  };
  const age = value("minimumAge");
  const given = value("registries");
  const [readable, encrypted] = withoutEncrypted(
    typeof given === "string" ? fromJson(given) : given,
  );
  const platform = parse("platform", KEYS.platform, value("platform"));
  // YAML reads `0` as a number; Pulumi passes every value as a string.
  const minimumAge = parse("minimumAge", KEYS.minimumAge, typeof age === "number" ? `${age}` : age);
  const registries = parse("registries", KEYS.registries, readable);
  const trusted = value("trust");
  const trust = parse(
    "trust",
    KEYS.trust,
    typeof trusted === "string" ? fromJson(trusted) : trusted,
  );
  const accepted = value("accept");
  // Only for what the output says of holes: an unusable one is a problem of the commands that need the whole configuration.
  const accept = KEYS.accept.schema.safeParse(
    typeof accepted === "string" ? fromJson(accepted) : (accepted ?? KEYS.accept.fallback),
  );
  if (
    platform === undefined ||
    minimumAge === undefined ||
    registries === undefined ||
    trust === undefined
  )
    throw new StackFileError(problems.join("\n"));
  const hint = `its credentials are encrypted in the stack file, which this command does not decrypt: run "npm run preview -- --stack ${stack}" and copy the digest from its output`;
  return {
    platform,
    minimumAge,
    registries,
    trust,
    accept: accept.data ?? [],
    encrypted: new Map(encrypted.map((registry) => [registry, hint])),
  };
}

/** The registries without their encrypted credentials, and the names of the registries that have some. */
function withoutEncrypted(given: unknown): readonly [unknown, readonly string[]] {
  if (isEncrypted(given)) return [ENCRYPTED, []];
  if (!isMap(given)) return [given, []];
  const encrypted: string[] = [];
  const registries = Object.entries(given).map(([host, settings]) => {
    if (!isMap(settings) || !Object.values(settings).some(isEncrypted)) return [host, settings];
    encrypted.push(host);
    const others = Object.entries(settings).filter(
      ([key]) => key !== "username" && key !== "password",
    );
    return [host, Object.fromEntries(others)];
  });
  return [Object.fromEntries(registries), encrypted];
}
