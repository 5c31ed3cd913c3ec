/** A JSON Schema of stack files, so that an editor completes and checks their keys. Pure. */
import { z } from "zod";

import { ConfigKey, KEYS, SECRET_NAMES, SECRETS } from "./schema";

type Schema = Readonly<Record<string, unknown>>;

/** A value that Pulumi has encrypted. */
const SECURE: Schema = {
  type: "object",
  properties: { secure: { type: "string" } },
  required: ["secure"],
  additionalProperties: false,
};
const orSecure = (schema: Schema): Schema => ({ anyOf: [schema, SECURE] });

/**
 * What the rules that span several keys refuse is valid here: `npm run report` finds that.
 *
 * @param descriptions by key with its namespace, as in Pulumi.yaml
 */
export function stackSchema(descriptions: Readonly<Record<string, string>>): Schema {
  const keys = (Object.keys(KEYS) as ConfigKey[]).map((key): [string, Schema] => [
    key,
    key === "secrets"
      ? secretsSchema()
      : withSecrets(schemaOf(KEYS[key].schema), key === "notify" ? "url" : "password"),
  ]);
  const secrets = SECRET_NAMES.map((name): [string, Schema] => [
    name,
    orSecure({ type: "string", minLength: SECRETS[name].minLength }),
  ]);
  const properties = Object.fromEntries(
    [...keys, ...secrets].map(([key, schema]) => {
      const name = `pinned-stack:${key}`;
      const description = descriptions[name];
      return [name, { ...(description !== undefined && { description }), ...schema }];
    }),
  );
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A stack of pinned-stack, Pulumi.<stack>.yaml",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties,
        // Keys of other namespaces, and those of this one without it, are Pulumi's affair.
        patternProperties: { "^(?!pinned-stack:)": {} },
        additionalProperties: false,
      },
      encryptionsalt: { type: "string" },
      secretsprovider: { type: "string" },
      encryptedkey: { type: "string" },
    },
    required: ["config"],
  };
}

function schemaOf(schema: z.ZodType): Schema {
  const made = z.toJSONSchema(schema, {
    target: "draft-7",
    io: "input",
    unrepresentable: "any",
  });
  // The whole has it.
  return Object.fromEntries(Object.entries(made).filter(([key]) => key !== "$schema"));
}

const secretsSchema = (): Schema => {
  const schema = schemaOf(KEYS.secrets.schema);
  return { ...schema, additionalProperties: orSecure(schema.additionalProperties as Schema) };
};

/** Passwords of registries may be encrypted, too, and URLs of notifications. */
function withSecrets(schema: unknown, secret: string): Schema {
  if (typeof schema !== "object" || schema === null) return schema as never;
  if (Array.isArray(schema)) return schema.map((one) => withSecrets(one, secret)) as never;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === "properties" && typeof value === "object" && value !== null
        ? Object.fromEntries(
            Object.entries(value as Schema).map(([name, inner]) => [
              name,
              name === secret ? orSecure(inner as Schema) : withSecrets(inner, secret),
            ]),
          )
        : withSecrets(value, secret),
    ]),
  );
}
