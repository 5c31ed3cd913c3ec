/** The whole stack as one world of tests sees it: deployed once over SSH, looked at by everything in this folder. */
import { mkdir, writeFile } from "node:fs/promises";

import { newDeployment, overSsh, pinnedImages, type Deployment } from "../../support/deployment";
import { ask, type Answer, type Question } from "../../support/http";
import { startOutside, type Outside } from "../../support/outside";
import type { World } from "../../support/world";

export interface Whole {
  readonly world: World;
  readonly deployment: Deployment;
  readonly outside: Outside;
  /** Traefik's published ports. */
  readonly http: number;
  readonly https: number;
  /** What was measured, for people. */
  readonly figures: Record<string, number>;
  /** Asks a service through Traefik, from this machine: for the stack an administrator's address. */
  readonly ask: (host: string, path: string, question?: Question) => Promise<Answer>;
}

export const STACK = "whole";
export const DOMAIN = "example.test";

/** Every secret is a text that is found again wherever it leaks to. */
export const CANARIES = {
  postgresPassword: "canary-postgres-5b1d7e",
  n8nDatabasePassword: "canary-database-71ce09",
  n8nEncryptionKey: "canary-encryption-90fa42-6b1e7d3c",
  portainerPassword: "canary-portainer-c3e8b6",
} as const;

/** Docker's own networks: connections from the host itself come from there, those from outside do not. */
const ADMINS = ["10.201.0.0/16"];

export async function newWhole(world: World): Promise<Whole> {
  const [http, https, outside] = await Promise.all([
    world.publishedPort(),
    world.publishedPort(),
    startOutside(world.host),
  ]);
  const deployment = await newDeployment(world, {
    name: STACK,
    values: {
      ...overSsh(world),
      domain: DOMAIN,
      publish: { address: "0.0.0.0", http, https },
      images: await pinnedImages(world),
      requirePins: true,
      services: { cadvisor: { enabled: true } },
      registries: { [world.registry.name]: { insecure: true } },
      adminAllow: ADMINS,
    },
    secrets: CANARIES,
  });
  return {
    world,
    deployment,
    outside,
    http,
    https,
    figures: {},
    ask: (host, path, question) => ask(`http://127.0.0.1:${http}${path}`, { ...question, host }),
  };
}

/** Kept beside the pictures, and printed. */
export async function keepFigures({ figures }: Whole, name: string): Promise<void> {
  await mkdir("test-output", { recursive: true });
  await writeFile(`test-output/${name}-figures.json`, `${JSON.stringify(figures, undefined, 2)}\n`);
  const line = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  console.log(`    ${line.join(", ")}`);
}

/** Runs a command of the deployment and notes how long it took and how often it logged in. */
export async function measured<R extends { readonly ms: number }>(
  { world, figures }: Whole,
  name: string,
  command: () => Promise<R>,
): Promise<R> {
  const before = await world.ssh.logins();
  const result = await command();
  figures[`${name} seconds`] = Math.round(result.ms / 100) / 10;
  figures[`${name} logins`] = (await world.ssh.logins()) - before;
  return result;
}
