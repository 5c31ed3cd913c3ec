/**
 * A stack of any size from the program's own components: each service is one hardened container with a file and a network
 * that it shares with one other, as the start page is.
 */
import * as docker from "@pulumi/docker";

import {
  DockerHost,
  FileVolume,
  HardenedContainer,
  Networks,
} from "../../../../components/hardened";
import { syntheticNames } from "../synthetic-names";

const { BENCH_DOCKER: address = "", BENCH_IMAGE: image = "", BENCH_SIZE: size = "" } = process.env;
const stack = "bench";
const names = syntheticNames(Number(size));
const host = new DockerHost(stack, { host: { address }, registries: {} });
const preflight = host.preflight({ platform: "linux/amd64", needs: [] });
const pulled = names.map(
  (name) =>
    new docker.RemoteImage(
      `${stack}-${name}`,
      { name: image, platform: "linux/amd64", keepLocally: true },
      { provider: host.provider, dependsOn: preflight },
    ),
);
const opts = { providers: [host.provider], dependsOn: pulled };
const networks = new Networks(stack, {}, { providers: [host.provider] });
names.forEach((name, index) => {
  const files = new FileVolume(
    `${stack}-${name}-files`,
    { path: "/srv/files", files: { "index.html": `${name}\n` }, image, host },
    opts,
  );
  new HardenedContainer(
    `${stack}-${name}`,
    {
      alias: name,
      host,
      image,
      user: "101:101",
      memoryMiB: 32,
      cpus: 0.25,
      command: ["nginx", "-g", "daemon off;"],
      mounts: [files],
      tmpfs: { "/run": 1, "/var/cache/nginx": 1 },
      health: {
        command: ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"],
        startSeconds: 60,
      },
      networks: [networks.between(name, names[(index + 1) % names.length] ?? "")],
    },
    opts,
  );
});
