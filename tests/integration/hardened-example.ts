/** A Pulumi program that uses the hardened components alone; hardened-example.test.ts runs it. */
import { Config } from "@pulumi/pulumi";

import * as hardened from "../../components/hardened";

const config = new Config();
const host = new hardened.DockerHost("demo", { host: { address: config.require("docker") } });
const opts = { providers: [host.provider] };
const on = { image: config.require("image"), host };
const owner = "101:101";
const page = { path: "/srv", files: { "index.html": "hello\n" } };
const token = { token: { secret: "token", value: "s3cret-t0ken" } };
const secret = { path: "/run/secrets", files: token, owner };
const mounts = [
  new hardened.FileVolume("demo-files", { ...on, ...page }, opts),
  new hardened.FileVolume("demo-secrets", { ...on, ...secret }, opts),
  new hardened.DataVolume("demo-data", { path: "/data", chown: { ...on, user: owner } }, opts),
];
const web = {
  user: owner,
  memoryMiB: 32,
  pidsLimit: 50,
  command: ["nginx", "-g", "daemon off;"],
  tmpfs: { "/run": 1, "/var/cache/nginx": 1 },
  health: { command: ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"] },
  networks: [new hardened.Networks("demo", {}, opts).between("web", "client")],
};

export const container = new hardened.HardenedContainer("demo-web", { ...on, ...web, mounts }, opts)
  .container.name;
