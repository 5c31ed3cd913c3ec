/** Configurations for tests, as Pulumi gives them to the program. */
import assert from "node:assert/strict";
import { inspect } from "node:util";

import { SecretName, SERVICE_NAMES, ServiceName } from "../../components/services";
import { ConfigError, parseConfig, RawConfig } from "../../config/config";
import { SECRET_NAMES, SECRETS } from "../../config/schema";

export const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;

/** A key of the right type and length that belongs to no server. */
export const HOST_KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFna0hJujQo6PrWD+8aoME5S7WPwXaTgHQrbj2dzOiJ";

const WELL_KNOWN: Partial<Record<ServiceName, string>> = {
  traefik: `traefik:v3.6.4@${digestOf("1")}`,
  "socket-proxy": `ghcr.io/tecnativa/docker-socket-proxy:v0.4.2@${digestOf("2")}`,
  homepage: `nginx:1.27-alpine@${digestOf("3")}`,
  portainer: `portainer/portainer-ce:2.19.5@${digestOf("4")}`,
  n8n: `n8nio/n8n:1.64.2@${digestOf("5")}`,
  postgres: `postgres:16-alpine@${digestOf("6")}`,
  cadvisor: `gcr.io/cadvisor/cadvisor:v0.49.1@${digestOf("7")}`,
};

/** An image for each service; of those whose version no test asks for, any. */
export const IMAGES = Object.fromEntries(
  SERVICE_NAMES.map((name) => [name, WELL_KNOWN[name] ?? `${name}:1@${digestOf("8")}`]),
) as Readonly<Record<ServiceName, string>>;

/** All images but those of some services. */
export const imagesWithout = (...names: readonly ServiceName[]): Record<string, string> =>
  Object.fromEntries(
    Object.entries(IMAGES).filter(([name]) => !(names as readonly string[]).includes(name)),
  );

/** A value for each secret, which no message and no recorded input may show. */
export const CANARIES = Object.fromEntries(
  SECRET_NAMES.map((name) => [name, `canary-${name}-in-clear`]),
) as Readonly<Record<SecretName, string>>;

/** The secrets of a stack without ACME. */
const USUAL = Object.fromEntries(
  SECRET_NAMES.filter((name) => SECRETS[name].neededFor === undefined).map((name) => [
    name,
    CANARIES[name],
  ]),
);

/** A configuration without a problem, of a stack that is not `dev`, with some keys said otherwise. */
export const rawConfig = (
  values: Readonly<Record<string, unknown>> = {},
  rest: Partial<RawConfig> = {},
): RawConfig => ({
  stack: "test",
  values: {
    host: { address: "unix:///var/run/docker.sock" },
    domain: "example.test",
    images: IMAGES,
    ...USUAL,
    ...values,
  },
  secure: new Set([...SECRET_NAMES, "registries", "secrets"]),
  ...rest,
});

/** The same as Pulumi gives it to a program: full keys and texts. */
export function pulumiConfig(values: Readonly<Record<string, unknown>> = {}): {
  readonly config: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
} {
  const raw = rawConfig(values);
  const said = Object.entries(raw.values).filter(([, value]) => value !== undefined);
  return {
    config: Object.fromEntries(
      said.map(([key, value]) => [
        `pinned-stack:${key}`,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    ),
    secretKeys: [...raw.secure].map((key) => `pinned-stack:${key}`),
  };
}

/** The end of every line about a secret. */
export const setSecret = (name: string, stack = "test"): string =>
  `set it with "npx pulumi config set --secret --stack ${stack} ${name}"`;

/** The lines about a configuration; none of them may repeat a canary. */
export function problemsOf(raw: RawConfig): readonly string[] {
  try {
    parseConfig(raw);
  } catch (error) {
    assert.ok(error instanceof ConfigError, inspect(error));
    assert.doesNotMatch(error.message, /canary/i);
    return error.problems;
  }
  return [];
}
