import { PROXY_SPEC, proxyFiles, proxyName } from "../hardened/haproxy";
import { defineService } from "./definition";

/**
 * Docker's socket, read-only and in parts. Each client has a proxy of its own on a network of its own, because a proxy has
 * one set of permissions for all who reach it.
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
