/** The service Portainer: Docker in a browser, to look at only. */
import { isOlder } from "../../images/tag-version";
import { proxyEndpoint } from "../hardened/haproxy";
import { defineService } from "./definition";

const PORT = 9000;
/** Not /run/secrets/portainer, where Portainer looks for the file with the key of its database. */
const SECRETS = "/run/secrets/portainer-admin";

/** Portainer with read-only access to Docker through its socket proxy. */
export const portainer = defineService({
  name: "portainer",
  // Used only to create the first administrator.
  secrets: { portainerPassword: { minLength: 12 } },
  image: {
    diskMiB: 300,
    needs: ({ tag }) =>
      // Its Docker client is version 23.0 before 2.33.5 (LTS) and 2.36.0 (STS) (portainer/portainer#12925).
      isOlder(tag, [2, 33, 5]) || (!isOlder(tag, [2, 34]) && isOlder(tag, [2, 36]))
        ? {
            newestApi: 42,
            remedy: "use portainer-ce 2.33.5, 2.36 or newer, or Docker Engine 29.3 or newer",
          }
        : {},
  },
  // The image contains no program that could run a health check, so Traefik does it.
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
      // Any user works if it owns /data.
      user: "1000:1000",
      exemptions: [
        {
          control: "healthCheck",
          value: false,
          reason:
            "the image contains no program to run a check with; Traefik checks the route instead",
        },
      ],
      command: [
        "--host",
        proxyEndpoint("portainer"),
        "--admin-password-file",
        `${SECRETS}/admin-password`,
      ],
      secrets: { password: { path: SECRETS, files: { "admin-password": "portainerPassword" } } },
      // Its database is one file that must not change while it is copied.
      data: { data: { path: "/data", chown: true, copy: "paused" } },
      question: { port: PORT, path: "/api/system/status" },
      // Its own image has no /bin/chown.
      toolImage: "socket-proxy",
      tmpfs: { "/tmp": 16 },
      stopGraceSeconds: 20,
    },
  ],
});
