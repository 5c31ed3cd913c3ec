/** Registries and clients for one test each, closed after it. */

import assert from "node:assert/strict";
import { formatReference, parseReference, type ImageReference } from "../../images/reference";
import {
  RegistryClient,
  RegistryError,
  type RegistryClientOptions,
  type RegistrySettings,
} from "../../images/registry/client";
import { FakeRegistry, type FakeRegistryOptions } from "./registry-server";

/** Short enough for a test to wait for, long enough for a busy machine to answer in. */
export const QUICK = { retryMs: 1 } as const;

export interface RegistryFixture {
  readonly start: (options?: FakeRegistryOptions) => Promise<FakeRegistry>;
  /** A client that may speak plain http to the registries. */
  readonly client: (
    registries: readonly FakeRegistry[],
    options?: RegistryClientOptions,
  ) => RegistryClient;
}

/** Call it inside `describe`. */
export function registryFixture(): RegistryFixture {
  const toClose: { close(): void | Promise<void> }[] = [];
  afterEach(async () => {
    // Clients before servers: a server waits for its connections.
    for (const opened of toClose.splice(0).reverse()) await opened.close();
  });
  return {
    async start(options) {
      const registry = await FakeRegistry.start(options);
      toClose.push(registry);
      return registry;
    },
    client(registries, options) {
      const client = new RegistryClient({
        limits: QUICK,
        ...options,
        registries: { ...insecure(registries), ...options?.registries },
      });
      toClose.push(client);
      return client;
    },
  };
}

/** Settings that allow plain http to these registries. */
export const insecure = (
  registries: readonly FakeRegistry[],
  settings: RegistrySettings = {},
): Record<string, RegistrySettings> =>
  Object.fromEntries(registries.map(({ host }) => [host, { insecure: true, ...settings }]));

/** `team/app:1` in this registry. */
export const imageIn = (registry: FakeRegistry, rest: string): ImageReference =>
  parseReference(`${registry.host}/${rest}`);

/** Texts with ports in them, which differ from run to run, made comparable. */
export const withoutPorts = (text: string, registry: FakeRegistry): string =>
  text
    .replaceAll(registry.host, "REGISTRY")
    .replaceAll(new URL(registry.realm).host, "TOKENS")
    .replaceAll(/127\.0\.0\.1:\d+/g, "OTHER");

/** A digest as it is, an error as `code: answer` without ports. */
export const outcomeText = (outcome: unknown, registry: FakeRegistry): string =>
  outcome instanceof RegistryError
    ? withoutPorts(`${outcome.code}: ${outcome.answer}`, registry)
    : String(outcome);

/** The {@link outcomeText} of work that has to fail; the whole message has to begin with the image. */
export async function failureOf(
  work: Promise<unknown>,
  image: ImageReference,
  registry: FakeRegistry,
): Promise<string> {
  const outcome = await work.catch((error: unknown) => error);
  assert.ok(outcome instanceof RegistryError, "expected it to fail");
  assert.equal(outcome.message, `${formatReference(image)}: ${outcome.answer}`);
  return outcomeText(outcome, registry);
}
