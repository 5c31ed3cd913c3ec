import { isOlder } from "../../images/tag-version";
import { proxyEndpoint } from "../hardened/haproxy";
import { defineService } from "./definition";

const PORT = 9000;
const SECRETS = "/run/secrets/portainer";

/** Portainer, looking at Docker through its proxy: it shows everything and changes nothing. */
export const portainer = defineService({
  name: "portainer",
  // It counts for the first administrator only, until there is one.
  secrets: { portainerPassword: { minLength: 12 } },
  image: {
    diskMiB: 300,
    needs: ({ tag }) =>
      // Its Go client is 23.0 until 2.33.5 and, of the short-term releases, 2.36.0 (portainer/portainer#12925).
      isOlder(tag, [2, 33, 5]) || (!isOlder(tag, [2, 34]) && isOlder(tag, [2, 36]))
        ? {
            newestApi: 42,
            remedy: "use portainer-ce 2.33.5, 2.36 or newer, or Docker Engine 29.3 or newer",
          }
        : {},
  },
  // Nothing in its image could ask it, so Traefik does before it sends anybody there.
  route: { target: PORT, admin: true, healthPath: "/api/system/status" },
  dockerApi: [
    "version",
    "info",
    "events",
    "containers",
    "container",
    "containerStats",
    "images",
    "image",
    "imageHistory",
    "networks",
    "network",
    "volumes",
    "volume",
  ],
  containers: () => [
    {
      // Any user that owns /data will do.
      user: "1000:1000",
      exemptions: [
        {
          control: "healthCheck",
          value: false,
          reason:
            "the image holds no program that could ask it; Traefik asks its status page where it has a route",
        },
      ],
      command: [
        "--host",
        proxyEndpoint("portainer"),
        "--admin-password-file",
        `${SECRETS}/admin-password`,
      ],
      secrets: { password: { path: SECRETS, files: { "admin-password": "portainerPassword" } } },
      data: { data: { path: "/data", chown: true } },
      // Its own image has no /bin/chown.
      initImage: "socket-proxy",
      tmpfs: { "/tmp": 16 },
      stopGraceSeconds: 20,
    },
  ],
});
