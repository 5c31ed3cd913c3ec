/** The service of the Docker socket proxies, one for each service that reads Docker's API. */
import { PROXY_SPEC, proxyFiles, proxyName } from "../hardened/haproxy";
import { defineService } from "./definition";

/**
 * Read-only access to parts of the Docker API. Each client has its own proxy in its own network, because a proxy has the
 * same permissions for all its clients.
 */
export const socketProxy = defineService({
  name: "socket-proxy",
  enabled: ({ dockerApi }) => dockerApi !== undefined,
  image: { diskMiB: 50 },
  containers: ({ dockerClients }) =>
    dockerClients.map(({ service, reads }) => ({
      ...PROXY_SPEC,
      name: proxyName(service),
      files: { config: proxyFiles(reads) },
      dockerSocket: true,
    })),
});
