/** The process of {@link RegistryWorld}: ends when its parent lets go of it. */
import { FakeRegistry, type LoggedRequest } from "../../support/registry-server";
import { indexedImage, LINUX_ARM64, platformImage } from "../../support/oci-images";
import type { BenchImage, Counts, Order, WorldOptions } from "./registry-world";

const SERVICES = [
  [0, "traefik"],
  [1, "socket-proxy"],
  [0, "homepage"],
  [0, "portainer"],
  [0, "n8n"],
  [0, "postgres"],
  [2, "cadvisor"],
] as const;

const registries: FakeRegistry[] = [];

async function start({ size = 7, ...options }: WorldOptions): Promise<readonly BenchImage[]> {
  for (let count = 0; count < 3; count++) registries.push(await FakeRegistry.start(options));
  const build = (day: number) =>
    indexedImage([
      platformImage({
        created: `2026-10-0${day}T00:00:00Z`,
        labels: { "org.opencontainers.image.revision": "a" },
      }),
      platformImage({ platform: LINUX_ARM64 }),
    ]);
  const [before, now] = [build(1), build(2)];
  return Array.from({ length: size }, (_, index) => {
    const [at, name] = SERVICES[index % SERVICES.length] ?? SERVICES[0];
    const service = index < SERVICES.length ? name : `${name}-${index}`;
    const registry = registries[at];
    if (registry === undefined) throw new Error("fewer registries than expected");
    registry.putImage(`team/${service}`, before);
    registry.putImage(`team/${service}`, now, "1.0");
    return {
      service,
      name: `${registry.host}/team/${service}:1.0`,
      now: now.index.digest,
      before: before.index.digest,
    };
  });
}

function counts(): Counts {
  const count = (kind: LoggedRequest["kind"]): number =>
    registries.reduce((sum, registry) => sum + registry.count(kind), 0);
  const seen = {
    head: count("head"),
    get: count("get"),
    blob: count("blob"),
    token: count("token"),
    other: count("other"),
  };
  for (const { log } of registries) log.length = 0;
  return seen;
}

process.on("message", (order: Order) => {
  if ("counts" in order) process.send?.(counts());
  else void start(order.start).then((images) => process.send?.({ images }));
});
process.on("disconnect", () => {
  void Promise.all(registries.map((registry) => registry.close())).then(() => process.exit());
});
