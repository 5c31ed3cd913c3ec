/** The smallest stack, Traefik and the start page, as the tests of pins deploy it. */
import assert from "node:assert/strict";

import {
  newDeployment,
  pinnedImages,
  SERVICE_IMAGES,
  type Deployment,
  type Values,
} from "../../support/deployment";
import { services } from "../../support/inspect";
import { answer, startProbe, type Probe } from "../../support/probe";
import type { World } from "../../support/world";

export interface Small extends Deployment {
  /** Traefik's published port. */
  readonly port: number;
  /** Visits the start page every 50 ms. */
  probe(): Probe;
  /** The status of the start page. */
  answer(): Promise<string>;
  /** The container of each service, by id. */
  ids(): Promise<Readonly<Record<string, string>>>;
  /** The image each container was made from. */
  images(): Promise<Readonly<Record<string, string>>>;
}

const HOST = "home.example.test";
export const HOMEPAGE = SERVICE_IMAGES.homepage;

/** @param access how the daemon is reached: overSsh or onSocket */
export async function newSmall(world: World, name: string, access: Values): Promise<Small> {
  const port = await world.publishedPort();
  const deployment = await newDeployment(world, {
    name,
    values: {
      ...access,
      domain: HOST,
      publish: { http: port },
      images: await pinnedImages(world, ["traefik", "homepage"]),
      services: { n8n: { enabled: false }, portainer: { enabled: false } },
      registries: { [world.registry.name]: { insecure: true } },
    },
  });
  const url = `http://127.0.0.1:${port}/`;
  const running = async <T>(tell: (id: string, image: string) => T): Promise<Record<string, T>> => {
    const all = Object.entries(await services(world, name));
    return Object.fromEntries(all.map(([key, one]) => [key, tell(one.Id, one.Config.Image)]));
  };
  return {
    ...deployment,
    port,
    probe: () => startProbe({ url, host: HOST, every: 50, patience: 5000 }),
    answer: () => answer(url, HOST),
    ids: () => running((id) => id),
    images: () => running((_, image) => image),
  };
}

/** Runs a command while the start page is visited; nobody may miss anything. */
export async function unnoticed<T>(small: Small, command: () => Promise<T>): Promise<T> {
  const probe = small.probe();
  const result = await command();
  const { requests, failures, answers } = await probe.stop();
  assert.equal(failures, 0, JSON.stringify(answers));
  assert.ok(requests >= 5, `${requests} requests`);
  return result;
}

/** Pins the start page's image to a digest. */
export const pinHomepage = (world: World, small: Small, digest: string): Promise<void> =>
  small.pin({ homepage: `${world.registry.name}/${HOMEPAGE}@${digest}` });

export async function unchanged(small: Small, ...args: string[]): Promise<void> {
  const clean = await small.preview("--expect-no-changes", ...args);
  assert.equal(clean.code, 0, clean.stdout);
}

/** What the registry was asked by the program and by the daemon while a command ran. */
export async function asked<T>(
  { registry }: World,
  command: () => Promise<T>,
): Promise<{ readonly result: T; readonly program: number; readonly daemon: number }> {
  const before = (await registry.requests()).length;
  const result = await command();
  const agents = (await registry.requests()).slice(before).map(({ agent }) => agent);
  return {
    result,
    program: agents.filter((agent) => agent === "pinned-stack").length,
    daemon: agents.filter((agent) => agent.startsWith("docker/")).length,
  };
}
