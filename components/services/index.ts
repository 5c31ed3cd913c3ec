/** The services of the stack, in display order. docs/adding-a-service.md explains how to add one. */
import { backup } from "./backup/backup";
import { cadvisor } from "./cadvisor";
import { ServiceDefinition } from "./definition";
import { homepage } from "./homepage/homepage";
import { n8n } from "./n8n";
import { n8nRunners } from "./n8n-runners";
import { ownDefinition } from "./own/definition";
import { OwnService } from "./own/schema";
import { portainer } from "./portainer";
import { postgres } from "./postgres";
import { socketProxy } from "./socket-proxy";
import { traefik } from "./traefik/traefik";

export const SERVICES = [
  traefik,
  socketProxy,
  homepage,
  portainer,
  n8n,
  n8nRunners,
  postgres,
  backup,
  cadvisor,
] as const;

export type ServiceName = (typeof SERVICES)[number]["name"];
type SecretsOf<Definition> = Definition extends { readonly secrets?: infer Secrets }
  ? Extract<keyof NonNullable<Secrets>, string>
  : never;
export type SecretName = SecretsOf<(typeof SERVICES)[number]>;

export const DEFINITIONS: readonly ServiceDefinition[] = SERVICES;
export const SERVICE_NAMES: readonly ServiceName[] = SERVICES.map(({ name }) => name);

/** Of the services of this program, then of those of a stack's own. */
export const definitionsWith = (
  services: Readonly<Record<string, { readonly own?: OwnService }>>,
): readonly ServiceDefinition[] => [
  ...DEFINITIONS,
  ...Object.entries(services)
    // Pulumi sorts the keys of a map, and a file does not.
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, { own }]) => (own === undefined ? [] : [ownDefinition(name, own)])),
];

/** Index of a service in display order: those of one's own come last. */
export const rankOf = (service: string): number => {
  const rank = DEFINITIONS.findIndex(({ name }) => name === service);
  return rank === -1 ? DEFINITIONS.length : rank;
};
