/** One row of each sort, from real indexes: what `npm run pin` may have to show. */

import type { Reading } from "../../images/inspect/reader";
import { decide, type PinRow } from "../../tools/pin/decision";
import { parseDigest, parseReference } from "../../images/reference";
import { indexedImage, LINUX_ARM64, platformImage, type IndexedImage } from "./oci-images";
import { readingOf } from "./readings";

export const NOW = new Date("2026-11-24T12:00:00Z");
export const DAY = 24 * 3_600_000;

const OCI = "org.opencontainers.image";
const digestOf = (digit: string) => parseDigest(`sha256:${digit.repeat(64)}`);
const arm64 = platformImage({ platform: LINUX_ARM64 });

interface Build {
  readonly created?: string;
  readonly version?: string;
  readonly revision?: string;
  readonly base?: string;
  readonly size?: number;
}

const buildOf = ({ created, version, revision, base, size = 10_000 }: Build) =>
  platformImage({
    ...(created !== undefined && { created }),
    annotations: {
      ...(version !== undefined && { [`${OCI}.version`]: version }),
      ...(revision !== undefined && { [`${OCI}.revision`]: revision }),
      ...(base !== undefined && {
        [`${OCI}.base.name`]: "alpine:3.20",
        [`${OCI}.base.digest`]: digestOf(base),
      }),
    },
    layers: ["x".repeat(size)],
  });

function row(
  service: string,
  image: string,
  readings: { readonly before?: Reading; readonly after: Reading },
  { tag, all = false }: { readonly tag?: string; readonly all?: boolean } = {},
): PinRow {
  const parsed = parseReference(image);
  const current = "facts" in readings.after ? readings.after.facts.digest : digestOf("f");
  return decide({ service, image: parsed, tag: tag ?? parsed.tag ?? "" }, current, readings, {
    minimumAge: 3 * DAY,
    all,
    now: NOW,
  });
}

const pinned = (name: string, image: IndexedImage): string => `${name}@${image.index.digest}`;

/** As pinned, one of each kind, both ways of being held, left alone, and failures of two registries. */
export function everyRow(): readonly PinRow[] {
  const old = indexedImage(
    [
      buildOf({
        created: "2026-10-01T08:00:00Z",
        version: "3.6.4",
        revision: "4e1f0c2",
        base: "a",
      }),
    ],
    { attestations: "build 1" },
  );
  const rebuilt = indexedImage(
    [
      buildOf({
        created: "2026-11-20T08:00:00Z",
        version: "3.6.4",
        revision: "4e1f0c2",
        base: "b",
        size: 3_000_000,
      }),
      arm64,
    ],
    { attestations: "build 2" },
  );
  const other = indexedImage([
    buildOf({ created: "2026-11-19T08:00:00Z", version: "3.6.4", revision: "9d3a|`b`" }),
  ]);
  const young = indexedImage([
    buildOf({ created: "2026-11-23T08:00:00Z", version: "1.70.0", revision: "77aa" }),
  ]);
  const ageless = indexedImage([
    buildOf({ created: "1970-01-01T00:00:00Z", version: "16", revision: "77aa" }),
  ]);
  const platforms = indexedImage([buildOf({ created: "2026-09-01T08:00:00Z", version: "2.19.5" })]);
  const more = indexedImage([
    buildOf({ created: "2026-09-01T08:00:00Z", version: "2.19.5" }),
    arm64,
  ]);
  const before = readingOf(old);
  return [
    { service: "as-it-was", from: pinned("redis:8", old), status: "as-pinned", why: "" },
    row("bare", "ghcr.io/team/bare:v1", { after: readingOf(rebuilt) }),
    row("traefik", pinned("traefik:v3.6.4", old), { before, after: readingOf(rebuilt) }),
    row("homepage", pinned("nginx:1.27-alpine", old), { before, after: readingOf(other) }),
    row("lost", `quay.io/team/lost:1@${digestOf("e")}`, {
      before: {
        missing: "gone",
        reason: "quay.io answered 404 (MANIFEST_UNKNOWN: see [us](http://x.test) @all)",
      },
      after: readingOf(other),
    }),
    row(
      "n8n",
      pinned("n8nio/n8n:1.64.2", old),
      { before, after: readingOf(young) },
      { tag: "1.70.0" },
    ),
    row("postgres", pinned("postgres:16-alpine", old), { before, after: readingOf(ageless) }),
    row("portainer", pinned("portainer/portainer-ce:2.19.5", platforms), {
      before: readingOf(platforms),
      after: readingOf(more),
    }),
    ...["cadvisor", "exporter"].map((service) => ({
      service,
      from: `gcr.io/team/${service}:1`,
      status: "fail" as const,
      why: "gcr.io answered 503, 4 times; check the network and the registry, then try again",
    })),
  ];
}
