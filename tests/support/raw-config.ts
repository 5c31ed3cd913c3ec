import assert from "node:assert/strict";
import { inspect } from "node:util";

import { SERVICE_NAMES, ServiceName } from "../../components/services";
import { ConfigError, parseConfig, RawConfig } from "../../config/config";

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

/** Texts that may be in no message and in no recorded input. */
export const CANARIES = {
  postgresPassword: "canary-postgres-password",
  n8nDatabasePassword: "canary-n8n-database-password",
  n8nEncryptionKey: "canary-n8n-encryption-key",
  portainerPassword: "canary-portainer-password",
  acmeDnsToken: "canary-acme-dns-token",
};

/** A configuration without a problem, of a stack that is not `dev`, with some keys said otherwise. */
export function rawConfig(
  values: Readonly<Record<string, unknown>> = {},
  rest: Partial<RawConfig> = {},
): RawConfig {
  const secrets = Object.fromEntries(
    Object.entries(CANARIES).filter(([name]) => name !== "acmeDnsToken"),
  );
  return {
    stack: "test",
    values: {
      host: { address: "unix:///var/run/docker.sock" },
      domain: "example.test",
      images: IMAGES,
      ...secrets,
      ...values,
    },
    secure: new Set([...Object.keys(CANARIES), "registries"]),
    ...rest,
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
