/**
 * A stack of any size from the program's own components: each service is one hardened container with a file and a network
 * that it shares with one other, as the start page is.
 */
import { FileVolume } from "../../../../components/hardened/file-volume";
import { HardenedContainer } from "../../../../components/hardened/container";
import { Networks } from "../../../../components/hardened/networks";
import { limitProcesses } from "../../../../components/hardened/process-limits";
import { PulledImages } from "../../../../components/hardened/pulled-images";
import { DockerHost } from "../../../../host/docker-host";
import { parseReference } from "../../../../images/reference";
import { syntheticNames } from "../synthetic-names";

const { BENCH_DOCKER: address = "", BENCH_IMAGE: image = "", BENCH_SIZE: size = "" } = process.env;
const stack = "bench";
const names = syntheticNames(Number(size));
const host = new DockerHost(stack, { host: { address }, registries: {} });
const opts = { provider: host.provider };
const reference = parseReference(image);
const pulled = new PulledImages(
  stack,
  Object.fromEntries(names.map((name) => [name, reference])),
  "linux/amd64",
  { ...opts, dependsOn: host.preflight({ platform: "linux/amd64", needs: [] }) },
);
const networks = new Networks(stack, opts);
const inherit = { providers: [host.provider] };
const containers = names.map((name, index) => {
  const files = new FileVolume(
    `${stack}-${name}-files`,
    {
      stack,
      service: name,
      path: "/srv/files",
      files: { "index.html": `${name}\n` },
      image: pulled.of(name),
      after: pulled.all,
    },
    inherit,
  );
  return new HardenedContainer(
    stack,
    {
      name,
      image: pulled.of(name),
      measures: { user: "101:101", memoryMiB: 32, cpus: 0.25 },
      command: ["nginx", "-g", "daemon off;"],
      files: [files],
      scratchMiB: { "/run": 1, "/var/cache/nginx": 1 },
      health: {
        command: ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"],
        startSeconds: 60,
      },
      networks: [networks.link(name, names[(index + 1) % names.length] ?? "")],
      after: pulled.all,
    },
    inherit,
  );
});
limitProcesses(`${stack}-process-limits`, host, containers);
