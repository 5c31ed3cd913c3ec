/**
 * What known publishers say about signatures of their images. Each entry has its source and its date. `read`: from the
 * publisher's own build files or pages. `seen`: somebody verified a published image with it. A policy that was only read does
 * not stop a deployment: `npm run pin` prints the lines that make it binding. Pure.
 */
import type { ImageReference } from "../reference";
import { isOlder } from "../tag-version";
import type { TrustPolicy } from "./policy";

export interface Publisher {
  /** Repositories as `registry/repository`. */
  readonly repositories: readonly string[];
  readonly policy: TrustPolicy;
  /** From this version on, as the tag has it; older images have none. */
  readonly since?: readonly number[];
  /** Where it was found. */
  readonly source: string;
  /** When: `2026-08-18`. */
  readonly date: string;
  readonly known: "read" | "seen";
}

const GITHUB = "https://token.actions.githubusercontent.com";
const N8N = "https://github.com/n8n-io/n8n";
const OFFICIAL = {
  policy: { unsigned: "Docker Official Images publish no signature" },
  source: "docker-library/meta-scripts, build_should_sign",
  date: "2026-03-11",
  known: "read",
} as const;

export const PUBLISHERS: readonly Publisher[] = [
  {
    repositories: [
      "docker.io/library/traefik",
      "docker.io/library/nginx",
      "docker.io/library/postgres",
    ],
    ...OFFICIAL,
  },
  {
    repositories: ["ghcr.io/traefik/traefik"],
    policy: { unsigned: "a copy of the Docker Official Image, which has no signature" },
    source: "traefik/traefik, sync-docker-images.yaml",
    date: "2026-07-24",
    known: "read",
  },
  {
    repositories: [
      "docker.io/tecnativa/docker-socket-proxy",
      "ghcr.io/tecnativa/docker-socket-proxy",
    ],
    policy: { unsigned: "Tecnativa signs no images" },
    source: "Tecnativa/docker-socket-proxy, ci.yml",
    date: "2025-09-05",
    known: "read",
  },
  {
    repositories: ["docker.io/wollomatic/socket-proxy", "ghcr.io/wollomatic/socket-proxy"],
    since: [1, 6],
    policy: {
      signature: [
        {
          key: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYdXlfRbkO6KqPU7Khn1mSjbOIaD3um421A0NeT1wi840iWNp6MVKyj3tpnAyaQcLgd5/22O+eEHY+5+EHwB+eA==",
          log: "required",
        },
      ],
    },
    source: "wollomatic/socket-proxy, cosign.pub and SECURITY.md",
    date: "2026-08-18",
    known: "read",
  },
  {
    repositories: ["docker.io/portainer/portainer-ce"],
    policy: { unsigned: "Portainer has published nothing about signatures" },
    source: "portainer/portainer, its public workflows and issues",
    date: "2026-11-27",
    known: "read",
  },
  {
    repositories: ["gcr.io/cadvisor/cadvisor"],
    policy: { unsigned: "the cAdvisor project signs no images" },
    source: "google/cadvisor, build/release.sh",
    date: "2026-07-20",
    known: "read",
  },
  {
    repositories: ["ghcr.io/google/cadvisor"],
    policy: { unsigned: "the cAdvisor project signs no images" },
    source: "google/cadvisor, publish-container.yml",
    date: "2026-07-20",
    known: "read",
  },
  {
    repositories: ["docker.io/n8nio/n8n", "docker.n8n.io/n8nio/n8n", "ghcr.io/n8n-io/n8n"],
    // 1.64.2 has none. Provenance began in 2026-01, within the 2.x line.
    since: [2, 0],
    policy: {
      provenance: [
        {
          issuer: GITHUB,
          identity: String.raw`^https://github\.com/n8n-io/n8n/\.github/workflows/docker-build-push\.yml@refs/heads/release/[0-9]+\.[0-9]+\.[0-9]+$`,
          source: N8N,
          runner: "github-hosted",
          from: "ghcr.io/n8n-io/n8n",
        },
        {
          issuer: GITHUB,
          identity:
            "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v2.1.0",
          source: N8N,
          from: "ghcr.io/n8n-io/n8n",
        },
      ],
    },
    source: "n8n-io/n8n, docker-build-push.yml",
    date: "2026-09-10",
    known: "read",
  },
];

/** The publisher of an image; undefined if none is known, or if its version is older than the signatures. */
export function publisherOf(
  image: Pick<ImageReference, "registry" | "repository" | "tag">,
  publishers: readonly Publisher[] = PUBLISHERS,
): Publisher | undefined {
  const name = `${image.registry}/${image.repository}`;
  const found = publishers.find(({ repositories }) => repositories.includes(name));
  return found?.since !== undefined && isOlder(image.tag, found.since) ? undefined : found;
}
