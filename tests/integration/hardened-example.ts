/** A Pulumi program that uses the hardened components alone; hardened-example.test.ts runs it. */
import { Config } from "@pulumi/pulumi";

import {
  DataVolume,
  DockerHost,
  FileVolume,
  HardenedContainer,
  Networks,
} from "../../components/hardened";

const config = new Config("pinned-stack");
const image = config.require("image");
const host = new DockerHost("demo", { host: { address: config.require("docker") } });
const opts = { providers: [host.provider] };
const files = new FileVolume(
  "demo-files",
  { path: "/srv", files: { "index.html": "hello\n" }, image, host },
  opts,
);
const owner = "101:101";
const secrets = new FileVolume(
  "demo-secrets",
  {
    path: "/run/secrets",
    files: { token: { secret: "token", value: "s3cret-t0ken" } },
    owner,
    image,
    host,
  },
  opts,
);
const data = new DataVolume(
  "demo-data",
  { path: "/data", chown: { user: owner, image, host } },
  opts,
);
const web = new HardenedContainer(
  "demo-web",
  {
    host,
    image,
    user: owner,
    memoryMiB: 32,
    pidsLimit: 50,
    command: ["nginx", "-g", "daemon off;"],
    mounts: [files, secrets, data],
    tmpfs: { "/run": 1, "/var/cache/nginx": 1 },
    health: { command: ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"] },
    networks: [new Networks("demo", {}, opts).between("web", "client")],
  },
  opts,
);

export const container = web.container.name;
