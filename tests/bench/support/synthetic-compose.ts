/** The synthetic stack as a Compose file: the same containers under the same restrictions. */
import { stringify } from "yaml";

import { syntheticNames } from "./synthetic-names";

export function syntheticCompose(count: number, image: string): string {
  const names = syntheticNames(count);
  return stringify({
    name: "synthetic",
    services: Object.fromEntries(
      names.map((name) => [
        name,
        {
          image,
          user: "101:101",
          command: ["nginx", "-g", "daemon off;"],
          cap_drop: ["ALL"],
          read_only: true,
          security_opt: ["no-new-privileges:true"],
          mem_limit: "32m",
          memswap_limit: "32m",
          cpus: 0.25,
          pids_limit: 200,
          restart: "unless-stopped",
          tmpfs: ["/run:size=1m,uid=101,gid=101", "/var/cache/nginx:size=1m,uid=101,gid=101"],
          volumes: [`${name}-files:/srv/files:ro`],
          healthcheck: {
            test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"],
            interval: "5s",
            start_period: "60s",
          },
          networks: [name],
        },
      ]),
    ),
    networks: Object.fromEntries(names.map((name) => [name, { internal: true }])),
    volumes: Object.fromEntries(names.map((name) => [`${name}-files`, {}])),
  });
}
