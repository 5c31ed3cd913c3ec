/** Everything the integration tests talk to, on this machine's loopback and gone afterwards. */
import { join } from "node:path";
import { startDockerd, type Dockerd } from "./dockerd";
import { DEFAULT_ENGINE, type Engine } from "./engine";
import { point, variant, type VariantKind } from "./image-variant";
import { startOwnHost, type OwnHost } from "./own-host";
import { newStack, type PulumiOptions, type PulumiStack } from "./pulumi";
import { Repository, splitImage } from "./registry-images";
import { startRegistry, type RegistryProcess } from "./registry-process";
import { imageStore, missing, type Needs } from "./requirements";
import { startSshd, type Sshd } from "./sshd";

export interface World {
  readonly host: OwnHost;
  readonly docker: Dockerd;
  readonly registry: RegistryProcess;
  readonly ssh: Sshd;
  /** The digest of `repository:tag` in the registry, by HEAD. */
  digest(image: string): Promise<string>;
  /** `127.0.0.1:<port>/repository:tag@sha256:…`, as it is in the registry now. */
  pinned(image: string): Promise<string>;
  /** Pushes a new image made from `repository:tag`, under the same tag unless told; gives its digest. */
  variant(image: string, kind: VariantKind, tag?: string): Promise<string>;
  /** Lets the tag of `repository:tag` point to a digest the registry has. */
  point(image: string, digest: string): Promise<void>;
  /** A port for a container to publish on 127.0.0.1: reachable under the same number from here. */
  publishedPort(): Promise<number>;
  /** A new Pulumi stack; its SSH_AUTH_SOCK is {@link ssh}'s agent. */
  stack(options: Omit<PulumiOptions, "directory">): Promise<PulumiStack>;
  stop(): Promise<void>;
}

/** Starts all of it, which takes about two seconds. `daemon` is the content of Docker's daemon.json. */
export async function startWorld(needs: Needs = {}, daemon: object = {}): Promise<World> {
  const engine = needs.engine ?? DEFAULT_ENGINE;
  const host = await startOwnHost({
    imageStore: needs.images?.length ? imageStore : undefined,
    programs: engine.folder,
  });
  try {
    const [docker, registry, ssh] = await Promise.all([
      startDockerd(host, daemon, engine),
      startRegistry(host),
      startSshd(host),
    ]);
    return assemble(host, docker, registry, ssh, engine);
  } catch (error) {
    await host.stop();
    throw error;
  }
}

function assemble(
  host: OwnHost,
  docker: Dockerd,
  registry: RegistryProcess,
  ssh: Sshd,
  { folder }: Engine,
): World {
  let stacks = 0;
  const digest = (image: string): Promise<string> => {
    const { repository, tag } = splitImage(image);
    return new Repository(registry.url, repository).digest(tag);
  };
  return {
    host,
    docker,
    registry,
    ssh,
    digest,
    pinned: async (image) => `${registry.name}/${image}@${await digest(image)}`,
    variant: (image, kind, tag) => variant(registry.url, image, kind, tag),
    point: (image, to) => point(registry.url, image, to),
    publishedPort: async () => (await host.open()).port,
    stack: (options) => {
      stacks += 1;
      return newStack({
        ...options,
        directory: join(host.directory, `p${stacks}`),
        ...(folder !== undefined && { programs: folder }),
        env: { SSH_AUTH_SOCK: ssh.agent, DOCKER_CONFIG: docker.config, ...options.env },
      });
    },
    stop: () => host.stop(),
  };
}

/**
 * Inside a `describe`: one world for its tests, started before and stopped after them. Where the machine lacks something,
 * all its tests are skipped and the reason is printed: `skipped: no dockerd; no plugin resource-docker-v5.2.0`.
 * `leave` is the last thing done in a world that was started.
 */
export function useWorld(
  needs: Needs = {},
  leave: (world: World) => Promise<void> = () => Promise.resolve(),
): () => World {
  let world: World | undefined;
  before(async function () {
    this.timeout(60_000);
    const absent = await missing(needs);
    if (absent.length > 0) {
      console.log(`skipped: ${absent.map((name) => `no ${name}`).join("; ")}`);
      this.skip();
    }
    world = await startWorld(needs);
  });
  after(async function () {
    this.timeout(60_000);
    if (world === undefined) return;
    try {
      await leave(world);
    } finally {
      await world.stop();
    }
  });
  return () => {
    if (world === undefined) throw new Error("the world exists only while its tests run");
    return world;
  };
}
