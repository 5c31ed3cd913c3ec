/** The two sets of images that a stack is tested with. */
import { readStackFile } from "../../config/file/read";
import { PROJECT_FOLDER } from "../../tools/cli/command";

export type ImageSet = Readonly<Record<string, string>>;

/** What the stack files of this project pin today. */
export const TODAY = JSON.parse(
  readStackFile("prod", PROJECT_FOLDER).config["pinned-stack:images"] ?? "{}",
) as ImageSet;

/**
 * The tags of the guide that the stack started from, docs/from-the-guide.md says how to stay on one; of services that it
 * did not have, today's.
 */
export const GUIDE: ImageSet = {
  ...TODAY,
  traefik: "traefik:v3.6.4@sha256:c5bd185c41ba3dbb42cf8a1b9fbdc368bdc96f90c8e598134879935f64e7a7f1",
  // The guide's 0.2.7 has never existed. This is the oldest with one known digest.
  "socket-proxy":
    "ghcr.io/tecnativa/docker-socket-proxy:v0.4.2@sha256:1f3a6f303320723d199d2316a3e82b2e2685d86c275d5e3deeaf182573b47476",
  homepage:
    "nginx:1.27-alpine@sha256:65645c7bb6a0661892a8b03b89d0743208a18dd2f3f17a54ef4b76fb8e2f2a10",
  portainer:
    "portainer/portainer-ce:2.19.5@sha256:c2353b2bd0dbfaa33faa8895222732e8823a4cf5b57ea664ba631ec3e23d842b",
  n8n: "n8nio/n8n:1.64.2@sha256:a6d2c1b991a2c1f289d9c63b11fe5fd59c77421fb0c6701e0febc305cd2aa14b",
  postgres:
    "postgres:16-alpine@sha256:721873c34ceb9f8d8fc265984940dc982404c105f19ad51be9fdc5970a6080ea",
  cadvisor:
    "gcr.io/cadvisor/cadvisor:v0.49.1@sha256:3cde6faf0791ebf7b41d6f8ae7145466fed712ea6f252c935294d2608b1af388",
};
